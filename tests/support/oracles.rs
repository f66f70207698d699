//! What must be so after every story.

use super::world::{World, is_ready, status};
use kube::ResourceExt;
use kube::api::ListParams;
use metorial_operator::resources::{ProviderAuthCredentials, definitions};
use std::collections::BTreeMap;
use std::time::Duration;

impl World {
    /// Every resource is ready with exactly one live object that carries its marker, there are no others with a
    /// marker, and nothing is written any more on either side; no secret is anywhere in the cluster but in Secrets.
    pub async fn check_oracles(&self) {
        let all = self
            .api::<ProviderAuthCredentials>()
            .list(&ListParams::default())
            .await
            .unwrap();
        let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for object in self.remote() {
            if let Some(uid) = object.readable["metadata"]["kubernetes"]["uid"].as_str() {
                owners
                    .entry(uid.to_owned())
                    .or_default()
                    .push(object.id.clone());
            }
        }
        for object in &all.items {
            assert!(
                is_ready(object),
                "{} is not ready\n{}",
                object.name_any(),
                self.describe().await
            );
            let ids = owners.remove(&object.uid().unwrap()).unwrap_or_default();
            assert_eq!(
                ids,
                [status(object).id.unwrap()],
                "one object for {}",
                object.name_any()
            );
        }
        assert!(owners.is_empty(), "objects of nobody: {owners:?}");
        self.check_quiet().await;
        self.check_no_leak(&[&self.key, &self.client_secret]).await;
    }

    /// Nothing is written on either side for a while.
    pub async fn check_quiet(&self) {
        let versions = async || {
            let all = self
                .api::<ProviderAuthCredentials>()
                .list(&ListParams::default())
                .await
                .unwrap();
            all.items
                .iter()
                .map(|object| object.resource_version())
                .collect::<Vec<_>>()
        };
        let (before, writes) = (versions().await, self.attempts());
        tokio::time::sleep(Duration::from_millis(1200)).await;
        assert_eq!(before, versions().await, "no write to the cluster");
        assert_eq!(writes, self.attempts(), "no write to the API");
    }

    /// None of these values stands anywhere in our kinds, ConfigMaps or events of the namespace.
    pub async fn check_no_leak(&self, secrets: &[&str]) {
        let mut paths: Vec<String> = definitions()
            .iter()
            .filter(|definition| definition.spec.scope == "Namespaced")
            .map(|definition| {
                let (namespace, plural) = (&self.namespace, &definition.spec.names.plural);
                format!("/apis/metorial.com/v1alpha1/namespaces/{namespace}/{plural}")
            })
            .collect();
        let core = |plural: &str| format!("/api/v1/namespaces/{}/{plural}", self.namespace);
        paths.extend(["configmaps", "events"].map(core));
        let mut text = String::new();
        for path in paths {
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            text.push_str(&self.client.request_text(request).await.unwrap());
        }
        assert!(text.contains("managedFields"), "all of each object is read");
        for secret in secrets {
            assert!(
                !text.contains(secret),
                "a secret value is readable in the cluster"
            );
        }
    }
}
