//! Reports on a resource whose reconciliation panicked or took too long. Nothing but its conditions is touched: the status
//! records the remote object.

use crate::cluster::error::ClusterError;
use crate::connections::ConnectionResource;
use crate::kinds::Kind;
use crate::reconcile::context::Context;
use crate::resources::{Conditions, Reason, ResourceKey, ResourceStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Sets Stalled with the reason `InternalError` on a resource with a remote object.
///
/// # Errors
/// The status could not be read or written.
pub async fn on_resource<K: Kind>(
    context: &Context,
    key: &ResourceKey,
    cause: &str,
) -> Result<(), ClusterError> {
    let api: Api<K> = context.cluster.namespaced(&key.namespace);
    let (cluster, shard) = (&context.cluster, &context.shard);
    let Some(object) = cluster.get_of_shard(&api, &key.name, shard).await? else {
        return Ok(());
    };
    let before = object.status().cloned().unwrap_or_default();
    let (message, conditions) = stalled(&object, before.common().conditions.as_deref(), cause);
    let mut next = before.clone();
    next.common_mut().observed_generation = object.meta().generation;
    next.common_mut().conditions = Some(conditions);
    write(context, key, &api, &object, (&before, &next), &message).await
}

/// Sets Stalled with the reason `InternalError` on a connection.
///
/// # Errors
/// The status could not be read or written.
pub async fn on_connection<C: ConnectionResource>(
    context: &Context,
    key: &ResourceKey,
    cause: &str,
) -> Result<(), ClusterError> {
    let api = C::api(context.cluster.client(), &key.namespace);
    let (cluster, shard) = (&context.cluster, &context.shard);
    let Some(object) = cluster.get_of_shard(&api, &key.name, shard).await? else {
        return Ok(());
    };
    let before = object.settings().status;
    let (message, conditions) = stalled(&object, before.conditions.as_deref(), cause);
    let mut next = before.clone();
    next.observed_generation = object.meta().generation;
    next.conditions = Some(conditions);
    write(context, key, &api, &object, (&before, &next), &message).await
}

fn stalled<R: Resource>(
    object: &R,
    last: Option<&[Condition]>,
    cause: &str,
) -> (String, Vec<Condition>) {
    let message = format!(
        "{cause}: this is a fault of the operator and affects only this resource; retrying, see the operator's log"
    );
    let generation = object.meta().generation.unwrap_or_default();
    let conditions = Conditions::after(last, generation, Timestamp::now());
    let conditions = conditions.verdict(Reason::InternalError, false, &message);
    (message, conditions.build())
}

async fn write<R, S>(
    context: &Context,
    key: &ResourceKey,
    api: &Api<R>,
    object: &R,
    (before, next): (&S, &S),
    message: &str,
) -> Result<(), ClusterError>
where
    R: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug,
    S: Serialize,
{
    let (metrics, name) = (&context.metrics, format!("{}/{}", key.namespace, key.name));
    metrics.set_reason(key.kind, name, Reason::InternalError);
    let cluster = &context.cluster;
    if cluster.write_status(api, object, before, next).await? {
        let (about, reason) = (object.object_ref(&()), Reason::InternalError.as_str());
        cluster.event(&about, reason, true, message).await;
    }
    Ok(())
}
