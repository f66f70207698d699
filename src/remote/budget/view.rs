//! The budget, as the statuses of connections show it.

use super::limit::Limit;
use super::scheduler::Scheduler;
use crate::resources::RateLimitSource;
use std::time::Duration;
use tokio::time::Instant;

/// The budget, as statuses show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The limit that allows least.
    pub limit: Limit,
    /// Where it is from.
    pub source: RateLimitSource,
    /// The requests that may be sent now, and that nobody waits for.
    pub remaining: u64,
    /// The time until everybody who waits may have sent, or until the next request is available.
    pub resumes_in: Duration,
}

impl View {
    /// Returns what a schedule shows; `None` without any limit.
    #[must_use]
    pub fn from_scheduler(scheduler: &Scheduler, now: Instant) -> Option<Self> {
        let (limit, source) = scheduler.capacity.tightest()?;
        Some(Self {
            limit,
            source,
            remaining: scheduler.unclaimed(now),
            resumes_in: scheduler.resumes_in(now),
        })
    }

    /// Returns what two limits allow together.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let tighter = if other.limit.is_tighter_than(&self.limit) {
            other
        } else {
            self
        };
        Self {
            remaining: self.remaining.min(other.remaining),
            resumes_in: self.resumes_in.max(other.resumes_in),
            ..tighter
        }
    }
}
