//! The state that connections share: one budget for each organization and one cache for each instance, at each server.
//! An id alone is no key: of several servers that may be called, one could answer with the ids of another, and spoil its
//! budget and cache for everybody else.
//!
//! Nothing outlives the last session that uses it, whatever ids a server has answered with.

use super::budget::{Budget, Limit, SharedPool};
use super::cache::Cache;
use super::room::Room;
use crate::lock::lock;
use crate::metrics::{BudgetSample, Metrics};
use crate::resources::ResourceKey;
use crate::weak_map::WeakMap;
use metorial::Collection;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The keys of one organization at a server that have the same limit, with their budget: those of instances of one type.
pub struct Account {
    organization: Arc<Organization>,
    of_type: InstanceTypeName,
    budget: Arc<Budget>,
}

/// The type of an instance, as its status shows it.
type InstanceTypeName = Option<String>;

/// An organization at a server. Its metric is removed when the last session drops it.
struct Organization {
    at: At,
    pool: SharedPool,
    samples: Mutex<BTreeMap<InstanceTypeName, BudgetSample>>,
    metrics: Arc<Metrics>,
}

impl Organization {
    /// Shows the budget that allows least.
    fn report(&self) {
        let samples = lock(&self.samples);
        if let Some(least) = samples.values().min_by_key(|sample| sample.remaining) {
            let (server, organization) = &self.at;
            self.metrics.set_budget(server, organization, *least);
        }
    }
}

impl Drop for Organization {
    fn drop(&mut self) {
        let (server, organization) = &self.at;
        self.metrics.forget_budget(server, organization);
    }
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
        let of_type = self.of_type.clone();
        lock(&self.organization.samples).insert(of_type, sample);
        self.organization.report();
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        lock(&self.organization.samples).remove(&self.of_type);
        self.organization.report();
    }
}

/// A server, as `https://host:port`, and an id that it answered.
type At = (String, String);

/// The accounts and caches that sessions use now.
pub struct Shared {
    metrics: Arc<Metrics>,
    /// The work queue.
    queue: UnboundedSender<ResourceKey>,
    organizations: WeakMap<At, Organization>,
    accounts: WeakMap<(At, InstanceTypeName), Account>,
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
            organizations: WeakMap::default(),
            accounts: WeakMap::default(),
            caches: WeakMap::default(),
            room: Arc::default(),
        });
        let observed: Weak<Self> = Arc::downgrade(&shared);
        let oldest = move || {
            let shared = observed.upgrade();
            shared.map_or_else(Vec::new, |shared| shared.oldest_observations())
        };
        shared.metrics.set_observation_ages(Box::new(oldest));
        shared
    }

    /// Returns the account of the keys of an organization at a server that belong to instances of this type, with this limit if
    /// it is new.
    pub fn account(
        &self,
        server: &str,
        organization: &str,
        of_type: Option<&str>,
        limit: Limit,
    ) -> Arc<Account> {
        let at = (server.to_owned(), organization.to_owned());
        let of_type = of_type.map(str::to_owned);
        let of = self
            .organizations
            .get_or_insert(at.clone(), || Organization {
                at: at.clone(),
                pool: SharedPool::default(),
                samples: Mutex::default(),
                metrics: self.metrics.clone(),
            });
        let (whose, queue) = (format!("organization {organization}"), self.queue.clone());
        self.accounts
            .get_or_insert((at, of_type.clone()), || Account {
                budget: Arc::new(Budget::sharing(of.pool.clone(), whose, limit, queue)),
                organization: of,
                of_type,
            })
    }

    /// Returns the cache of an instance at a server.
    pub fn cache(&self, server: &str, instance: &str) -> Arc<Cache> {
        let at = (server.to_owned(), instance.to_owned());
        self.caches
            .get_or_insert(at, || Cache::sharing(self.room.clone()))
    }

    /// Returns the age of the oldest observation in each collection that has any.
    fn oldest_observations(&self) -> Vec<(&'static str, Duration)> {
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
    use crate::plan::purpose::Purpose;
    use crate::remote::RemoteError;
    use crate::remote::budget::WINDOW;
    use crate::remote::testing::refusal;
    use metorial::Method;
    use serde_json::json;
    use tokio::sync::mpsc::unbounded_channel;

    const LIMIT: Limit = Limit {
        requests: 100,
        per: WINDOW,
    };

    #[test]
    fn an_id_at_another_server_is_another_account_and_another_instance() {
        let shared = Shared::new(Arc::default(), unbounded_channel().0);
        let account = shared.account("https://a", "org_1", None, LIMIT);
        assert!(Arc::ptr_eq(
            &account,
            &shared.account("https://a", "org_1", None, LIMIT)
        ));
        assert!(!Arc::ptr_eq(
            &account,
            &shared.account("https://b", "org_1", None, LIMIT)
        ));
        let cache = shared.cache("https://a", "ins_1");
        assert!(Arc::ptr_eq(&cache, &shared.cache("https://a", "ins_1")));
        assert!(!Arc::ptr_eq(&cache, &shared.cache("https://b", "ins_1")));
    }

    #[tokio::test]
    async fn a_refusal_of_a_development_key_holds_no_production_key_of_its_organization_back() {
        let (shared, now) = (
            Shared::new(Arc::default(), unbounded_channel().0),
            Instant::now(),
        );
        let account = |of_type, requests| {
            let limit = Limit { requests, ..LIMIT };
            shared.account("https://a", "org_1", Some(of_type), limit)
        };
        let development = account("development", 100);
        let production = account("production", 5000);
        assert!(Arc::ptr_eq(&development, &account("development", 100)));
        let connection = ResourceKey::new("Connection", "apps", "default");
        let purpose = Purpose::of_check(connection.clone());
        let send = |account: &Account| account.budget().admit(None, &purpose, 0, now).unwrap();
        let left = |seconds| {
            let at = now + Duration::from_secs(seconds);
            [&development, &production].map(|account| account.budget().remaining(at))
        };
        let refused = send(&development);
        let RemoteError::Api(error) = refusal(Method::Get, 429, "busy", json!({})).await else {
            unreachable!("the client returns an error of the API");
        };
        let spent = development.budget();
        assert!(
            !spent
                .throttled(refused, &purpose, 0, &error, now)
                .wait
                .is_zero()
        );
        assert_eq!(left(0), [0, 5000]);

        for _ in 0..10 {
            let sent = send(&production);
            production.budget().ended(sent, now);
        }
        assert_eq!(left(8), [90, 4990], "the server counts both together");
        let limit = Limit {
            requests: 12,
            ..LIMIT
        };
        production.budget().join(&connection, Some(limit), now);
        assert_eq!(left(8), [2, 2], "an administrator limits both");
    }

    #[test]
    fn ids_that_came_and_went_leave_no_account_no_cache_and_no_metric() {
        let metrics = Arc::<Metrics>::default();
        let shared = Shared::new(metrics.clone(), unbounded_channel().0);
        let kept = shared.account("https://a", "org_kept", None, LIMIT);
        kept.report(Instant::now());
        for number in 0..40 {
            let id = format!("org_{number}");
            shared
                .account("https://a", &id, None, LIMIT)
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
