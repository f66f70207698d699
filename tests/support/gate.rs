//! Holds the operator at its k-th write to Kubernetes, before it is sent or after it was applied: where it is then
//! killed.

use futures::future::BoxFuture;
use kube::client::Body;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// Counts the writes of one operator to our kinds (not to leases and events) and holds one of them.
#[derive(Clone)]
pub struct KubeGate(Arc<Inner>);

struct Inner {
    at: usize,
    moment: Moment,
    count: AtomicUsize,
    reached: Notify,
}

impl KubeGate {
    /// Holds the `at`-th write (from 1).
    pub fn at(at: usize, moment: Moment) -> Self {
        Self(Arc::new(Inner {
            at,
            moment,
            count: AtomicUsize::new(0),
            reached: Notify::new(),
        }))
    }

    /// Only counts.
    pub fn counting() -> Self {
        Self::at(usize::MAX, Moment::Before)
    }

    /// How many writes there were.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// Waits until the call is held.
    pub async fn reached(&self) {
        self.0.reached.notified().await;
    }
}

impl<S> Layer<S> for KubeGate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            inner,
            gate: self.clone(),
        }
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
        let path = request.uri().path();
        let ours = path.contains("/metorial.com/")
            || path.contains("/configmaps")
            || path.contains("/secrets");
        let writes =
            *request.method() != http::Method::GET && ours && !path.contains("fingerprint-key");
        let gate = self.gate.clone();
        let number = match writes {
            true => gate.0.count.fetch_add(1, Ordering::SeqCst) + 1,
            false => 0,
        };
        let held = number == gate.0.at;
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
