//! The state that connections share: one budget for each organization and one cache for each instance, at each server.
//! An id alone is no key: of several servers that may be called, one could answer with the ids of another, and spoil its
//! budget and cache for everybody else.
//!
//! Nothing outlives the last session that uses it, whatever ids a server has answered with.

use super::budget::{Budget, Limit};
use super::cache::Cache;
use super::room::Room;
use crate::metrics::{BudgetSample, Metrics, ObservationAges};
use crate::resources::ResourceKey;
use crate::weak_map::WeakMap;
use metorial::Collection;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// An organization at a server, with its budget. Its metric is removed when the last session drops it.
pub struct Account {
    server: String,
    organization: String,
    budget: Arc<Budget>,
    metrics: Arc<Metrics>,
}

impl Account {
    /// Returns the budget of the organization.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Shows the budget in the metrics.
    pub fn report(&self, now: Instant) {
        let view = self.budget.metrics_view(now);
        let sample = BudgetSample {
            remaining: self.budget.remaining(now),
            limit: view.map(|view| view.limit.requests),
            resumes_in: view.map_or(Duration::ZERO, |view| view.resumes_in),
        };
        self.metrics
            .set_budget(&self.server, &self.organization, sample);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.metrics.forget_budget(&self.server, &self.organization);
    }
}

/// A server, as `https://host:port`, and an id that it answered.
type At = (String, String);

/// The accounts and caches that sessions use now.
pub struct Shared {
    metrics: Arc<Metrics>,
    /// The work queue.
    queue: UnboundedSender<ResourceKey>,
    accounts: WeakMap<At, Account>,
    caches: WeakMap<At, Cache>,
    /// The room for large objects of all instances.
    room: Arc<Room>,
}

impl Shared {
    /// Returns an empty one, whose observations the metrics show as long as it exists.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, queue: UnboundedSender<ResourceKey>) -> Arc<Self> {
        let shared = Arc::new(Self {
            metrics,
            queue,
            accounts: WeakMap::default(),
            caches: WeakMap::default(),
            room: Arc::default(),
        });
        let observed: Weak<Self> = Arc::downgrade(&shared);
        shared.metrics.set_observation_ages(observed);
        shared
    }

    /// Returns the account of an organization at a server, with this limit if it is new.
    pub fn account(&self, server: &str, organization: &str, limit: Limit) -> Arc<Account> {
        let at = (server.to_owned(), organization.to_owned());
        self.accounts.get_or_insert(at, || Account {
            server: server.to_owned(),
            organization: organization.to_owned(),
            budget: Arc::new(Budget::new(
                format!("organization {organization}"),
                limit,
                self.queue.clone(),
            )),
            metrics: self.metrics.clone(),
        })
    }

    /// Returns the cache of an instance at a server.
    pub fn cache(&self, server: &str, instance: &str) -> Arc<Cache> {
        let at = (server.to_owned(), instance.to_owned());
        self.caches
            .get_or_insert(at, || Cache::sharing(self.room.clone()))
    }
}

impl ObservationAges for Shared {
    fn oldest(&self) -> Vec<(&'static str, Duration)> {
        let caches = self.caches.values();
        let now = Instant::now();
        let mut oldest: BTreeMap<Collection, Duration> = BTreeMap::new();
        for (collection, age) in caches.iter().flat_map(|cache| cache.observations.ages(now)) {
            let known = oldest.entry(collection).or_default();
            *known = age.max(*known);
        }
        let oldest = oldest.into_iter();
        oldest
            .map(|(collection, age)| (&collection.path()[1..], age))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Format;
    use crate::remote::budget::WINDOW;
    use tokio::sync::mpsc::unbounded_channel;

    const LIMIT: Limit = Limit {
        requests: 100,
        per: WINDOW,
    };

    #[test]
    fn an_id_at_another_server_is_another_account_and_another_instance() {
        let shared = Shared::new(Arc::default(), unbounded_channel().0);
        let account = shared.account("https://a", "org_1", LIMIT);
        assert!(Arc::ptr_eq(
            &account,
            &shared.account("https://a", "org_1", LIMIT)
        ));
        assert!(!Arc::ptr_eq(
            &account,
            &shared.account("https://b", "org_1", LIMIT)
        ));
        let cache = shared.cache("https://a", "ins_1");
        assert!(Arc::ptr_eq(&cache, &shared.cache("https://a", "ins_1")));
        assert!(!Arc::ptr_eq(&cache, &shared.cache("https://b", "ins_1")));
    }

    #[test]
    fn ids_that_came_and_went_leave_no_account_no_cache_and_no_metric() {
        let metrics = Arc::<Metrics>::default();
        let shared = Shared::new(metrics.clone(), unbounded_channel().0);
        let kept = shared.account("https://a", "org_kept", LIMIT);
        kept.report(Instant::now());
        for number in 0..40 {
            let id = format!("org_{number}");
            shared
                .account("https://a", &id, LIMIT)
                .report(Instant::now());
            drop(shared.cache("https://a", &id));
        }
        assert!(shared.accounts.len() <= 2 && shared.caches.len() <= 1);
        let text = metrics.render(Format::OpenMetrics);
        assert!(
            text.contains("org_kept") && !text.contains("org_3"),
            "{text}"
        );
    }
}
