//! The pauses of one resource, from one reconciliation to the next: nothing that waits is repeated before its time, and
//! nothing is repeated immediately twice.
//!
//! A pause keeps the resource from the API, not from a reconciliation: what an event changes in the cluster is still
//! decided upon, from what is known of the API.

use super::attempt::Attempt;
use super::backoff::{Backoff, Delays, Retry};
use super::steps::Plan;
use super::verdict::Verdict;
use crate::resources::Class;
use std::time::{Duration, Instant};

/// The state that a reconciliation leaves for the next ones of the same resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pauses {
    /// Consecutive failures.
    failures: u32,
    /// Consecutive failures whose cause may pass or not.
    uncertain_failures: u32,
    /// True if the last reconciliation asked for another one immediately.
    continued: bool,
    /// The last attempt that the API is not asked again for before its time.
    held: Option<Held>,
    /// The time before which no other request of the user is honored.
    next_request: Option<Instant>,
    /// The attempt of the reconciliation that runs, and whether it began in a pause.
    running: Option<(Attempt, bool)>,
    /// Failures of Kubernetes before this time aren't counted again.
    failed_until: Option<Instant>,
    /// Since when a deletion can't reach the API.
    blocked_since: Option<Instant>,
}

/// An attempt, and the time before which the API is not asked again for the same.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    attempt: Attempt,
    until: Instant,
    /// What it reported, unless it is done.
    reported: Option<Box<Plan>>,
}

/// A time in which the API is not asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Pause {
    /// The rest of it.
    pub left: Duration,
    /// What the attempt before it reported, unless that was done.
    pub reported: Option<Plan>,
}

/// The end of a reconciliation.
pub struct Ended<'a> {
    /// When to decide again.
    pub retry: &'a Retry,
    /// The next attempt.
    pub attempt: Attempt,
    /// What was decided.
    pub plan: Option<&'a Plan>,
    /// True if the API was asked for anything.
    pub asked: bool,
}

impl Ended<'_> {
    /// Returns true if it was a deletion that could not reach the API.
    fn blocks_deletion(&self) -> bool {
        self.plan.is_some_and(|plan| plan.deletion_blocked)
    }
}

impl Pauses {
    /// Returns the time for which the API is not asked: the rest of the pause, if `attempt` is the same as the last one. A
    /// request of the user ends it, but not more often than one attempt after a rest.
    #[must_use]
    pub fn left(&self, attempt: &Attempt, now: Instant) -> Option<Duration> {
        let Held {
            attempt: last,
            until,
            ..
        } = self.held.as_ref()?;
        if !attempt.repeats(last) {
            return None;
        }
        let until = if attempt.is_requested_since(last) {
            self.next_request?.min(*until)
        } else {
            *until
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Returns for how long a deletion has been unable to reach the API.
    #[must_use]
    pub fn blocked_for(&self, now: Instant) -> Duration {
        let since = self.blocked_since.unwrap_or(now);
        now.saturating_duration_since(since)
    }

    /// Returns the number of consecutive failures of the attempt that runs whose cause may pass or not.
    #[must_use]
    pub fn uncertain_failures(&self) -> u32 {
        let running = self.running.as_ref().map(|(attempt, _)| attempt);
        let repeats = |running: &Attempt| {
            let last = self.held.as_ref();
            last.is_some_and(|last| running.repeats(&last.attempt))
        };
        if running.is_some_and(repeats) {
            self.uncertain_failures
        } else {
            0
        }
    }

    /// Begins a reconciliation. Returns the pause in which it must not ask the API.
    pub fn begin(&mut self, attempt: Attempt, now: Instant) -> Option<Pause> {
        let left = self.left(&attempt, now);
        self.running = Some((attempt, left.is_some()));
        let reported = |held: &Held| held.reported.as_deref().cloned();
        Some(Pause {
            left: left?,
            reported: self.held.as_ref().and_then(reported),
        })
    }

    /// Returns the time until the next reconciliation, `None` for when something changes, and remembers this one.
    pub fn next(&mut self, ended: Ended<'_>, delays: &Delays, now: Instant) -> Option<Duration> {
        let (requested, paused) = match self.running.take() {
            Some((attempt, paused)) => (self.is_request(&attempt), paused),
            None => (false, false),
        };
        // A pause that ended in the meantime is over now: what was put off is done immediately.
        let left = self.left(&ended.attempt, now);
        let left = left.or(paused.then_some(Duration::ZERO));
        let left = left.filter(|_| !ended.asked);
        let blocks_deletion = ended.blocks_deletion();
        if left.is_none() || blocks_deletion {
            let since = self.blocked_since.unwrap_or(now);
            self.blocked_since = blocks_deletion.then_some(since);
        }
        if let Some(left) = left {
            return Some(resume(ended.retry, left, delays));
        }
        if requested && ended.asked {
            self.next_request = Some(now + delays.rest);
        }
        let retry = self.count(&ended, delays);
        let in_a_row = match &retry {
            Retry::Backoff(backoff) if backoff.growth.is_uncertain() => self.uncertain_failures,
            _ => self.failures,
        };
        let pause = delays.pause(&retry, in_a_row);
        let hold = match retry {
            // Nothing was asked, so this says nothing about an attempt that has to wait.
            Retry::Interval(_) | Retry::ChangeOrInterval if !ended.asked => return pause,
            Retry::Turn(_) => return pause,
            Retry::Interval(_) => pause.map(|pause| pause.min(delays.rest)),
            _ => pause,
        };
        self.held = Some(Held {
            attempt: ended.attempt,
            until: now + hold.unwrap_or_default(),
            reported: ended.plan.and_then(report).map(Box::new),
        });
        pause
    }

    /// Returns the time until the next reconciliation after one that ended without a decision: Kubernetes failed, it
    /// panicked, or it took too long.
    pub fn fail(&mut self, delays: &Delays, now: Instant) -> Duration {
        // An event in the pause waits for the rest of it.
        if let Some(until) = self.failed_until.filter(|until| *until > now) {
            return until - now;
        }
        self.failures = self.failures.saturating_add(1);
        let retry = Retry::Backoff(Backoff::transient());
        let pause = delays.pause(&retry, self.failures).unwrap_or_default();
        self.failed_until = Some(now + pause);
        if let Some((attempt, _)) = self.running.take()
            && self.left(&attempt, now).is_none_or(|left| left < pause)
        {
            self.held = Some(Held {
                attempt,
                until: now + pause,
                reported: None,
            });
        }
        pause
    }

    /// Counts consecutive failures. Returns when to decide again: what did not help the first time needs a pause.
    fn count(&mut self, ended: &Ended<'_>, delays: &Delays) -> Retry {
        let last = self.held.as_ref();
        let again = last.is_some_and(|last| ended.attempt.repeats(&last.attempt));
        if !again {
            (self.failures, self.uncertain_failures) = (0, 0);
        }
        let at_once = delays.pause(ended.retry, 0) == Some(Duration::ZERO);
        let retry = if at_once && again && self.continued {
            Retry::Backoff(Backoff::transient())
        } else {
            ended.retry.clone()
        };
        self.continued = at_once;
        self.uncertain_failures = match &retry {
            Retry::Backoff(backoff) if backoff.growth.is_uncertain() => self.uncertain_failures + 1,
            _ => 0,
        };
        match retry {
            Retry::Backoff(_) => self.failures = self.failures.saturating_add(1),
            Retry::Interval(_) | Retry::ChangeOrInterval if ended.asked && !at_once => {
                self.failures = 0;
            }
            _ => {}
        }
        retry
    }

    fn is_request(&self, attempt: &Attempt) -> bool {
        match &self.held {
            Some(last) => attempt.is_requested_since(&last.attempt),
            None => attempt.is_requested(),
        }
    }
}

/// Returns what a plan reports, unless it is done. One that keeps the conditions for good reports nothing.
fn report(plan: &Plan) -> Option<Plan> {
    let passes = matches!(plan.retry, Retry::Backoff(_));
    let keeps = plan.verdict.keeps_conditions && !passes;
    let open = plan.verdict.reason.class() != Class::Done && !keeps;
    open.then(|| {
        let verdict = Verdict {
            event: None,
            ..plan.verdict.clone()
        };
        Plan {
            proposal: plan.proposal.clone(),
            ..Plan::report(verdict)
        }
    })
}

/// Returns the time until the next reconciliation after one that an event began during a pause.
fn resume(retry: &Retry, left: Duration, delays: &Delays) -> Duration {
    let pause = match retry {
        Retry::Interval(_) | Retry::ChangeOrInterval => delays.pause(retry, 0),
        Retry::Now | Retry::After(_) | Retry::Backoff(_) | Retry::OnChange => None,
        Retry::Turn(wait) => Some(*wait),
    };
    let pause = pause.filter(|pause| !pause.is_zero());
    pause.map_or(left, |pause| pause.min(left))
}
