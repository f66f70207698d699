//! Resources to measure, created as the administrator.

use control_plane::ControlPlane;
use installation::Failure;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use metorial_operator::resources::{Connection, ProviderAuthCredentials, condition};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

/// Number of concurrent operations: the operator's default for concurrent reconciliations.
pub const CONCURRENCY: usize = 32;

/// Returns the name of a resource and of its Secret.
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

/// Creates a namespace with this many credentials, each with a Secret of its own.
pub async fn create(
    plane: &ControlPlane,
    namespace_name: &str,
    count: usize,
) -> Result<(), Failure> {
    let client = plane.client();
    let namespace = Namespace {
        metadata: meta(namespace_name),
        ..Namespace::default()
    };
    Api::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await?;
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace_name);
    let credentials: Api<ProviderAuthCredentials> = Api::namespaced(client, namespace_name);
    for_each_concurrently(count, move |number| {
        let (secrets, credentials) = (secrets.clone(), credentials.clone());
        async move {
            let params = PostParams::default();
            let name = name(number);
            let texts = json!({"client-id": format!("id-{number}"), "client-secret": format!("secret-{number}")});
            secrets.create(&params, &secret(&name, texts)?).await?;
            let object = serde_json::from_value(manifest(&name))?;
            credentials.create(&params, &object).await?;
            Ok(())
        }
    })
    .await
}

/// Creates their default Connection, with a rate limit that the run can't reach.
pub async fn connect(
    plane: &ControlPlane,
    namespace_name: &str,
    url: &str,
    key: &str,
) -> Result<(), Failure> {
    let params = PostParams::default();
    let secrets: Api<Secret> = Api::namespaced(plane.client(), namespace_name);
    let of_key = secret("metorial", json!({"api-key": key}))?;
    secrets.create(&params, &of_key).await?;
    let connections: Api<Connection> = Api::namespaced(plane.client(), namespace_name);
    let connection = serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "Connection",
        "metadata": {"name": "default"},
        "spec": {
            "baseUrl": url,
            "apiKey": {"secretKeyRef": {"name": "metorial", "key": "api-key"}},
        },
    }))?;
    connections.create(&params, &connection).await?;
    Ok(())
}

/// Returns whether all credentials of the namespace are ready.
pub async fn all_ready(plane: &ControlPlane, namespace_name: &str) -> Result<bool, Failure> {
    let credentials: Api<ProviderAuthCredentials> = Api::namespaced(plane.client(), namespace_name);
    let all = credentials.list(&Default::default()).await?;
    Ok(all.iter().all(|object| {
        let conditions = object.status.as_ref();
        let conditions = conditions.and_then(|status| status.common.conditions.as_deref());
        condition(conditions, "Ready").is_some_and(|ready| ready.status == "True")
    }))
}

/// Changes the client secret in one Secret.
pub async fn rotate(
    plane: &ControlPlane,
    namespace_name: &str,
    number: usize,
    to: &str,
) -> Result<(), Failure> {
    let secrets: Api<Secret> = Api::namespaced(plane.client(), namespace_name);
    let patch = Patch::Merge(json!({"stringData": {"client-secret": to}}));
    secrets
        .patch(&name(number), &PatchParams::default(), &patch)
        .await?;
    Ok(())
}

fn meta(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

fn secret(name: &str, texts: Value) -> Result<Secret, Failure> {
    Ok(Secret {
        metadata: meta(name),
        string_data: serde_json::from_value(texts)?,
        ..Secret::default()
    })
}

fn manifest(name: &str) -> Value {
    let from = |key: &str| json!({"secretKeyRef": {"name": name, "key": key}});
    json!({
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
    })
}
