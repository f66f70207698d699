//! Manifests of what is measured, and the creation of many objects at once.

use installation::Failure;
use k8s_openapi::api::core::v1::Secret;
use kube::api::ObjectMeta;
use metorial_operator::resources::{ProviderAuthCredentials, condition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Number of concurrent operations: the operator's default for concurrent reconciliations.
pub const CONCURRENCY: usize = 32;

/// Returns the name of a resource, and of its Secret if it has one of its own.
pub fn name(number: usize) -> String {
    format!("app-{number:05}")
}

/// Runs `act` for the numbers from 0 to `count`, up to [`CONCURRENCY`] at the same time.
pub async fn for_each_concurrently<F>(
    count: usize,
    act: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers: JoinSet<Result<(), Failure>> = JoinSet::new();
    for _ in 0..CONCURRENCY {
        let (next, act) = (next.clone(), act.clone());
        workers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                act(number).await?;
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    Ok(())
}

/// Returns whether credentials are ready.
pub fn is_ready(credentials: &ProviderAuthCredentials) -> bool {
    let status = credentials.status.as_ref();
    let conditions = status.and_then(|status| status.common.conditions.as_deref());
    condition(conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// Returns metadata with this name.
pub fn meta(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

/// Returns a Secret with these texts.
pub fn secret(name: &str, texts: Value) -> Result<Secret, Failure> {
    Ok(Secret {
        metadata: meta(name),
        string_data: serde_json::from_value(texts)?,
        ..Secret::default()
    })
}

/// Returns credentials with the values of a Secret.
pub fn credentials(name: &str, secret: &str) -> Result<ProviderAuthCredentials, Failure> {
    let from = |key: &str| json!({"secretKeyRef": {"name": secret, "key": key}});
    let manifest = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": name},
        "spec": {
            "providerId": "github",
            "oauth": {
                "clientId": from("client-id"),
                "clientSecret": from("client-secret"),
                "scopes": ["repo", "read:user"],
            },
        },
    });
    Ok(serde_json::from_value(manifest)?)
}
