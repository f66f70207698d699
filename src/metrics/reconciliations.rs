//! The metrics of reconciliations.

use super::family::{Labels, new, register};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// The metrics of reconciliations.
pub(super) struct Reconciliations {
    all: Family<Labels, Counter>,
    duration: Histogram,
    pub(super) running: Gauge,
    pub(super) panics: Counter,
}

impl Reconciliations {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let all = "Reconciliations, by kind and verdict";
        let duration = "Duration of reconciliations";
        let running = "Reconciliations in progress";
        let buckets = Histogram::new(exponential_buckets(0.005, 2.0, 14));
        Self {
            all: new(registry, "reconciliations", all),
            duration: register(
                registry,
                "reconciliation_duration_seconds",
                duration,
                buckets,
            ),
            running: new(registry, "reconciliations_running", running),
            panics: new(registry, "panics", "Reconciliations that panicked"),
        }
    }

    pub(super) fn count(&self, kind: &str, verdict: &str, duration: Duration) {
        let labels = vec![("kind", kind.to_owned()), ("verdict", verdict.to_owned())];
        self.all.get_or_create(&labels).inc();
        self.duration.observe(duration.as_secs_f64());
    }
}
