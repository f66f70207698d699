//! What is said on a resource whose pass ended badly: whatever its kind, and without touching anything else.

use super::world::World;
use crate::cluster::{ClusterError, merge_patch};
use crate::resources::ResourceKey;
use crate::resources::{Conditions, Reason};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// Sets Stalled with the reason `InternalError`.
///
/// # Errors
/// The status could not be read or written.
pub async fn stall<R>(
    world: &World,
    api: &Api<R>,
    key: &ResourceKey,
    what: &'static str,
) -> Result<(), ClusterError>
where
    R: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
{
    let Some(object) = world.cluster.get(api, &key.name).await? else {
        return Ok(());
    };
    let status = serde_json::to_value(&object)
        .ok()
        .and_then(|mut object| object.get_mut("status").map(Value::take));
    let stood = |key: &str| status.as_ref().and_then(|status| status.get(key)).cloned();
    let last: Vec<Condition> = stood("conditions")
        .and_then(|conditions| serde_json::from_value(conditions).ok())
        .unwrap_or_default();
    let message = format!(
        "{what}: this is a fault of the operator, which goes on with other resources and tries again; its log has the details"
    );
    let generation = object.meta().generation.unwrap_or_default();
    let conditions = Conditions::after(Some(&last), generation, Timestamp::now());
    let next = conditions
        .verdict(Reason::InternalError, false, &message)
        .build();
    let name = format!("{}/{}", key.namespace, key.name);
    world
        .metrics
        .set_reason(key.kind, name, Reason::InternalError);
    let Some(difference) = merge_patch(
        &json!({"conditions": last, "observedGeneration": stood("observedGeneration")}),
        &json!({"conditions": next, "observedGeneration": generation}),
    ) else {
        return Ok(());
    };
    world.cluster.patch_status(api, &object, difference).await?;
    let about = object.object_ref(&());
    world
        .cluster
        .event(&about, Reason::InternalError.as_str(), true, &message)
        .await;
    Ok(())
}
