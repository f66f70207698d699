//! The metrics of request budgets.

use super::family::{Labels, new};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The request budget of one organization, as of its last request.
#[derive(Clone, Copy, Debug)]
pub struct BudgetSample {
    /// Requests left in the rate-limit window.
    pub remaining: u64,
    /// Requests allowed in a window; `None` without any limit.
    pub limit: Option<u64>,
    /// Time until a request is available.
    pub resumes_in: Duration,
}

/// The metrics of request budgets, by server and organization.
pub(super) struct Budgets {
    remaining: Family<Labels, Gauge>,
    limit: Family<Labels, Gauge>,
    reset: Family<Labels, Gauge<f64, AtomicU64>>,
}

impl Budgets {
    pub(super) fn registered(all: &mut Registry) -> Self {
        let remaining = "Requests left in the rate-limit window, by server and organization";
        let limit = "Requests allowed in one rate-limit window, by server and organization";
        let reset = "Unix time at which a request is available, by server and organization; in the past where one is";
        Self {
            remaining: new(all, "budget_remaining", remaining),
            limit: new(all, "budget_limit", limit),
            reset: new(all, "budget_reset_timestamp_seconds", reset),
        }
    }

    pub(super) fn set(&self, labels: &Labels, budget: BudgetSample) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.remaining
            .get_or_create(labels)
            .set(gauge(budget.remaining));
        match budget.limit {
            Some(limit) => {
                self.limit.get_or_create(labels).set(gauge(limit));
            }
            None => {
                self.limit.remove(labels);
            }
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let reset = now + budget.resumes_in;
        self.reset.get_or_create(labels).set(reset.as_secs_f64());
    }

    pub(super) fn remove(&self, labels: &Labels) {
        self.remaining.remove(labels);
        self.limit.remove(labels);
        self.reset.remove(labels);
    }

    pub(super) fn clear(&self) {
        self.remaining.clear();
        self.limit.clear();
        self.reset.clear();
    }
}
