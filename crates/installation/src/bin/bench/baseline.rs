//! Baseline: the time that the API server alone takes for the requests of a reconciliation, without operator and Metorial.

use crate::objects::{self, for_each_concurrently};
use crate::tenant::{Secrets, Tenant};
use control_plane::ControlPlane;
use installation::{Failure, NAMESPACE, RELEASE};
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Name of its namespace.
pub const NAMESPACE_OF_BASELINE: &str = "baseline";

/// Measures a GET, a patch that adds a finalizer and a patch of the status for each of `count` objects of `tenant`, with the
/// rights of the operator. Deletes the objects afterwards.
pub async fn measure(
    plane: &ControlPlane,
    tenant: &Tenant,
    count: usize,
) -> Result<Duration, Failure> {
    tenant.add(count, Secrets::Own).await?;
    let client = plane.client_for(NAMESPACE, RELEASE).await?;
    let api: Api<ProviderAuthCredentials> = Api::namespaced(client, NAMESPACE_OF_BASELINE);
    let began = Instant::now();
    let objects = api.clone();
    for_each_concurrently(count, move |number| {
        let api = objects.clone();
        async move { one(&api, &objects::name(number)).await }
    })
    .await?;
    let took = began.elapsed();
    let admins: Api<ProviderAuthCredentials> =
        Api::namespaced(plane.client(), NAMESPACE_OF_BASELINE);
    for_each_concurrently(count, move |number| {
        let admins = admins.clone();
        async move {
            let name = objects::name(number);
            let no_finalizers = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            let params = PatchParams::default();
            admins.patch(&name, &params, &no_finalizers).await?;
            admins.delete(&name, &DeleteParams::default()).await?;
            Ok(())
        }
    })
    .await?;
    Ok(took)
}

async fn one(api: &Api<ProviderAuthCredentials>, name: &str) -> Result<(), Failure> {
    let object = api.get(name).await?;
    let finalizer = json!({"metadata": {
        "uid": object.metadata.uid,
        "resourceVersion": object.metadata.resource_version,
        "finalizers": ["metorial.com/baseline"],
    }});
    let params = PatchParams::default();
    api.patch(name, &params, &Patch::Merge(finalizer)).await?;
    let status = Patch::Merge(json!({"status": status()}));
    api.patch_status(name, &params, &status).await?;
    Ok(())
}

/// Returns a status as large as the operator's.
fn status() -> Value {
    let condition = |kind: &str, message: &str| {
        json!({
            "type": kind, "status": "True", "reason": "Synced", "message": message,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
        })
    };
    let input = |field: &str, key: &str| {
        json!({
            "field": field, "source": format!("Secret/app-00000/{key}"), "pushedAt": "2026-01-01T00:00:00Z",
            "fingerprint": format!("v1:01234567:{}", "0".repeat(32)),
        })
    };
    json!({
        "id": "par_000000000000000000000",
        "instanceId": "ins_000000000000000000000",
        "providerId": "pro_000000000000000000000",
        "connection": "Connection/default",
        "observedGeneration": 1,
        "lastAppliedRevision": format!("v1:01234567:{}", "0".repeat(32)),
        "remoteUpdatedAt": "2026-01-01T00:00:00.000Z",
        "inputs": [input("oauth.clientId", "client-id"), input("oauth.clientSecret", "client-secret")],
        "conditions": [condition("Ready", "created at Metorial"), condition("ReferencesResolved", "all references are resolved")],
    })
}
