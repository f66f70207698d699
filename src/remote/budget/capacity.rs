//! The requests that may be sent at a time: by the server's limit, by those of users, and by what was sent.

use super::limit::{Available, Limit, Moment};
use super::pool::{Pool, SharedPool};
use super::quota::Quota;
use super::window::{Counted, PerPriority, Window};
use crate::plan::purpose::Purpose;
use crate::resources::{RateLimitSource, ResourceKey};
use std::sync::MutexGuard;
use std::time::Duration;
use tokio::time::Instant;

/// All limits of some keys of one organization or of one connection, and the requests that count against them.
#[derive(Default)]
pub struct Capacity {
    pool: SharedPool,
    /// The server's limit for these keys; `None` for a connection, whose own limit is among those of users.
    quota: Option<Quota>,
    /// The numbers of requests of the pool that were sent, and have ended, within this capacity.
    sent: u64,
    ended: u64,
}

impl Capacity {
    /// Returns the capacity of a server's limit for some keys. What other keys of the organization have sent counts, too.
    #[must_use]
    pub fn new(quota: Quota, pool: SharedPool) -> Self {
        Self {
            pool,
            quota: Some(quota),
            sent: 0,
            ended: 0,
        }
    }

    /// Returns the capacity of a server's limit, of which nothing is used yet.
    #[must_use]
    #[cfg(test)]
    pub fn from_quota(quota: Quota) -> Self {
        Self::new(quota, SharedPool::default())
    }

    /// Returns what is available now.
    #[must_use]
    pub fn available(&self, now: Instant) -> Available {
        self.available_at(Moment::Now(now))
    }

    /// Returns what is expected to be available at `at`, if nothing else is sent until then.
    #[must_use]
    pub fn expected(&self, at: Instant) -> Available {
        self.available_at(Moment::Expected(at))
    }

    /// Returns what is available in an empty window.
    #[must_use]
    pub fn most(&self) -> Available {
        let shares = self.limits().into_iter().map(|(limit, _)| limit.shares());
        shares.fold(Available::UNLIMITED, Available::min)
    }

    /// Returns the limit that allows least in the long run, and where it is from.
    #[must_use]
    pub fn tightest(&self) -> Option<(Limit, RateLimitSource)> {
        self.limits().into_iter().reduce(|tightest, other| {
            if other.0.is_tighter_than(&tightest.0) {
                other
            } else {
                tightest
            }
        })
    }

    /// Returns the length of the longest window.
    #[must_use]
    pub fn longest_window(&self) -> Duration {
        let lengths = self.limits().into_iter().map(|(limit, _)| limit.per);
        lengths.max().unwrap_or_default()
    }

    /// Returns the requests that were sent, and the limits of users.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock()
    }

    /// Forgets requests that no limit counts any more, and learns of those that other keys have sent.
    pub fn expire(&mut self, now: Instant) {
        let longest = self.longest_window();
        let mut pool = self.pool.lock();
        pool.expire(longest, now);
        if let Some(quota) = &mut self.quota {
            quota.learn_of_others(pool.sent - self.sent, pool.ended - self.ended);
            quota.expire(now);
        }
    }

    /// Counts a request that is sent, and returns its number.
    pub fn add(&mut self, purpose: &Purpose, now: Instant) -> u64 {
        self.expire(now);
        let counted = Counted::new(purpose, now);
        let mut pool = self.pool.lock();
        pool.window.add(&counted);
        pool.sent += 1;
        self.sent += 1;
        let quota = self.quota.as_mut();
        quota.map_or(0, |quota| quota.sent(counted))
    }

    /// Counts the end of the request of that number.
    pub fn ended(&mut self, request: u64, now: Instant) {
        if let Some(quota) = &mut self.quota {
            quota.ended(request, now);
        }
        self.pool.lock().ended += 1;
        self.ended += 1;
    }

    /// Returns the requests without a response that may have used up what is left.
    #[must_use]
    pub fn failed(&self, now: Instant) -> PerPriority {
        let failed = self.quota.as_ref().map(|quota| quota.failed(now));
        failed.unwrap_or_default()
    }

    /// Returns what would be available now if so many requests had not failed.
    #[must_use]
    pub fn available_without(&self, failed: &PerPriority, now: Instant) -> Available {
        let Pool { window, limits, .. } = &*self.pool();
        let limits = limits.values();
        let limits = limits.map(|limit| window.available_without(failed, limit, now));
        let quota = self.quota.iter();
        let quota = quota.map(|quota| quota.available_without(failed, window, now));
        quota
            .chain(limits)
            .fold(Available::UNLIMITED, Available::min)
    }

    /// Returns the server's limit, to learn from a response, and the requests that were sent.
    pub fn quota(&mut self) -> Option<(&mut Quota, MutexGuard<'_, Pool>)> {
        Some((self.quota.as_mut()?, self.pool.lock()))
    }

    /// Sets or removes the limit of a user.
    pub fn set_limit(&mut self, of: &ResourceKey, limit: Option<Limit>) {
        let Pool { limits, freed, .. } = &mut *self.pool.lock();
        let former = match limit {
            Some(limit) => limits.insert(of.clone(), limit),
            None => limits.remove(of),
        };
        *freed |= former != limit;
    }

    /// Returns true if more may be available than those who wait with other keys know. The caller wakes them.
    pub fn take_freed(&self) -> bool {
        std::mem::take(&mut self.pool.lock().freed)
    }

    /// Returns what was sent, which no longer counts here, and what is known of the server's limit.
    pub fn hand_over(&mut self) -> (Window, Option<Quota>) {
        let window = std::mem::take(&mut self.pool.lock().window);
        (window, self.quota.as_mut().map(Quota::hand_over))
    }

    /// Takes over the requests of the same organization before it was known.
    pub fn take_over(&mut self, window: Window, known: Option<&Quota>, now: Instant) {
        // What other keys have sent is counted in the report already.
        self.expire(now);
        self.pool.lock().window.merge(window);
        if let (Some(quota), Some(known)) = (&mut self.quota, known) {
            quota.take_over(known, now);
        }
    }

    fn available_at(&self, moment: Moment) -> Available {
        let Pool { window, limits, .. } = &*self.pool();
        let limits = limits.values();
        let limits = limits.map(|limit| window.available(limit, moment.at()));
        let quota = self.quota.iter();
        let quota = quota.map(|quota| quota.available(window, moment));
        let all = quota.chain(limits);
        all.fold(Available::UNLIMITED, Available::min)
    }

    fn limits(&self) -> Vec<(Limit, RateLimitSource)> {
        let quota = self.quota.iter();
        let quota = quota.map(|quota| (quota.limit(), quota.source()));
        let pool = self.pool();
        let limits = pool.limits.values();
        let limits = limits.map(|limit| (*limit, RateLimitSource::Spec));
        quota.chain(limits).collect()
    }
}
