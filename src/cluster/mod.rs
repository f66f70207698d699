//! Effects on Kubernetes. Every call has a deadline, is counted, and fails with a text that holds no content of any
//! object.

pub mod dependencies;
pub mod export_secret;
pub mod fence;
mod fingerprint_key;
pub mod lease;
mod orphans;
mod owned;
mod resolve;
mod status;

pub use owned::Publication;
pub use resolve::Missing;
pub use status::merge_patch;

use self::fence::Fence;
use crate::metrics::Metrics;
use crate::plan::Fingerprint;
use crate::resources::{FIELD_MANAGER, Reason};
use k8s_openapi::api::core::v1::{Namespace, ObjectReference};
use kube::api::{Patch, PatchParams};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// The Kubernetes API, as the operator uses it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    recorder: Recorder,
    metrics: Arc<Metrics>,
    timeout: Duration,
    fence: Fence,
}

/// A failed call: what was tried on which object, and why it failed, without a word of any object's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} {object}: {cause}")]
pub struct ClusterError {
    /// Verb and kind.
    pub operation: String,
    /// The object.
    pub object: String,
    /// Why.
    pub cause: Cause,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The object changed, or is another one of the same name by now.
    #[error("it was changed by somebody else in the meantime")]
    Conflict,
    /// It is not there.
    #[error("not found")]
    NotFound,
    /// The ServiceAccount lacks a right.
    #[error("not permitted: check the operator's roles")]
    Forbidden,
    /// The API server refuses what was sent.
    #[error("refused with {0}")]
    Refused(u16),
    /// Any other answer.
    #[error("the API server answered {0}")]
    Server(u16),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection, or an answer that is none.
    #[error("the API server can't be reached")]
    Unreachable,
    /// Another process leads, or may: nothing was sent.
    #[error("this process does not lead any more")]
    NotLeader,
    /// An object that doesn't decode.
    #[error("the stored object doesn't fit its definition")]
    Undecodable,
}

impl From<&kube::Error> for Cause {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                403 => Self::Forbidden,
                404 => Self::NotFound,
                409 => Self::Conflict,
                400..=499 if status.code != 429 && status.code != 401 => Self::Refused(status.code),
                code => Self::Server(code),
            },
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Undecodable,
            _ => Self::Unreachable,
        }
    }
}

impl Cluster {
    /// The cluster behind `client`; no call takes longer than `timeout`.
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

    /// The same for one term of leadership: once the fence is closed nothing is written, for what a former leader has
    /// to say may be outdated.
    #[must_use]
    pub fn fenced(&self, fence: Fence) -> Self {
        Self {
            fence,
            ..self.clone()
        }
    }

    /// The client, for watches.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// One call with deadline and clean error.
    async fn call<T>(
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

    /// The uid of `kube-system`: the identity of the cluster.
    ///
    /// # Errors
    /// The call failed.
    pub async fn identity(&self) -> Result<String, ClusterError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = self.call("get", "Namespace", "kube-system", api.get("kube-system"));
        Ok(found.await?.uid().unwrap_or_default())
    }

    /// The labels of a namespace.
    ///
    /// # Errors
    /// The call failed.
    pub async fn namespace_labels(
        &self,
        name: &str,
    ) -> Result<std::collections::BTreeMap<String, String>, ClusterError> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let found = self.call("get", "Namespace", name, api.get_metadata(name));
        Ok(found.await?.metadata.labels.unwrap_or_default())
    }

    /// An API of a namespaced kind.
    pub fn namespaced<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// An API of a cluster-wide kind.
    pub fn cluster_wide<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    /// An object as it stands now, or `None`. There is none under a text that is no name: it would be another path.
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

    /// All objects of an API, each decoded for itself: one that doesn't decode is left out, not the list.
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

    /// Sets the finalizers, provided that the object is still the one that was read; answers it as it is now.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where the object changed.
    pub async fn set_finalizers<K>(
        &self,
        api: &Api<K>,
        object: &K,
        finalizers: &[String],
    ) -> Result<K, ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let patch = json!({"metadata": {
            "uid": object.meta().uid,
            "resourceVersion": object.meta().resource_version,
            "finalizers": finalizers,
        }});
        let name = object.name_any();
        let params = PatchParams::default();
        self.call(
            "patch",
            &K::kind(&()),
            &name,
            api.patch(&name, &field_manager(params), &Patch::Merge(patch)),
        )
        .await
    }

    /// Writes the difference between two statuses, provided that the object still has this uid. The `resourceVersion`
    /// is left out on purpose: an id must be recorded even if somebody edited the spec meanwhile.
    ///
    /// # Errors
    /// The call failed.
    pub async fn patch_status<K>(
        &self,
        api: &Api<K>,
        object: &K,
        difference: Value,
    ) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let patch = json!({"metadata": {"uid": object.meta().uid}, "status": difference});
        let name = object.name_any();
        let kind = format!("{}/status", K::kind(&()));
        let params = field_manager(PatchParams::default());
        self.call(
            "patch",
            &kind,
            &name,
            api.patch_status(&name, &params, &Patch::Merge(patch)),
        )
        .await
        .map(drop)
    }

    /// Tells an event. Events are for people: one that can't be told is logged and forgotten.
    pub async fn event(&self, about: &ObjectReference, reason: &str, warning: bool, note: &str) {
        let event = Event {
            type_: if warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: reason.to_owned(),
            note: Some(note.chars().take(1000).collect()),
            // Repetitions are folded by action and reason: another note is another event.
            action: format!("Reconcile{:08x}", Fingerprint::short(note)),
            secondary: None,
        };
        let name = about.name.clone().unwrap_or_default();
        let told = self.call(
            "create",
            "Event",
            &name,
            self.recorder.publish(&event, about),
        );
        if let Err(error) = told.await {
            tracing::warn!(%error, reason, "an event could not be told");
        }
    }
}

/// Whether an object or a namespace can have this name: a DNS subdomain, so a plain segment of a path.
fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

/// Parameters of a patch under the operator's name.
fn field_manager(params: PatchParams) -> PatchParams {
    PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..params
    }
}

/// A reason and a message about something in the cluster that an object waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// From the closed list.
    pub reason: Reason,
    /// What is missing, and what to do.
    pub message: String,
}

/// An owner reference that lets the garbage collector take the child along.
fn owned_by<K: Resource<DynamicType = ()> + Serialize>(
    object: &K,
) -> Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference> {
    object.controller_owner_ref(&()).map(|mut reference| {
        reference.block_owner_deletion = None;
        reference
    })
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
