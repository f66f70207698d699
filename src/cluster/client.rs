//! The Kubernetes API as the operator uses it. Every call has a deadline, is counted, and fails with an error that holds no
//! content of any object.

use super::decode::decode;
use super::error::{Cause, ClusterError};
use super::event_queue::EventQueue;
use super::fence::Fence;
use super::verb::Verb;
use crate::metrics::Metrics;
use crate::resources::FIELD_MANAGER;
use crate::sensitive::Sensitive;
use kube::api::GetParams;
use kube::core::{NamespaceResourceScope, Request};
use kube::runtime::events::{Recorder, Reporter};
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tracing::{Instrument, Span};

/// The number of pages of lists in memory.
const MAX_PAGES: usize = 2;

/// The Kubernetes API.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    pub(super) recorder: Recorder,
    /// Where events are written in the background.
    pub(super) events: Option<EventQueue>,
    metrics: Arc<Metrics>,
    timeout: Duration,
    fence: Fence,
    /// Limits the pages of lists in memory.
    pub(super) pages: Arc<Semaphore>,
    /// The namespaces that the operator has rights in; empty for all.
    namespaces: Arc<[String]>,
    /// Held while the record of orphans is read and written.
    pub(super) orphans: Arc<Mutex<()>>,
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
            events: None,
            client,
            metrics,
            timeout,
            fence: Fence::open(),
            pages: Arc::new(Semaphore::new(MAX_PAGES)),
            namespaces: Arc::new([]),
            orphans: Arc::default(),
        }
    }

    /// Returns the same for an operator that has rights in these namespaces only; in all, if there are none.
    #[must_use]
    pub fn in_namespaces(self, namespaces: &[String]) -> Self {
        let namespaces = namespaces.into();
        Self { namespaces, ..self }
    }

    /// Returns whether the operator has rights in all namespaces.
    #[must_use]
    pub fn serves_all(&self) -> bool {
        self.namespaces.is_empty()
    }

    /// Returns whether the operator has rights in a namespace.
    #[must_use]
    pub fn serves(&self, namespace: &str) -> bool {
        let mut served = self.namespaces.iter();
        self.serves_all() || served.any(|served| served == namespace)
    }

    /// Returns where objects of a namespaced kind are listed: in each namespace that is served, or in all together (`None`).
    #[must_use]
    pub fn scopes(&self) -> Vec<Option<&str>> {
        match &*self.namespaces {
            [] => vec![None],
            some => some.iter().map(|name| Some(name.as_str())).collect(),
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
        verb: Verb,
        kind: &str,
        object: &str,
        call: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ClusterError> {
        let failed = |cause| ClusterError::new(verb, kind, object, cause);
        if verb.is_write() {
            if !self.fence.is_open() {
                return Err(failed(Cause::NotLeader));
            }
            self.metrics.kube_write(&format!("{verb} {kind}"));
        }
        // Of a trace only within a reconciliation: the lease is renewed every few seconds.
        let span = if Span::current().is_none() {
            Span::none()
        } else {
            tracing::debug_span!("kubernetes", otel.name = %format_args!("{verb} {kind}"), otel.kind = "client", %verb, object)
        };
        // The client repeats a call that Kubernetes is too busy for, and must not do that with a write once the fence is closed.
        let closed = async {
            if verb.is_write() {
                self.fence.closed().await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let call = tokio::time::timeout(self.timeout, call).instrument(span);
        let done = tokio::select! {
            biased;
            done = call => done,
            () = closed => return Err(failed(Cause::NotLeader)),
        };
        match done {
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

    /// Reads an object. Returns `None` for an invalid name, which would form a different path.
    ///
    /// # Errors
    /// The call failed.
    pub async fn get<K>(&self, api: &Api<K>, name: &str) -> Result<Option<K>, ClusterError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        if !is_name(name) || !api.namespace().is_none_or(is_name) {
            return Ok(None);
        }
        let request = Request::new(api.resource_url()).get(name, &GetParams::default());
        let read = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            self.client.request_text(request).await
        };
        let kind = K::kind(&());
        let text = match self.call(Verb::Get, &kind, name, read).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            text => Sensitive::new(text?),
        };
        decoded(Verb::Get, &kind, name, &text).map(Some)
    }
}

/// Decodes the object that a call returned. The client's own decoding would fail at an object that is nested too deep.
///
/// # Errors
/// [`Cause::Undecodable`].
pub(super) fn decoded<T: DeserializeOwned>(
    verb: Verb,
    kind: &str,
    name: &str,
    text: &Sensitive<String>,
) -> Result<T, ClusterError> {
    let failed = || ClusterError::new(verb, kind, name, Cause::Undecodable);
    decode(text.expose()).ok_or_else(failed)
}

/// Returns whether an object or a namespace can have this name: a DNS subdomain, and so a plain segment of a path.
pub(super) fn is_name(text: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::super::boot_time::BootTime;
    use super::*;
    use std::convert::Infallible;
    use tower::service_fn;

    /// A call that is repeated for ever, with a fence that is closed after this time.
    async fn repeated(verb: Verb, open_for: Duration, timeout: Duration) -> Cause {
        let service = service_fn(|_: http::Request<kube::client::Body>| async {
            Ok::<_, Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        let (client, metrics) = (Client::new(service, "default"), Arc::default());
        let fence = Fence::default();
        fence.open_until(BootTime::now() + open_for);
        let cluster = Cluster::new(client, metrics, timeout).fenced(fence);
        let call = std::future::pending::<Result<(), kube::Error>>();
        let ended = cluster.call(verb, "Secret", "name", call).await;
        ended.unwrap_err().cause
    }

    #[tokio::test]
    async fn a_write_is_not_repeated_once_the_fence_is_closed() {
        let (soon, late) = (Duration::from_millis(50), Duration::from_secs(10));
        assert_eq!(repeated(Verb::Patch, soon, late).await, Cause::NotLeader);
        assert_eq!(repeated(Verb::Patch, late, soon).await, Cause::Timeout);
        assert_eq!(repeated(Verb::Get, soon, soon * 2).await, Cause::Timeout);
    }

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
