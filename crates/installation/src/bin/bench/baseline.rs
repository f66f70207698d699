//! Baseline: the time that the API server alone takes for the requests that a new resource needs, without operator and
//! Metorial: the reads of the resource and of its Secret, the patch that adds the finalizer, and the one of the status.

use crate::bench::Bench;
use crate::objects::{self, for_each_concurrently};
use crate::tenant::Secrets;
use installation::{Failure, NAMESPACE, RELEASE};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Measures what one reconciliation of a new resource needs, for each of `count` objects in a new namespace, with the rights of
/// the operator. Deletes the objects afterward.
pub async fn measure(bench: &Bench, namespace: &str) -> Result<Duration, Failure> {
    let count = bench.count;
    let tenant = bench.tenant(namespace).await?;
    tenant.add(count, Secrets::Own).await?;
    let client = bench.plane.client_for(NAMESPACE, RELEASE).await?;
    let api: Api<ProviderAuthCredentials> = Api::namespaced(client.clone(), namespace);
    let secrets: Api<Secret> = Api::namespaced(client, namespace);
    let began = Instant::now();
    for_each_concurrently(count, move |number| {
        let (api, secrets) = (api.clone(), secrets.clone());
        async move { one(&api, &secrets, &objects::name(number)).await }
    })
    .await?;
    let took = began.elapsed();
    tenant.remove_finalizers(count).await?;
    tenant.delete_all(bench.timeout()).await?;
    // The operator would check it.
    tenant.delete_connection().await?;
    Ok(took)
}

async fn one(
    api: &Api<ProviderAuthCredentials>,
    secrets: &Api<Secret>,
    name: &str,
) -> Result<(), Failure> {
    let object = api.get(name).await?;
    secrets.get(name).await?;
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
