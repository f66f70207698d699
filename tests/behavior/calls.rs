//! The writes of an operator to Kubernetes, in the order in which it sends them.

use futures::FutureExt;
use futures::future::BoxFuture;
use http::Method;
use kube::client::Body;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// One write. The status is 0 while there is no answer.
#[derive(Clone)]
pub struct Write {
    pub method: Method,
    /// Plural, name and subresource, as they stand in the path.
    pub target: Vec<String>,
    /// True for a dry run, which changes nothing.
    pub dry_run: bool,
    pub body: Value,
    pub status: u16,
}

/// A layer that keeps the writes of every client that is built with it.
#[derive(Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Write>>>);

impl Calls {
    /// Returns the writes so far.
    pub fn all(&self) -> Vec<Write> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the writes to each object, in order. Those to different objects are sent by different reconciliations,
    /// whose order is not defined.
    pub fn by_object(&self) -> BTreeMap<String, Vec<String>> {
        let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for write in self.all() {
            let [plural, rest @ ..] = write.target.as_slice() else {
                continue;
            };
            if matches!(plural.as_str(), "events" | "leases") {
                continue;
            }
            let name = write.body["metadata"]["name"].as_str();
            let name = rest
                .first()
                .map(String::as_str)
                .or(name)
                .unwrap_or_default();
            let part = rest.get(1).map(|part| format!(" {part}"));
            let part = part.unwrap_or_default();
            let dry_run = if write.dry_run { " dry-run" } else { "" };
            let line = format!("{}{part}{dry_run} {}", write.method, write.status);
            objects
                .entry(format!("{plural}/{name}"))
                .or_default()
                .push(line);
        }
        objects
    }

    /// Returns type and reason of the events about each object, in order.
    pub fn events(&self) -> BTreeMap<String, Vec<String>> {
        let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
        for write in self.all() {
            if write.target.first().is_none_or(|plural| plural != "events") {
                continue;
            }
            let name = write.body["metadata"]["name"].as_str();
            let name = write
                .target
                .get(1)
                .map(String::as_str)
                .or(name)
                .unwrap_or_default();
            // A repeated event is a PATCH that says only how often it was.
            let body = bodies.entry(name.to_owned()).or_insert(write.body);
            let about = &body["regarding"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let about = format!("{}/{}", text(&about["kind"]), text(&about["name"]));
            let line = format!("{} {}", text(&body["type"]), text(&body["reason"]));
            objects.entry(about).or_default().push(line);
        }
        objects
    }

    fn enter(&self, request: &http::Request<Body>) -> usize {
        let path = request.uri().path();
        let target = path.split("/namespaces/").nth(1).unwrap_or(path);
        // What is written is all there before it is sent.
        let body = request.body().try_clone().unwrap().collect_bytes();
        let body = body.now_or_never().unwrap().unwrap();
        let write = Write {
            method: request.method().clone(),
            target: target.split('/').skip(1).map(str::to_owned).collect(),
            dry_run: request
                .uri()
                .query()
                .is_some_and(|query| query.contains("dryRun")),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            status: 0,
        };
        let mut all = self.0.lock().unwrap();
        all.push(write);
        all.len() - 1
    }
}

impl<S> Layer<S> for Calls {
    type Service = Recorded<S>;

    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded {
            inner,
            calls: self.clone(),
        }
    }
}

/// The client's service below the layer.
#[derive(Clone)]
pub struct Recorded<S> {
    inner: S,
    calls: Calls,
}

impl<S, B> Service<http::Request<Body>> for Recorded<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>> + Send,
    S::Future: Send + 'static,
    S::Error: Send,
    B: Send,
{
    type Response = http::Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<http::Response<B>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let number = (*request.method() != Method::GET).then(|| self.calls.enter(&request));
        let answer = self.inner.call(request);
        let calls = self.calls.clone();
        Box::pin(async move {
            let answer = answer.await;
            if let (Some(number), Ok(answer)) = (number, &answer) {
                calls.0.lock().unwrap()[number].status = answer.status().as_u16();
            }
            answer
        })
    }
}
