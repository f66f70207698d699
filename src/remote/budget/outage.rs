//! An API that can't be reached: one request after the other finds out when it can again, and all others are not sent.

use metorial::Error;
use std::time::Duration;
use tokio::time::Instant;

/// Failed connections in a row after which a request is sent only after a pause.
const FAILURES: u32 = 3;
/// The first and the longest pause.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A request that was not sent, because the requests before it had no response.
#[derive(Clone, Debug)]
pub struct Away {
    /// The time until the next attempt.
    pub wait: Duration,
    /// Why the last request had no response.
    pub error: Error,
}

/// What is known of an outage.
#[derive(Default)]
pub struct Outage {
    /// Failed connections since the last response. Those that fail at the same time are one, once there is a pause.
    failures: u32,
    /// The last failure, and when.
    last: Option<(Error, Instant)>,
    /// When the next request may be sent.
    again_at: Option<Instant>,
}

impl Outage {
    /// Decides about one request.
    ///
    /// # Errors
    /// It is not to be sent now.
    pub fn check(&self, now: Instant) -> Result<(), Away> {
        let left = self
            .again_at
            .and_then(|at| at.checked_duration_since(now))
            .filter(|left| !left.is_zero());
        let away = left.and_then(|left| self.away(left));
        away.map_or(Ok(()), Err)
    }

    /// Returns the refusal of a request that has to wait so long, if the last one had no response.
    #[must_use]
    pub fn away(&self, wait: Duration) -> Option<Away> {
        let (error, _) = self.last.clone()?;
        Some(Away { wait, error })
    }

    /// Counts a request that is sent: meanwhile no other one is, if it is to find out.
    pub fn sent(&mut self, now: Instant) {
        if self.failures >= FAILURES {
            self.again_at = Some(now + self.pause());
        }
    }

    /// Counts a request that was sent at `began` and had no response.
    pub fn failed(&mut self, error: &Error, began: Instant, now: Instant) {
        let at_once = self.last.as_ref().is_some_and(|(_, at)| began < *at);
        // What one tenant sends may be what the server never answers. Without a connection it is the same for all.
        let counts = error.was_not_sent();
        if self.failures < FAILURES || !at_once {
            self.failures = self.failures.saturating_add(u32::from(counts));
            self.last = Some((error.clone(), now));
        }
        if counts && self.failures >= FAILURES && (!at_once || self.again_at.is_none()) {
            self.again_at = Some(now + self.pause());
        }
    }

    /// Learns that the API answers.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    fn pause(&self) -> Duration {
        let doublings = self.failures.saturating_sub(FAILURES).min(8);
        (FIRST_PAUSE * (1 << doublings)).min(LONGEST_PAUSE)
    }
}
