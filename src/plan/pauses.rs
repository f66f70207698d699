//! The pauses of one resource, from one reconciliation to the next: nothing that failed is repeated before its time, and
//! nothing at once twice in a row.

use super::backoff::{Attempt, Backoff, Pacing, Retry};
use std::time::{Duration, Instant};

/// What a reconciliation leaves for the next ones of the same resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pauses {
    /// Failures in a row.
    failures: u32,
    /// Whether the last reconciliation asked for another one at once.
    continued: bool,
    /// The attempt that failed, and the time before which it is not repeated.
    held: Option<(Attempt, Instant)>,
    /// Since when a deletion can't reach the API.
    blocked_since: Option<Instant>,
}

impl Pauses {
    /// Returns the rest of the pause after a failed attempt, if `attempt` is the same.
    #[must_use]
    pub fn left(&self, attempt: &Attempt, now: Instant) -> Option<Duration> {
        let (failed, until) = self.held.as_ref()?;
        let left = until.saturating_duration_since(now);
        (failed == attempt && !left.is_zero()).then_some(left)
    }

    /// Returns for how long a deletion has been unable to reach the API.
    #[must_use]
    pub fn blocked_for(&self, now: Instant) -> Duration {
        let since = self.blocked_since.unwrap_or(now);
        now.saturating_duration_since(since)
    }

    /// Counts one more failure, and returns how many there were in a row.
    pub fn count_failure(&mut self) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.failures
    }

    /// Returns the time until the next reconciliation, `None` for when something changes, and remembers this one.
    /// `unreachable`: it was a deletion that could not reach the API.
    pub fn next(
        &mut self,
        retry: &Retry,
        unreachable: bool,
        attempt: Attempt,
        pacing: &Pacing,
        now: Instant,
    ) -> Option<Duration> {
        let retry = match retry {
            // What did not help the first time needs a pause.
            Retry::Now if self.continued => &Retry::Backoff(Backoff::transient()),
            retry => retry,
        };
        match retry {
            Retry::Backoff(_) => drop(self.count_failure()),
            Retry::After(_) => {}
            Retry::Interval(_) | Retry::Now | Retry::OnChange => self.failures = 0,
        }
        let pause = pacing.pause(retry, self.failures);
        self.continued = *retry == Retry::Now;
        // The rest of a pause is not a new one.
        if !matches!(retry, Retry::After(_)) {
            let holds = matches!(retry, Retry::Backoff(backoff) if backoff.holds);
            self.held = pause.filter(|_| holds).map(|pause| (attempt, now + pause));
            self.blocked_since = unreachable.then(|| self.blocked_since.unwrap_or(now));
        }
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(generation: i64) -> Attempt {
        Attempt {
            generation,
            revision: None,
            epoch: 1,
            requested: None,
        }
    }

    fn next(pauses: &mut Pauses, retry: &Retry, unreachable: bool, now: Instant) -> Duration {
        let pacing = Pacing {
            transient: (Duration::from_secs(1), Duration::from_secs(300)),
            interval: Duration::from_secs(600),
            jitter: 0.0,
        };
        let pause = pauses.next(retry, unreachable, attempt(1), &pacing, now);
        pause.expect("a pause")
    }

    #[test]
    fn a_failed_attempt_is_held_until_its_pause_is_over_or_something_changes() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let holding = Retry::Backoff(Backoff::transient().holding());
        assert_eq!(
            next(&mut pauses, &holding, false, now),
            Duration::from_secs(1)
        );
        assert_eq!(
            next(&mut pauses, &holding, false, now),
            Duration::from_secs(2)
        );
        let later = now + Duration::from_secs(1);
        assert_eq!(
            pauses.left(&attempt(1), later),
            Some(Duration::from_secs(1))
        );
        assert_eq!(pauses.left(&attempt(2), later), None, "another generation");
        assert_eq!(pauses.left(&attempt(1), now + Duration::from_secs(2)), None);
        // An event in the pause waits for the rest of it, and does not begin another.
        next(
            &mut pauses,
            &Retry::After(Duration::from_secs(1)),
            false,
            later,
        );
        assert_eq!(
            pauses.left(&attempt(1), later),
            Some(Duration::from_secs(1))
        );
        next(&mut pauses, &Retry::Interval(None), false, later);
        assert_eq!(pauses.left(&attempt(1), later), None);
        assert_eq!(
            next(&mut pauses, &holding, false, later),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn nothing_is_repeated_at_once_twice_in_a_row() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        assert_eq!(next(&mut pauses, &Retry::Now, false, now), Duration::ZERO);
        assert!(next(&mut pauses, &Retry::Now, false, now) >= Duration::from_secs(1));
    }

    #[test]
    fn a_deletion_is_blocked_for_as_long_as_every_attempt_fails_to_reach_the_api() {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let holding = Retry::Backoff(Backoff::transient().holding());
        next(&mut pauses, &holding, true, now);
        let later = now + Duration::from_secs(5);
        next(
            &mut pauses,
            &Retry::After(Duration::from_secs(1)),
            false,
            later,
        );
        next(&mut pauses, &holding, true, later);
        assert_eq!(pauses.blocked_for(later), Duration::from_secs(5));
        // The API was reached in between.
        next(&mut pauses, &holding, false, later);
        assert_eq!(pauses.blocked_for(later), Duration::ZERO);
    }
}
