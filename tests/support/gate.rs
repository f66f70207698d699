//! Holds the operator at one certain write to Kubernetes, before it is sent or after it was applied: where it is then
//! killed. Counts its reads.

use super::calls::KubeCall;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::sync::Notify;
use tower::{Layer, Service};

/// On which side of its effect a call is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It is not sent.
    Before,
    /// It is applied, and its answer is lost.
    After,
}

/// Notes the calls of one operator and holds one of its writes.
#[derive(Clone)]
pub struct KubeGate(Arc<Inner>);

struct Inner {
    /// The nth call of this name, from 1.
    at: Option<(KubeCall, usize)>,
    moment: Moment,
    /// Whether the call is not held, but comes too late: somebody else changed the object before.
    conflicts: bool,
    seen: Mutex<Vec<KubeCall>>,
    /// The pages of lists that were asked for.
    listed: Mutex<Vec<Page>>,
    /// The paths of the objects that were read one by one.
    read: Mutex<Vec<String>>,
    reached: Notify,
}

/// A page of a list.
struct Page {
    /// The plural name of the kind.
    of: String,
    /// Whether it was the first.
    begins: bool,
    /// The namespace; `None` for all.
    namespace: Option<String>,
}

impl KubeGate {
    /// Holds the `nth` call of this name (from 1).
    pub fn at(call: KubeCall, nth: usize, moment: Moment) -> Self {
        Self::new(Some((call, nth)), moment, false)
    }

    /// Only notes.
    pub fn open() -> Self {
        Self::new(None, Moment::Before, false)
    }

    /// Lets the first patch of this name conflict.
    pub fn conflicting(call: KubeCall) -> Self {
        Self::new(Some((call, 1)), Moment::Before, true)
    }

    fn new(at: Option<(KubeCall, usize)>, moment: Moment, conflicts: bool) -> Self {
        Self(Arc::new(Inner {
            at,
            moment,
            conflicts,
            seen: Mutex::default(),
            listed: Mutex::default(),
            read: Mutex::default(),
            reached: Notify::new(),
        }))
    }

    /// The writes so far.
    pub fn calls(&self) -> Vec<KubeCall> {
        self.0.seen.lock().unwrap().clone()
    }

    /// How many writes there were.
    pub fn count(&self) -> usize {
        self.0.seen.lock().unwrap().len()
    }

    /// How many lists of a kind began, and how many pages were asked for in all of them.
    pub fn listed(&self, plural: &str) -> (usize, usize) {
        let listed = self.0.listed.lock().unwrap();
        let pages = || listed.iter().filter(|page| page.of == plural);
        (pages().filter(|page| page.begins).count(), pages().count())
    }

    /// How many pages of a kind in a namespace, or in all, were asked for.
    pub fn listed_in(&self, namespace: Option<&str>, plural: &str) -> usize {
        let listed = self.0.listed.lock().unwrap();
        let pages = listed.iter().filter(|page| page.of == plural);
        pages
            .filter(|page| page.namespace.as_deref() == namespace)
            .count()
    }

    /// How many times a Connection was read.
    pub fn read_connection(&self, namespace: &str, name: &str) -> usize {
        let read = self.0.read.lock().unwrap();
        let path = format!("/namespaces/{namespace}/connections/{name}");
        read.iter().filter(|read| read.ends_with(&path)).count()
    }

    fn note_read(&self, head: &http::request::Parts) {
        let query = head.uri.query().unwrap_or_default();
        if head.method != http::Method::GET || query.contains("watch=") {
            return;
        }
        let path = head.uri.path();
        if !query.contains("limit=") {
            self.0.read.lock().unwrap().push(path.to_owned());
            return;
        }
        let (above, plural) = path.rsplit_once('/').unwrap();
        self.0.listed.lock().unwrap().push(Page {
            of: plural.to_owned(),
            begins: query.contains("limit=50") && !query.contains("continue="),
            namespace: above
                .split_once("/namespaces/")
                .map(|(_, name)| name.to_owned()),
        });
    }

    /// Waits until the call is held.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }

    /// Notes a call; returns whether it is the one to hold.
    fn is_held(&self, call: Option<KubeCall>) -> bool {
        let Some(call) = call else {
            return false;
        };
        let mut seen = self.0.seen.lock().unwrap();
        seen.push(call.clone());
        let so_far = seen.iter().filter(|other| **other == call).count();
        self.0.at == Some((call, so_far))
    }
}

impl<S> Layer<S> for KubeGate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        let gate = self.clone();
        Gated { inner, gate }
    }
}

/// The service behind a gate.
#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: KubeGate,
}

impl<S, R> Service<http::Request<Body>> for Gated<S>
where
    S: Service<http::Request<Body>, Response = R> + Send,
    S::Future: Send + 'static,
    R: Send,
    S::Error: Send,
{
    type Response = R;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<R, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let gate = self.gate.clone();
        let (head, body) = request.into_parts();
        // A request of the operator has all of its body at hand.
        let body = body.collect_bytes().now_or_never();
        let body = body.expect("no body is streamed").unwrap();
        gate.note_read(&head);
        let held = gate.is_held(KubeCall::of(&head.method, head.uri.path(), &body));
        let conflicts = held && gate.0.conflicts;
        let held = held && !conflicts;
        let body = match conflicts {
            true => Body::from(outdated(&body)),
            false => Body::from(body),
        };
        let request = http::Request::from_parts(head, body);
        if held && gate.0.moment == Moment::Before {
            return Box::pin(async move {
                gate.0.reached.notify_one();
                std::future::pending().await
            });
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            if held {
                gate.0.reached.notify_one();
                std::future::pending::<()>().await;
            }
            answer
        })
    }
}

/// Returns a patch of an object as it was long ago.
fn outdated(patch: &[u8]) -> Vec<u8> {
    let mut patch: Value = serde_json::from_slice(patch).unwrap();
    match patch.as_array_mut() {
        Some(steps) => {
            steps.push(json!({"op": "add", "path": "/metadata/resourceVersion", "value": "1"}));
        }
        None => patch["metadata"]["resourceVersion"] = "1".into(),
    }
    patch.to_string().into_bytes()
}
