//! The Kubernetes API as the operator uses it. Every call has a deadline, is counted, and fails with an error that holds no
//! content of any object.

use super::error::{Cause, ClusterError};
use super::fence::Fence;
use crate::metrics::Metrics;
use crate::resources::FIELD_MANAGER;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// The Kubernetes API.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    pub(super) recorder: Recorder,
    metrics: Arc<Metrics>,
    timeout: Duration,
    fence: Fence,
}

impl Cluster {
    /// Returns the cluster behind `client`; no call takes longer than `timeout`.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>, timeout: Duration) -> Self {
        let reporter = Reporter {
            controller: FIELD_MANAGER.to_owned(),
            instance: None,
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            client,
            metrics,
            timeout,
            fence: Fence::open(),
        }
    }

    /// Returns the same for one leadership: once the fence is closed nothing is written, since what a former leader would
    /// write may be outdated.
    #[must_use]
    pub fn fenced(&self, fence: Fence) -> Self {
        Self {
            fence,
            ..self.clone()
        }
    }

    /// Returns the client, for watches.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Makes one call with a deadline and a clean error.
    pub(super) async fn call<T>(
        &self,
        verb: &str,
        kind: &str,
        object: &str,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        let failed = |cause| ClusterError {
            operation: format!("{verb} {kind}"),
            object: object.to_owned(),
            cause,
        };
        if verb != "get" && verb != "list" {
            if !self.fence.is_open() {
                return Err(failed(Cause::NotLeader));
            }
            self.metrics.kube_write(&format!("{verb} {kind}"));
        }
        match tokio::time::timeout(self.timeout, call).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(failed(Cause::from(&error))),
            Err(_) => Err(failed(Cause::Timeout)),
        }
    }

    /// Returns the API of a namespaced kind.
    pub fn namespaced<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Returns the API of a cluster-wide kind.
    pub fn cluster_wide<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    /// Reads an object, or `None`. There is none under a text that is not a valid name, which would be another path.
    ///
    /// # Errors
    /// The call failed.
    pub async fn get<K>(&self, api: &Api<K>, name: &str) -> Result<Option<K>, ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        if !is_name(name) || !api.namespace().is_none_or(is_name) {
            return Ok(None);
        }
        self.call("get", &K::kind(&()), name, api.get_opt(name))
            .await
    }

    /// Lists all objects of an API, each decoded by itself: one that doesn't decode is left out, and the others are served.
    ///
    /// # Errors
    /// The call failed.
    pub async fn list<K>(&self, api: &Api<K>) -> Result<Vec<K>, ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let raw: Api<kube::api::DynamicObject> = match api.namespace() {
            Some(namespace) => Api::namespaced_with(
                self.client.clone(),
                namespace,
                &kube::api::ApiResource::erase::<K>(&()),
            ),
            None => Api::all_with(
                self.client.clone(),
                &kube::api::ApiResource::erase::<K>(&()),
            ),
        };
        let params = kube::api::ListParams::default();
        let kind = K::kind(&());
        let list = self.call("list", &kind, "all", raw.list(&params));
        let items = list.await?.items.into_iter();
        Ok(items.filter_map(|item| item.try_parse().ok()).collect())
    }
}

/// Returns whether an object or a namespace can have this name: a DNS subdomain, and so a plain segment of a path.
fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn what_would_change_the_path_of_a_request_is_no_name() {
        for name in ["default", "my.app-1", "a", &"a".repeat(253)] {
            assert!(is_name(name), "{name}");
        }
        for text in [
            "",
            "..",
            "../secrets/x",
            "a/b",
            "a?watch=true",
            "a#b",
            "a%2fb",
            "A",
            "a b",
            "\u{202e}a",
        ] {
            assert!(!is_name(text), "{text}");
        }
    }
}
