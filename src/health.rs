//! The HTTP server for metrics and health: `/metrics`, `/livez`, `/readyz`, and the state that the probes report.

use crate::lock::lock;
use crate::metrics::{Format, Metrics};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::Id;
use tokio::time::Instant;

/// The state that the probes report: when the main loop last ran, which reconciliations are running and since when,
/// and whether the process is ready.
#[derive(Clone, Default)]
pub struct Health(Arc<State>);

#[derive(Default)]
struct State {
    heartbeat: Mutex<Option<Instant>>,
    running: Mutex<HashMap<Id, Instant>>,
    ready: AtomicBool,
    /// The kinds that can't be watched, each with the cause: what happens to them is not noticed.
    unwatched: Mutex<BTreeMap<WatchScope, String>>,
    /// The cause that keeps the leader from starting.
    obstacle: Mutex<Option<String>>,
}

/// The scope of one watch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchScope {
    /// The kind.
    pub kind: &'static str,
    /// The namespace; `None` for all.
    pub namespace: Option<String>,
    /// The label selector. A shard watches kinds by its own, and those that others refer to without one as well.
    pub selector: Option<String>,
}

impl WatchScope {
    /// Returns the name for users, which says nothing of namespaces: there may be very many.
    fn name(&self) -> String {
        match &self.selector {
            Some(selector) => format!("{} (label selector {selector})", self.kind),
            None => self.kind.to_owned(),
        }
    }
}

impl Health {
    /// Records that the main loop ran.
    pub fn heartbeat(&self) {
        *lock(&self.0.heartbeat) = Some(Instant::now());
    }

    /// Records that the task of a reconciliation started.
    pub fn started(&self, task: Id, at: Instant) {
        lock(&self.0.running).insert(task, at);
    }

    /// Records that the task of a reconciliation ended.
    pub fn finished(&self, task: Id) {
        lock(&self.0.running).remove(&task);
    }

    /// Forgets all reconciliations and watches. At the end of leadership their tasks are dropped, so none of them records its
    /// end.
    pub fn forget_leadership(&self) {
        lock(&self.0.running).clear();
        lock(&self.0.unwatched).clear();
        self.set_obstacle(None);
    }

    /// Records why the leader can't start.
    pub fn set_obstacle(&self, obstacle: Option<String>) {
        *lock(&self.0.obstacle) = obstacle;
    }

    /// Records whether something can be watched; if not, why, and what to do.
    pub fn set_watched(&self, scope: &WatchScope, result: Result<(), String>) {
        let mut unwatched = lock(&self.0.unwatched);
        match result {
            Ok(()) => unwatched.remove(scope),
            Err(cause) => unwatched.insert(scope.clone(), cause),
        };
    }

    /// Returns why the process is not ready, or `None` if it is.
    #[must_use]
    pub fn unready(&self) -> Option<String> {
        if !self.0.ready.load(Ordering::Relaxed) {
            return Some("the cluster has not been reached yet".to_owned());
        }
        if let Some(obstacle) = &*lock(&self.0.obstacle) {
            return Some(format!("can't begin to lead: {obstacle}"));
        }
        let unwatched = lock(&self.0.unwatched);
        let mut names: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (scope, cause) in unwatched.iter() {
            names.entry(cause).or_default().insert(scope.name());
        }
        let listed =
            |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        let causes: Vec<String> = names
            .iter()
            .map(|(cause, names)| format!("can't watch {}: {cause}", listed(names)))
            .collect();
        (!causes.is_empty()).then(|| causes.join("\n"))
    }

    /// Records that the process is ready: it has reached the cluster, and leads or waits for the lease.
    pub fn mark_ready(&self) {
        self.0.ready.store(true, Ordering::Relaxed);
    }

    /// Returns why the process should be restarted, or `None` if it shouldn't.
    #[must_use]
    pub fn stuck(&self, limits: LivenessLimits) -> Option<&'static str> {
        let heartbeat = *lock(&self.0.heartbeat);
        if heartbeat.is_some_and(|at| at.elapsed() > limits.heartbeat) {
            return Some("the main loop is stuck");
        }
        let oldest = lock(&self.0.running).values().min().copied();
        oldest
            .filter(|started| started.elapsed() > limits.reconciliation)
            .map(|_| "a reconciliation did not end at its timeout")
    }
}

/// Durations after which the process counts as stuck.
#[derive(Clone, Copy, Debug)]
pub struct LivenessLimits {
    /// Longest time between two heartbeats of the main loop.
    pub heartbeat: Duration,
    /// Longest duration of a reconciliation.
    pub reconciliation: Duration,
}

/// Returns how long a reconciliation with this timeout may run before the process counts as stuck. At its timeout it still
/// reports that, by a read and a write of the status: a slow Kubernetes may take the timeout of a request for each, and is no
/// reason to restart.
#[must_use]
pub fn longest_reconciliation(timeout: Duration, of_request: Duration) -> Duration {
    timeout + timeout.max(of_request * 3)
}

/// Serves until the future is dropped.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    health: Health,
    limits: LivenessLimits,
) -> std::io::Result<()> {
    let live = health.clone();
    let livez = move || async move {
        match live.stuck(limits) {
            None => (StatusCode::OK, "ok"),
            Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        }
    };
    let readyz = move || async move {
        match health.unready() {
            None => (StatusCode::OK, "ok".to_owned()),
            Some(cause) => (StatusCode::SERVICE_UNAVAILABLE, cause),
        }
    };
    let render = move |headers: HeaderMap| async move {
        let accept = headers.get(header::ACCEPT);
        let format = Format::preferred(accept.and_then(|accept| accept.to_str().ok()));
        let content_type = [(header::CONTENT_TYPE, format.content_type())];
        (content_type, metrics.render(format))
    };
    let routes = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render));
    axum::serve(listener, routes).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reconciliation_has_time_to_report_that_it_took_too_long() {
        let second = Duration::from_secs(1);
        for (timeout, of_request, expected) in [(120, 20, 240), (30, 20, 90), (21, 20, 81)] {
            let found = longest_reconciliation(timeout * second, of_request * second);
            assert_eq!(found, expected * second);
        }
    }
}
