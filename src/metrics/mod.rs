//! The metrics of the process. Labels are kinds, reasons, operations and outcomes, so that the number of series is bounded.
//! There are two exceptions. The organization of a budget is forgotten with the last connection that uses it. An AuthExport
//! or AuthImport whose value expires is named, so that an alert can name it, and is forgotten with the resource.

mod budgets;
mod family;
mod format;
mod reconciliations;
mod scrape;

pub use budgets::BudgetSample;
pub use format::Format;
pub use scrape::ObservationAges;

use crate::build_info::{COMMIT, VERSION};
use crate::lock::lock;
use crate::resources::{Reason, ResourceKey};
use budgets::Budgets;
use family::{Labels, new, register};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use reconciliations::Reconciliations;
use scrape::{OldestObservations, OwnProcess};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::time::Duration;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    api_requests: Family<Labels, Counter>,
    api_request_duration: Family<Labels, Histogram, fn() -> Histogram>,
    kube_writes: Family<Labels, Counter>,
    reconciliations: Reconciliations,
    exports_repeated: Counter,
    schema_checks: Family<Labels, Counter>,
    queue_depth: Gauge,
    leader: Gauge,
    budgets: Budgets,
    oldest_observations: OldestObservations,
    resources: Family<Labels, Gauge>,
    expirations: Family<Labels, Gauge>,
    /// The reason that each resource is counted under now.
    counted: Mutex<HashMap<ResourceKey, Reason>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::of_shard(None)
    }
}

impl Metrics {
    /// Returns the metrics of a shard, all of which have its name in the label `shard`; without a name there is no such label.
    #[must_use]
    pub fn of_shard(name: Option<&str>) -> Self {
        let labels = name.map(|name| ("shard".into(), name.to_owned().into()));
        let mut registry = Registry::with_labels(labels.into_iter());
        registry.register_collector(Box::new(OwnProcess));
        Self::registered(registry)
    }

    fn registered(mut registry: Registry) -> Self {
        let all = registry.sub_registry_with_prefix("metorial_operator");
        register_build(all, COMMIT);
        let oldest_observations = OldestObservations::default();
        all.register_collector(Box::new(oldest_observations.clone()));
        Self {
            budgets: Budgets::registered(all),
            oldest_observations,
            api_requests: new(
                all,
                "api_requests",
                "Requests to the Metorial API, by operation and outcome",
            ),
            api_request_duration: register(
                all,
                "api_request_duration_seconds",
                "Duration of requests to the Metorial API, by operation",
                Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 2.0, 12))),
            ),
            kube_writes: new(
                all,
                "kube_writes",
                "Writes to the Kubernetes API, by operation",
            ),
            reconciliations: Reconciliations::registered(all),
            exports_repeated: new(
                all,
                "exports_repeated",
                "Exports that were repeated because a value was lost",
            ),
            schema_checks: new(
                all,
                "schema_checks",
                "Checks of values against published schemas, by outcome",
            ),
            queue_depth: new(all, "queue_depth", "Resources due for reconciliation"),
            leader: new(all, "leader", "1 while this process leads"),
            resources: new(
                all,
                "resources",
                "Resources, by kind and reason of the Ready condition",
            ),
            expirations: new(
                all,
                "expiration_timestamp_seconds",
                "Expiry of the exported tokens or the imported value, in seconds since 1970, by AuthExport and AuthImport",
            ),
            counted: Mutex::default(),
            registry,
        }
    }
}

impl Metrics {
    /// Counts a request to the Metorial API.
    pub fn api_request(&self, operation: String, outcome: &str, duration: Duration) {
        let labels = vec![("operation", operation.clone())];
        let durations = self.api_request_duration.get_or_create(&labels);
        durations.observe(duration.as_secs_f64());
        let labels = vec![("operation", operation), ("outcome", outcome.to_owned())];
        self.api_requests.get_or_create(&labels).inc();
    }

    /// Counts a write to the Kubernetes API.
    pub fn kube_write(&self, operation: &str) {
        let labels = vec![("operation", operation.to_owned())];
        self.kube_writes.get_or_create(&labels).inc();
    }

    /// Counts a reconciliation.
    pub fn reconciled(&self, kind: &str, verdict: &str, duration: Duration) {
        self.reconciliations.count(kind, verdict, duration);
    }

    /// Counts a reconciliation that panicked.
    pub fn panicked(&self) {
        self.reconciliations.panics.inc();
    }

    /// Counts an export that was repeated because its value was lost.
    pub fn export_repeated(&self) {
        self.exports_repeated.inc();
    }

    /// Counts a check of a value against a schema.
    pub fn schema_checked(&self, outcome: &str) {
        let labels = vec![("outcome", outcome.to_owned())];
        self.schema_checks.get_or_create(&labels).inc();
    }

    /// Sets how many resources are due, and how many reconciliations are running.
    pub fn set_queue(&self, due: usize, running: usize) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.queue_depth.set(gauge(due));
        self.reconciliations.running.set(gauge(running));
    }

    /// Sets whether this process leads. A process that doesn't lead forgets the resources and budgets: the next leader
    /// changes them, and a sum over all replicas would count them twice.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
        if !leads {
            self.set_queue(0, 0);
            self.budgets.clear();
            // The lock is held until both are empty, so that a late call can't decrement a gauge that is gone.
            let mut counted = lock(&self.counted);
            counted.clear();
            self.resources.clear();
            self.expirations.clear();
        }
    }

    /// Sets the request budget of an organization at a server.
    pub fn set_budget(&self, server: &str, organization: &str, budget: BudgetSample) {
        self.budgets
            .set(&budget_labels(server, organization), budget);
    }

    /// Sets who knows the age of observations.
    pub fn set_observation_ages(&self, source: ObservationAges) {
        self.oldest_observations.set(source);
    }

    /// Removes the budget of an organization that no connection uses any more.
    pub fn forget_budget(&self, server: &str, organization: &str) {
        self.budgets.remove(&budget_labels(server, organization));
    }

    /// Counts a resource under the reason of its Ready condition, instead of the reason that it had before.
    pub fn set_reason(&self, key: &ResourceKey, reason: Reason) {
        let mut counted = lock(&self.counted);
        if let Some(before) = counted.insert(key.clone(), reason) {
            self.resources_with(key.kind, before).dec();
        }
        self.resources_with(key.kind, reason).inc();
    }

    /// Counts a resource under a reason, unless it is counted under another already.
    pub fn set_first_reason(&self, key: ResourceKey, reason: Reason) {
        let kind = key.kind;
        if let Entry::Vacant(vacant) = lock(&self.counted).entry(key) {
            vacant.insert(reason);
            self.resources_with(kind, reason).inc();
        }
    }

    /// Stops counting a resource that no longer exists.
    pub fn forget_resource(&self, key: &ResourceKey) {
        let mut counted = lock(&self.counted);
        if let Some(before) = counted.remove(key) {
            self.resources_with(key.kind, before).dec();
        }
        drop(counted);
        self.set_expiration(key, None);
    }

    /// Sets when the value of a resource expires, in seconds since 1970; `None` where that is not known or it no longer exists.
    pub fn set_expiration(&self, of: &ResourceKey, at: Option<i64>) {
        let labels = vec![
            ("kind", of.kind.to_owned()),
            ("namespace", of.namespace.to_string()),
            ("name", of.name.to_string()),
        ];
        match at {
            Some(at) => {
                self.expirations.get_or_create(&labels).set(at);
            }
            None => {
                self.expirations.remove(&labels);
            }
        }
    }

    fn resources_with(&self, kind: &'static str, reason: Reason) -> Gauge {
        let labels = vec![("kind", kind.to_owned()), ("reason", reason.to_string())];
        self.resources.get_or_create_owned(&labels)
    }

    /// Returns all metrics as text.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a String");
        format.of_open_metrics(text)
    }
}

fn register_build(all: &mut Registry, commit: Option<&str>) {
    let commit = commit.unwrap_or("unknown").to_owned();
    let build = vec![("version", VERSION.to_owned()), ("commit", commit)];
    let help = "Which build of the operator runs";
    all.register("build", help, Info::new(build));
}

fn budget_labels(server: &str, organization: &str) -> Labels {
    vec![
        ("server", server.to_owned()),
        ("organization", organization.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_of_the_build_is_shown_where_it_is_known() {
        for (commit, shown) in [(Some("0123abcd"), "0123abcd"), (None, "unknown")] {
            let mut registry = Registry::default();
            register_build(&mut registry, commit);
            let mut text = String::new();
            encode(&mut text, &registry).unwrap();
            let labels = format!("{{version=\"{VERSION}\",commit=\"{shown}\"}} 1");
            assert!(text.contains(&labels), "{text}");
        }
    }

    #[test]
    fn a_process_that_lost_the_lease_reports_no_resources() {
        let metrics = Metrics::default();
        let key = ResourceKey::new("Connection", "a", "b");
        metrics.set_leader(true);
        metrics.set_reason(&key, Reason::Unauthorized);
        let budget = BudgetSample {
            remaining: 7,
            limit: Some(100),
            resumes_in: Duration::ZERO,
        };
        metrics.set_budget("https://a.example", "org_1", budget);
        assert!(metrics.render(Format::OpenMetrics).contains("Unauthorized"));
        metrics.set_leader(false);
        let text = metrics.render(Format::OpenMetrics);
        assert!(
            !text.contains("Unauthorized") && !text.contains("org_1"),
            "{text}"
        );
        metrics.set_leader(true);
        metrics.set_reason(&key, Reason::Synced);
        assert!(
            metrics
                .render(Format::OpenMetrics)
                .contains("{kind=\"Connection\",reason=\"Synced\"} 1")
        );
    }
}
