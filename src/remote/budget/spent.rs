//! The refusal of a request, as the resource reports it.

use super::scheduler::{Refusal, Scheduler};
use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use std::time::Duration;

/// A request that was not sent, because the budget is spent or others come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The time until the next attempt.
    pub wait: Duration,
    /// The message of conditions. It stays the same from attempt to attempt.
    pub message: String,
}

impl Spent {
    /// Describes a refusal; `whose`: what the limit applies to.
    #[must_use]
    pub fn new(whose: &str, scheduler: &Scheduler, refusal: Refusal) -> Self {
        let limit = scheduler.capacity.tightest().map(|(limit, _)| limit);
        let limit = limit.map_or_else(String::new, |limit| {
            format!(
                " ({} requests in {} s)",
                limit.requests,
                limit.per.as_secs()
            )
        });
        let resumes = minute_after(refusal.announced).strftime("%Y-%m-%dT%H:%MZ");
        Self {
            wait: refusal.wait,
            message: format!("rate limit of {whose}{limit} reached; waiting until {resumes}"),
        }
    }
}

/// Returns the first full minute after this time, which is the same from attempt to attempt.
#[must_use]
pub fn minute_after(time: Duration) -> Timestamp {
    let now = Timestamp::now();
    let after = SignedDuration::try_from(time).ok();
    let after = after.and_then(|after| now.checked_add(after).ok());
    let up = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(RoundMode::Ceil);
    after.and_then(|after| after.round(up).ok()).unwrap_or(now)
}
