//! Waiting for a condition, and objects that the tests create and read.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};

/// Repeats `attempt` until it succeeds; panics with the last error after a minute.
pub async fn eventually<T, E: Debug>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match attempt().await {
            Ok(value) => return value,
            Err(last) => assert!(Instant::now() < deadline, "{what}, but: {last:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Creates a namespace with a generated name.
pub async fn new_namespace(client: &Client) -> String {
    let namespace = Namespace {
        metadata: ObjectMeta {
            generate_name: Some("test-".to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let created = Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    created.metadata.name.unwrap()
}

/// Waits for the ServiceAccount that the controller manager creates in a namespace.
pub async fn default_service_account(client: &Client, namespace: &str) -> ServiceAccount {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    eventually("the namespace has a default ServiceAccount", async || {
        accounts.get("default").await
    })
    .await
}

pub async fn write_config_map(client: &Client, namespace: &str, name: &str) -> kube::Result<()> {
    let config_map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    config_maps
        .create(&PostParams::default(), &config_map)
        .await?;
    Ok(())
}

pub async fn config_map_names(client: &Client, namespace: &str) -> kube::Result<Vec<String>> {
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let list = config_maps.list(&Default::default()).await?;
    Ok(list
        .into_iter()
        .filter_map(|item| item.metadata.name)
        .collect())
}
