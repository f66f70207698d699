//! A Kubernetes API that fails each call of the operator once, before the call took effect or after.

use super::gate::Moment;
use axum::body::Body as Answer;
use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::{Body, DynBody};
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tower::{Layer, Service};

/// Fails the first of all calls with the same method and path.
#[derive(Clone)]
pub struct FailingCalls {
    statuses: &'static [u16],
    moment: Moment,
    failed: Arc<Mutex<HashSet<String>>>,
}

impl FailingCalls {
    /// Fails them with these statuses in turns, at this moment.
    pub fn with(statuses: &'static [u16], moment: Moment) -> Self {
        Self {
            statuses,
            moment,
            failed: Arc::default(),
        }
    }

    /// The calls that failed so far.
    pub fn failed(&self) -> HashSet<String> {
        self.failed.lock().unwrap().clone()
    }

    /// Notes a call, and returns the answer to one that fails. What comes before an operator serves anything ends it.
    fn failure(&self, head: &http::request::Parts) -> Option<Response<Answer>> {
        let path = head.uri.path();
        let query = head.uri.query().unwrap_or_default();
        let watch = if query.contains("watch=") {
            "watch "
        } else {
            ""
        };
        let call = format!("{watch}{} {path}", head.method);
        let mut failed = self.failed.lock().unwrap();
        let status = self.statuses[failed.len() % self.statuses.len()];
        let fails = !path.ends_with("/kube-system") && failed.insert(call);
        fails.then(|| answer(status))
    }
}

fn answer(status: u16) -> Response<Answer> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
        "message": "failed by a test", "reason": "Failing",
    });
    let answer = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("retry-after", "1");
    answer.body(Answer::from(body.to_string())).unwrap()
}

impl<S> Layer<S> for FailingCalls {
    type Service = Failing<S>;

    fn layer(&self, inner: S) -> Failing<S> {
        let calls = self.clone();
        Failing { inner, calls }
    }
}

/// The service whose calls fail.
#[derive(Clone)]
pub struct Failing<S> {
    inner: S,
    calls: FailingCalls,
}

impl<S> Service<Request<Body>> for Failing<S>
where
    S: Service<Request<Body>, Response = Response<Box<DynBody>>>,
    S::Future: Send + 'static,
{
    type Response = Response<Answer>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Answer>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (head, body) = request.into_parts();
        let failure = self.calls.failure(&head);
        let before = self.calls.moment == Moment::Before;
        let request = Request::from_parts(head, body);
        match failure {
            Some(failure) if before => Box::pin(async move { Ok(failure) }),
            failure => {
                let answer = self.inner.call(request);
                Box::pin(async move {
                    let answer = answer.await?.map(Answer::new);
                    Ok(failure.unwrap_or(answer))
                })
            }
        }
    }
}
