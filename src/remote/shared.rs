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
use crate::resources::{InstanceStatus, ResourceKey};
use crate::weak_map::WeakMap;
use metorial::Collection;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The keys of an organization at a server that have the same limit, with their budget.
pub struct Account {
    organization: Arc<Organization>,
    keys: Keys,
    budget: Arc<Budget>,
}

/// The keys that have the same limit. A key without the right to read its instance does not show its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Keys {
    /// Those of the instances of this type.
    OfType(String),
    /// Those of the instance of this id, whose type is not known.
    OfInstance(String),
}

impl Keys {
    /// Returns the keys that have the same limit as those of an instance.
    #[must_use]
    pub fn of(instance: &InstanceStatus) -> Self {
        match &instance.type_ {
            Some(name) => Self::OfType(name.clone()),
            None => Self::OfInstance(instance.id.clone()),
        }
    }
}

/// An organization at a server. Its metric is removed when the last session drops it.
struct Organization {
    at: At,
    pool: SharedPool,
    samples: Mutex<BTreeMap<Keys, BudgetSample>>,
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
        lock(&self.organization.samples).insert(self.keys.clone(), sample);
        self.organization.report();
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        lock(&self.organization.samples).remove(&self.keys);
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
    accounts: WeakMap<(At, Keys), Account>,
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

    /// Returns the account of these keys of an organization at a server, with this limit if it is new.
    pub fn account(
        &self,
        server: &str,
        organization: &str,
        keys: Keys,
        limit: Limit,
    ) -> Arc<Account> {
        let at = (server.to_owned(), organization.to_owned());
        let of = self
            .organizations
            .get_or_insert(at.clone(), || Organization {
                at: at.clone(),
                pool: SharedPool::default(),
                samples: Mutex::default(),
                metrics: self.metrics.clone(),
            });
        let (whose, queue) = (format!("organization {organization}"), self.queue.clone());
        self.accounts.get_or_insert((at, keys.clone()), || Account {
            budget: Arc::new(Budget::sharing(of.pool.clone(), whose, limit, queue)),
            organization: of,
            keys,
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
    use crate::remote::budget::WINDOW;
    use crate::remote::testing::too_many_requests;
    use tokio::sync::mpsc::unbounded_channel;

    const LIMIT: Limit = Limit {
        requests: 100,
        per: WINDOW,
    };

    fn keys(of_type: &str) -> Keys {
        Keys::of(&InstanceStatus {
            type_: Some(of_type.to_owned()),
            ..InstanceStatus::default()
        })
    }

    fn production() -> Keys {
        keys("production")
    }

    /// Returns a connection, and the purpose of its check.
    fn check() -> (ResourceKey, Purpose) {
        let connection = ResourceKey::new("Connection", "apps", "default");
        (connection.clone(), Purpose::of_check(connection))
    }

    #[test]
    fn an_id_at_another_server_is_another_account_and_another_instance() {
        let shared = Shared::new(Arc::default(), unbounded_channel().0);
        let account = |server| shared.account(server, "org_1", production(), LIMIT);
        let known = account("https://a");
        assert!(Arc::ptr_eq(&known, &account("https://a")));
        assert!(!Arc::ptr_eq(&known, &account("https://b")));
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
        let account = |of_type: &str, requests| {
            let limit = Limit { requests, ..LIMIT };
            shared.account("https://a", "org_1", keys(of_type), limit)
        };
        let development = account("development", 100);
        let production = account("production", 5000);
        assert!(Arc::ptr_eq(&development, &account("development", 100)));
        let (connection, purpose) = check();
        let send = |account: &Account| account.budget().admit(None, &purpose, 0, now).unwrap();
        let left = |seconds| {
            let at = now + Duration::from_secs(seconds);
            [&development, &production].map(|account| account.budget().remaining(at))
        };
        let refused = send(&development);
        let error = too_many_requests().await;
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

    #[tokio::test]
    async fn a_refusal_of_a_key_of_an_unknown_type_holds_no_key_of_another_instance_back() {
        let (shared, now) = (
            Shared::new(Arc::default(), unbounded_channel().0),
            Instant::now(),
        );
        let account = |id: &str| {
            let instance = InstanceStatus {
                id: id.to_owned(),
                ..InstanceStatus::default()
            };
            shared.account("https://a", "org_1", Keys::of(&instance), LIMIT)
        };
        let [first, second] = ["ins_1", "ins_2"].map(account);
        assert!(Arc::ptr_eq(&first, &account("ins_1")));
        let (_, purpose) = check();
        let refused = first.budget().admit(None, &purpose, 0, now).unwrap();
        let error = too_many_requests().await;
        let spent = first.budget().throttled(refused, &purpose, 0, &error, now);
        assert!(!spent.wait.is_zero());
        assert_eq!(first.budget().remaining(now), 0);
        assert_eq!(second.budget().remaining(now), 100);
    }

    #[test]
    fn ids_that_came_and_went_leave_no_account_no_cache_and_no_metric() {
        let metrics = Arc::<Metrics>::default();
        let shared = Shared::new(metrics.clone(), unbounded_channel().0);
        let kept = shared.account("https://a", "org_kept", production(), LIMIT);
        kept.report(Instant::now());
        for number in 0..40 {
            let id = format!("org_{number}");
            shared
                .account("https://a", &id, production(), LIMIT)
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
