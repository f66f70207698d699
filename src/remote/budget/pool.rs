//! What the keys of one organization share, whatever their own limits are: the requests that were sent, and the limits of users.

use super::limit::Limit;
use super::window::{Counted, Window};
use crate::lock::lock;
use crate::resources::ResourceKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// A pool, for all budgets that share it.
#[derive(Clone, Default)]
pub struct SharedPool(Arc<Shared>);

#[derive(Default)]
struct Shared {
    admission: Mutex<()>,
    pool: Mutex<Pool>,
    budgets: Mutex<Vec<Weak<dyn Waiters>>>,
}

/// Those who wait for requests of one budget.
pub trait Waiters: Send + Sync {
    /// Enqueues those whose turn it is.
    fn wake(&self, now: Instant);
}

impl SharedPool {
    /// Locks the admission of requests: what one budget finds available, no other one takes meanwhile. It is locked before any
    /// of the budgets.
    pub fn lock_admission(&self) -> MutexGuard<'_, ()> {
        lock(&self.0.admission)
    }

    /// Returns true if both are the same pool.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Locks the pool. It is always locked last.
    pub fn lock(&self) -> MutexGuard<'_, Pool> {
        lock(&self.0.pool)
    }

    /// Adds those who wait for requests of a budget that shares the pool.
    pub fn add(&self, waiters: Weak<dyn Waiters>) {
        let mut budgets = lock(&self.0.budgets);
        budgets.retain(|budget| budget.strong_count() > 0);
        budgets.push(waiters);
    }

    /// Wakes those who wait for requests of any of the budgets. No budget may be locked.
    pub fn wake_all(&self, now: Instant) {
        let budgets: Vec<_> = {
            let budgets = lock(&self.0.budgets);
            budgets.iter().filter_map(Weak::upgrade).collect()
        };
        budgets.iter().for_each(|budget| budget.wake(now));
    }
}

/// The requests that were sent, and the limits that users set.
#[derive(Default)]
pub struct Pool {
    /// The requests that were sent.
    pub window: Window,
    /// Limits that users set. They only tighten: all of them hold.
    pub limits: BTreeMap<ResourceKey, Limit>,
    /// The number of requests that were sent at all.
    pub sent: u64,
    /// The number of those that have ended.
    pub ended: u64,
    /// True if more may be available than those who wait know: a limit changed, or a request does not count after all.
    pub freed: bool,
    /// The length of the longest window of those who share this.
    longest: Duration,
}

impl Pool {
    /// Removes a request that does not count after all.
    pub fn remove(&mut self, counted: &Counted) {
        self.window.remove(counted);
        self.freed = true;
    }

    /// Forgets requests that no limit counts any more; `longest`: the longest window of one who shares this.
    pub fn expire(&mut self, longest: Duration, now: Instant) {
        self.longest = self.longest.max(longest);
        self.window.drop_older(self.longest, now);
    }
}
