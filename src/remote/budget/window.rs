//! The requests that were sent, for as long as a limit counts them.

use super::limit::{Available, Limit};
use crate::plan::purpose::{Priority, Purpose};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Numbers of requests by their priority.
pub type PerPriority = [u64; Priority::ALL.len()];

/// One request that was sent.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The time at which it was sent.
    pub at: Instant,
    /// Its priority.
    pub priority: Priority,
    namespace: Arc<str>,
}

impl Counted {
    /// Returns the request that is sent now for this purpose.
    #[must_use]
    pub fn new(purpose: &Purpose, now: Instant) -> Self {
        Self {
            at: now,
            priority: purpose.priority,
            namespace: Arc::from(&*purpose.key.namespace),
        }
    }
}

/// The requests that were sent.
#[derive(Clone, Default)]
pub struct Window {
    /// Their times and namespaces by priority, oldest first.
    sent: [VecDeque<(Instant, Arc<str>)>; Priority::ALL.len()],
    by_namespace: HashMap<Arc<str>, PerPriority>,
}

impl Window {
    /// Adds a request that is sent.
    pub fn add(&mut self, counted: &Counted) {
        let Counted { at, priority, .. } = *counted;
        let known = self.by_namespace.get_key_value(&counted.namespace);
        let namespace = known.map_or(&counted.namespace, |(known, _)| known).clone();
        self.by_namespace.entry(namespace.clone()).or_default()[priority as usize] += 1;
        self.sent[priority as usize].push_back((at, namespace));
    }

    /// Removes a request that the server did not count. It may be forgotten already.
    pub fn remove(&mut self, counted: &Counted) {
        let Counted { at, priority, .. } = *counted;
        let sent = &mut self.sent[priority as usize];
        let this = |(sent_at, of): &(Instant, Arc<str>)| *sent_at == at && *of == counted.namespace;
        let place = sent.iter().rposition(this);
        if let Some((_, namespace)) = place.and_then(|place| sent.remove(place)) {
            self.uncount(priority, &namespace);
        }
    }

    /// Forgets requests that are older than `age`.
    pub fn drop_older(&mut self, age: Duration, now: Instant) {
        for priority in Priority::ALL {
            let sent = &mut self.sent[priority as usize];
            let old = sent.partition_point(|(at, _)| expired(*at, age, now));
            let old: Vec<_> = sent.drain(..old).collect();
            old.iter()
                .for_each(|(_, namespace)| self.uncount(priority, namespace));
        }
    }

    /// Returns the number of requests in a window of this length that ends at `at`.
    #[must_use]
    pub fn count(&self, per: Duration, at: Instant) -> u64 {
        let counts = Priority::ALL.map(|priority| self.count_of(priority, per, at));
        counts.iter().sum()
    }

    /// Returns what `limit` leaves at `at`, if nothing else is sent until then.
    #[must_use]
    pub fn available(&self, limit: &Limit, at: Instant) -> Available {
        self.available_without(&PerPriority::default(), limit, at)
    }

    /// Returns the same as if so many requests had not been sent.
    #[must_use]
    pub fn available_without(&self, these: &PerPriority, limit: &Limit, at: Instant) -> Available {
        let mut available = limit.shares();
        let count = |priority: Priority| {
            let all = self.count_of(priority, limit.per, at);
            all.saturating_sub(these[priority as usize])
        };
        let observations = count(Priority::Observation);
        let total = Priority::ALL.map(count).iter().sum::<u64>();
        let reserved = Priority::ALL.into_iter().filter(|it| it.has_reserve());
        let ordinary = total - reserved.map(count).sum::<u64>();
        available.total = available.total.saturating_sub(total);
        available.ordinary = available.ordinary.saturating_sub(ordinary);
        available.observation = available.observation.saturating_sub(observations);
        available
    }

    /// Returns the number of requests that were sent for a namespace.
    #[must_use]
    pub fn used_by(&self, namespace: &str) -> u64 {
        let counts = self.by_namespace.get(namespace);
        counts.map_or(0, |counts| counts.iter().sum())
    }

    /// Returns how many of them were of one priority.
    #[must_use]
    pub fn used_for(&self, priority: Priority, namespace: &str) -> u64 {
        let counts = self.by_namespace.get(namespace);
        counts.map_or(0, |counts| counts[priority as usize])
    }

    /// Adds the requests of another window.
    pub fn merge(&mut self, other: Self) {
        for (sent, others) in self.sent.iter_mut().zip(other.sent) {
            sent.extend(others);
            sent.make_contiguous().sort_by_key(|(at, _)| *at);
        }
        for (namespace, others) in other.by_namespace {
            let counts = self.by_namespace.entry(namespace).or_default();
            counts
                .iter_mut()
                .zip(others)
                .for_each(|(count, other)| *count += other);
        }
    }

    fn uncount(&mut self, priority: Priority, namespace: &Arc<str>) {
        if let Some(counts) = self.by_namespace.get_mut(namespace) {
            counts[priority as usize] -= 1;
            if counts.iter().all(|count| *count == 0) {
                self.by_namespace.remove(namespace);
            }
        }
    }

    fn count_of(&self, priority: Priority, per: Duration, at: Instant) -> u64 {
        let sent = &self.sent[priority as usize];
        let gone = sent.partition_point(|(sent_at, _)| expired(*sent_at, per, at));
        (sent.len() - gone) as u64
    }
}

fn expired(at: Instant, age: Duration, now: Instant) -> bool {
    now.saturating_duration_since(at) >= age
}
