//! The times at which the API is asked whose key a connection has. A key that it refused is not tried again before its time,
//! whatever enqueues the connection, unless the key, the address or the spec changes.

use super::settings::ConnectionSettings;
use crate::plan::attempt::{Attempt, Circumstances, digest};
use crate::plan::backoff::{Backoff, Delays, Growth, Retry};
use crate::plan::fingerprint::Fingerprint;
use crate::plan::not_ready::NotReady;
use crate::plan::pauses::{Ended, Pauses};
use crate::resources::Reason;
use crate::settings::Timing;
use std::time::{Duration, Instant};

/// The shortest interval of checks that responses to resources lead to.
const MIN_INTERVAL: Duration = Duration::from_secs(60);

/// The checks of one connection.
#[derive(Default)]
pub struct KeyChecks {
    pauses: Pauses,
    /// The check that the connection needs as it was last read.
    attempt: Option<Attempt>,
    /// True if that check was put off.
    put_off: bool,
    /// The failure of the last one.
    failed: Option<NotReady>,
    /// The time at which the API was last asked.
    asked_at: Option<Instant>,
    failures: Failures,
    doubt: Doubt,
}

/// The doubt about a key that the API accepted, because a request of a resource failed as if the key were the cause. A server
/// that accepts the key and fails something else is asked no more often than each [`MIN_INTERVAL`], however many resources fail.
#[derive(Default)]
struct Doubt {
    /// The time at which it arose, until the API is asked.
    since: Option<Instant>,
    /// The time of the last check that a doubt led to, if the API accepted the key.
    confirmed_at: Option<Instant>,
}

impl Doubt {
    /// Returns the time until the API may be asked because of the doubt; `None` without one.
    fn left(&self, now: Instant) -> Option<Duration> {
        let rest = self.confirmed_at.map_or(Duration::ZERO, |at| {
            MIN_INTERVAL.saturating_sub(now.saturating_duration_since(at))
        });
        self.since.is_some().then_some(rest)
    }
}

/// Consecutive reconciliations that ended without a usable session.
#[derive(Default)]
struct Failures {
    count: u32,
    /// The time at which the next one is due.
    next_due: Option<Instant>,
}

/// Decision about a request that checks a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// It may.
    Due,
    /// It was asked a moment ago, and accepted the key.
    Accepted,
    /// It was asked, and the time for another attempt has not come.
    Failed(NotReady),
}

impl KeyChecks {
    /// Forgets what the connection was like, because it is read again.
    pub fn restart(&mut self) {
        self.attempt = None;
        self.put_off = false;
    }

    /// Decides if the API may be asked about a connection with these settings and this key.
    pub fn begin(
        &mut self,
        settings: &ConnectionSettings,
        fingerprint: &Fingerprint,
        now: Instant,
    ) -> Check {
        let circumstances = Circumstances {
            generation: settings.generation.unwrap_or_default(),
            revision: Some(fingerprint.clone()),
            ..Circumstances::default()
        };
        let attempt = Attempt {
            request: settings.requested().map(digest),
            ..Attempt::of(&circumstances)
        };
        let paused = self.pauses.left(&attempt, now).is_some();
        self.attempt = Some(attempt);
        self.put_off = paused;
        match (paused, &self.failed) {
            (false, _) => Check::Due,
            (true, None) => Check::Accepted,
            (true, Some(failed)) => Check::Failed(failed.clone()),
        }
    }

    /// Remembers that the API was asked by a request sent at `sent`, and what came of it. A doubt that arose since is left.
    pub fn asked(
        &mut self,
        failed: Option<&NotReady>,
        timing: &Timing,
        jitter: f64,
        (sent, now): (Instant, Instant),
    ) {
        let Some(attempt) = self.attempt.clone() else {
            return;
        };
        self.failed = failed.cloned();
        self.asked_at = Some(now);
        if failed.is_some() || self.doubt.since.is_some_and(|since| since <= sent) {
            self.doubt = Doubt {
                since: None,
                confirmed_at: failed.is_none().then_some(now),
            };
        }
        self.pauses.begin(attempt.clone(), now);
        let ended = Ended {
            retry: &failed.map_or(Retry::Interval(None), |failed| retry(failed, false)),
            attempt,
            plan: None,
            asked: true,
        };
        self.pauses
            .next(ended, &timing.delays(timing.connection_check, jitter), now);
    }

    /// Returns true if the last check failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Records that a request failed as if the key were the cause. Returns true if nothing has put it in doubt before.
    pub fn doubt(&mut self, now: Instant) -> bool {
        let is_first = self.doubt.since.is_none();
        self.doubt.since.get_or_insert(now);
        is_first
    }

    /// Returns true if the API is to be asked because of a doubt now.
    #[must_use]
    pub fn is_doubtful(&self, now: Instant) -> bool {
        self.doubt.left(now) == Some(Duration::ZERO)
    }

    /// Ends the pause after a failure that was to pass by itself, because a resource got another response. Returns true if there
    /// was such a pause: a server that answers everything but this check is asked no more often than [`MIN_INTERVAL`].
    pub fn end_pause(&mut self, now: Instant) -> bool {
        let recently = |at: Instant| now.saturating_duration_since(at) < MIN_INTERVAL;
        let passes = |it: &NotReady| it.transient && it.reason != Reason::RateLimited;
        let passes = self.failed.as_ref().is_some_and(passes);
        let ends = passes && !self.asked_at.is_some_and(recently);
        if ends {
            self.pauses = Pauses::default();
            self.failures = Failures::default();
        }
        ends
    }

    /// Returns the time until the connection is to be reconciled again. What only a person can repair is retried seldom; while
    /// the connection is being deleted its users may be gone at any moment. The
    /// key is still re-read: without a watch on Secrets nothing else notices a new one.
    pub fn next(
        &mut self,
        not_ready: Option<&NotReady>,
        terminating: bool,
        timing: &Timing,
        jitter: f64,
        now: Instant,
    ) -> Duration {
        let delays = timing.delays(timing.connection_check, jitter);
        let due = self.due(not_ready, terminating, &delays, now);
        let doubt = self.doubt.left(now).filter(|_| not_ready.is_none());
        due.min(delays.interval()).min(doubt.unwrap_or(due))
    }

    fn due(
        &mut self,
        not_ready: Option<&NotReady>,
        terminating: bool,
        delays: &Delays,
        now: Instant,
    ) -> Duration {
        let left = self.attempt.as_ref();
        let left = left.and_then(|attempt| self.pauses.left(attempt, now));
        // A pause that ended in the meantime is over now: what was put off is done immediately.
        let left = left.or(self.put_off.then_some(Duration::ZERO));
        if let Some(left) = left
            && self.failed.is_some()
            && !terminating
        {
            return left;
        }
        if not_ready.is_none() && !terminating {
            self.failures = Failures::default();
            // A request that came too early is still to be handled.
            let early = self.attempt.as_ref().filter(|it| it.is_requested());
            let interval = delays.interval();
            return early.and(left).map_or(interval, |left| left.min(interval));
        }
        // An event in a pause is no other failure.
        if let Some(due) = self.failures.next_due.filter(|due| *due > now) {
            return due - now;
        }
        let retry = not_ready.map_or(Retry::Backoff(Backoff::transient()), |it| {
            retry(it, terminating || is_of_values(it.reason))
        });
        let count = self.failures.count.saturating_add(1);
        let pause = delays.pause(&retry, count).unwrap_or_default();
        self.failures = Failures {
            count,
            next_due: Some(now + pause),
        };
        pause
    }
}

/// Returns true if a Secret or ConfigMap lacks what the connection needs: that is read again without any request to the API.
fn is_of_values(reason: Reason) -> bool {
    use Reason::{ConfigMapNotFound, InvalidValue, SecretKeyNotFound, SecretNotFound};
    matches!(
        reason,
        SecretNotFound | SecretKeyNotFound | ConfigMapNotFound | InvalidValue
    )
}

fn retry(not_ready: &NotReady, soon: bool) -> Retry {
    if let (Reason::RateLimited, Some(wait)) = (not_ready.reason, not_ready.wait) {
        return Retry::Turn(wait);
    }
    let growth = if not_ready.transient || soon {
        Growth::Transient
    } else {
        Growth::Refused
    };
    Retry::Backoff(Backoff::new(growth).at_least(not_ready.wait.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
