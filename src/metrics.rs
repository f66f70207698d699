//! What the operator counts. Labels are bounded: kinds, reasons, operations and outcomes, never names or ids, but
//! the organisation of a budget.

use crate::resources::Reason;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One or two labels under fixed names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Labels(Vec<(&'static str, String)>);

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder) -> Result<(), std::fmt::Error> {
        self.0.encode(encoder)
    }
}

/// All counters of the process.
pub struct Metrics {
    registry: Registry,
    api_requests: Family<Labels, Counter>,
    kube_writes: Family<Labels, Counter>,
    passes: Family<Labels, Counter>,
    pass_duration: Histogram,
    panics: Counter,
    exports_repeated: Counter,
    queue_depth: Gauge,
    running: Gauge,
    leader: Gauge,
    budget_remaining: Family<Labels, Gauge>,
    resources: Family<Labels, Gauge>,
    standing: Mutex<HashMap<(&'static str, String), Reason>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("metorial_operator");
        let metrics = Self {
            api_requests: Family::default(),
            kube_writes: Family::default(),
            passes: Family::default(),
            pass_duration: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            panics: Counter::default(),
            exports_repeated: Counter::default(),
            queue_depth: Gauge::default(),
            running: Gauge::default(),
            leader: Gauge::default(),
            budget_remaining: Family::default(),
            resources: Family::default(),
            standing: Mutex::default(),
            registry: Registry::default(),
        };
        let m = &metrics;
        registry.register(
            "api_requests",
            "Requests to the Metorial API by operation and outcome",
            m.api_requests.clone(),
        );
        registry.register(
            "kube_writes",
            "Writes to the Kubernetes API by operation",
            m.kube_writes.clone(),
        );
        registry.register("passes", "Passes by kind and verdict", m.passes.clone());
        registry.register(
            "pass_duration_seconds",
            "Time that a pass took",
            m.pass_duration.clone(),
        );
        registry.register("panics", "Passes that panicked", m.panics.clone());
        registry.register(
            "exports_repeated",
            "Exports made again because a value was lost",
            m.exports_repeated.clone(),
        );
        registry.register(
            "queue_depth",
            "Objects that wait for a pass now",
            m.queue_depth.clone(),
        );
        registry.register("passes_running", "Passes under way", m.running.clone());
        registry.register("leader", "1 while this process leads", m.leader.clone());
        registry.register(
            "budget_remaining",
            "Requests left in the window, by organisation",
            m.budget_remaining.clone(),
        );
        registry.register(
            "resources",
            "Resources by kind and the reason of their Ready condition",
            m.resources.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    /// One request to the Metorial API.
    pub fn api_request(&self, operation: String, outcome: &str) {
        let labels = Labels(vec![
            ("operation", operation),
            ("outcome", outcome.to_owned()),
        ]);
        self.api_requests.get_or_create(&labels).inc();
    }

    /// One write to the Kubernetes API.
    pub fn kube_write(&self, operation: &str) {
        let labels = Labels(vec![("operation", operation.to_owned())]);
        self.kube_writes.get_or_create(&labels).inc();
    }

    /// One pass.
    pub fn pass(&self, kind: &str, verdict: &str, took: Duration) {
        let labels = Labels(vec![
            ("kind", kind.to_owned()),
            ("verdict", verdict.to_owned()),
        ]);
        self.passes.get_or_create(&labels).inc();
        self.pass_duration.observe(took.as_secs_f64());
    }

    /// One pass that panicked.
    pub fn panicked(&self) {
        self.panics.inc();
    }

    /// One export that had to be made again because its value was lost.
    pub fn export_repeated(&self) {
        self.exports_repeated.inc();
    }

    /// How many objects wait, and how many passes run.
    pub fn queue(&self, waiting: usize, running: usize) {
        self.queue_depth
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.running.set(i64::try_from(running).unwrap_or(i64::MAX));
    }

    /// Whether this process leads. One that doesn't says nothing more about resources, which others change now.
    pub fn leading(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            self.queue(0, 0);
            self.budget_remaining.clear();
            let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
            standing.clear();
            self.resources.clear();
        }
    }

    /// What is left of an organisation's budget.
    pub fn budget(&self, organisation: &str, remaining: u64) {
        let labels = Labels(vec![("organisation", organisation.to_owned())]);
        let remaining = i64::try_from(remaining).unwrap_or(i64::MAX);
        self.budget_remaining.get_or_create(&labels).set(remaining);
    }

    /// The state of one resource; `None` once it is gone.
    pub fn resource(&self, kind: &'static str, name: String, reason: Option<Reason>) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match reason {
            Some(reason) => standing.insert((kind, name), reason),
            None => standing.remove(&(kind, name)),
        };
        let gauge = |reason: Reason| {
            let labels = Labels(vec![
                ("kind", kind.to_owned()),
                ("reason", reason.to_string()),
            ]);
            self.resources.get_or_create_owned(&labels)
        };
        if let Some(before) = before {
            gauge(before).dec();
        }
        if let Some(reason) = reason {
            gauge(reason).inc();
        }
    }

    /// All of it in the OpenMetrics text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_lost_the_lease_tells_of_no_resource_any_more() {
        let metrics = Metrics::default();
        metrics.leading(true);
        metrics.resource("Connection", "a/b".to_owned(), Some(Reason::Unauthorized));
        metrics.budget("org_1", 7);
        assert!(metrics.render().contains("Unauthorized"));
        metrics.leading(false);
        let text = metrics.render();
        assert!(
            !text.contains("Unauthorized") && !text.contains("org_1"),
            "{text}"
        );
        metrics.leading(true);
        metrics.resource("Connection", "a/b".to_owned(), Some(Reason::Synced));
        assert!(
            metrics
                .render()
                .contains("{kind=\"Connection\",reason=\"Synced\"} 1")
        );
    }
}
