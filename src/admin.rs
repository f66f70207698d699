//! The admin server: `/metrics`, `/livez`, `/readyz`, and the pulse that liveness is judged by.

use crate::metrics::Metrics;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::Id;
use tokio::time::Instant;

/// Signs of life: the loop that every process runs, and the passes under way.
#[derive(Clone, Default)]
pub struct Pulse(Arc<Inner>);

#[derive(Default)]
struct Inner {
    beat: Mutex<Option<Instant>>,
    running: Mutex<HashMap<Id, Instant>>,
    ready: AtomicBool,
}

impl Pulse {
    /// The main loop came round.
    pub fn beat(&self) {
        *lock(&self.0.beat) = Some(Instant::now());
    }

    /// A pass began.
    pub fn began(&self, pass: Id, at: Instant) {
        lock(&self.0.running).insert(pass, at);
    }

    /// A pass ended.
    pub fn ended(&self, pass: Id) {
        lock(&self.0.running).remove(&pass);
    }

    /// All passes of a term are over.
    pub fn reset(&self) {
        lock(&self.0.running).clear();
    }

    /// Whether the process can do its work: it has reached the cluster, and leads or stands by.
    pub fn ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    /// Why the process should be restarted, if it should.
    #[must_use]
    pub fn stuck(&self, limits: Limits) -> Option<&'static str> {
        let beat = *lock(&self.0.beat);
        if beat.is_some_and(|beat| beat.elapsed() > limits.beat) {
            return Some("the main loop stands still");
        }
        let oldest = lock(&self.0.running).values().min().copied();
        oldest
            .filter(|began| began.elapsed() > limits.pass)
            .map(|_| "a pass outlived its deadline")
    }
}

/// How long silence may last.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the main loop.
    pub beat: Duration,
    /// Of a pass.
    pub pass: Duration,
}

/// Serves until it is dropped.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    pulse: Pulse,
    limits: Limits,
) -> std::io::Result<()> {
    let alive = pulse.clone();
    let livez = move || async move {
        match alive.stuck(limits) {
            None => (StatusCode::OK, "ok"),
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
        }
    };
    let readyz = move || async move {
        match pulse.0.ready.load(Ordering::Relaxed) {
            true => (StatusCode::OK, "ok"),
            false => (
                StatusCode::SERVICE_UNAVAILABLE,
                "the cluster was not reached yet",
            ),
        }
    };
    let open_metrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let render = move || async move { ([(header::CONTENT_TYPE, open_metrics)], metrics.render()) };
    let routes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render));
    axum::serve(listener, routes).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
