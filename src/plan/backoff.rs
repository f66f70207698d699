//! When a resource is reconciled again: at the interval where all is well, later each time after failures.

use std::time::{Duration, Instant};

/// When to reconcile again. A change that matters leads to another attempt immediately, whatever this is; any other event
/// to none before this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// At the interval, or after this time if that is sooner. The attempt may be repeated after a rest: all is well, or the
    /// cause is in the cluster.
    Interval(Option<Duration>),
    /// At the interval. The attempt is not repeated before that: nothing but a change can help.
    ChangeOrInterval,
    /// Immediately: another step follows.
    Now,
    /// After exactly this time.
    After(Duration),
    /// After this time, or earlier when requests become available: nothing is sent before its turn, so nothing is held back.
    Turn(Duration),
    /// Later each time.
    Backoff(Backoff),
    /// Only when something changes.
    OnChange,
}

impl Retry {
    /// Returns the same, but where all is well, not later than a moment after `at`. `now` may be later than that.
    #[must_use]
    pub fn no_later_than(self, at: Option<Instant>, now: Instant) -> Self {
        match (self, at) {
            (Self::Interval(at_most), Some(at)) => {
                let left = at.saturating_duration_since(now) + MOMENT;
                Self::Interval(Some(at_most.map_or(left, |at_most| at_most.min(left))))
            }
            (retry, _) => retry,
        }
    }
}

/// A pause that grows with the number of consecutive failures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The speed of its growth.
    pub growth: Growth,
    /// The time that the server or the budget asks for.
    pub at_least: Duration,
    /// The time at which the cause is sure to be over.
    pub at_most: Option<Duration>,
}

/// The growth of a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// From about a second to five minutes.
    Transient,
    /// From a quarter of an hour to an hour: only a person can help.
    Refused,
    /// Like a transient failure the first times, and then like a refusal: a conflict with another request, or an object of a
    /// deployment that was created again, passes soon or never.
    TransientThenRefused,
    /// Like a transient failure the first times, and then from two minutes to a quarter of an hour: a provider whose settings
    /// Metorial discovers may take longer, and what looks the same may never pass.
    TransientThenSlow,
}

impl Growth {
    /// Returns true if only more attempts show whether the cause passes: many in a row are reported as a refusal.
    #[must_use]
    pub fn is_uncertain(self) -> bool {
        matches!(self, Self::TransientThenRefused | Self::TransientThenSlow)
    }
}

impl Backoff {
    /// Returns the pause after a transient failure.
    #[must_use]
    pub fn transient() -> Self {
        Self::new(Growth::Transient)
    }

    /// Returns a pause that grows like this.
    #[must_use]
    pub fn new(growth: Growth) -> Self {
        Self {
            growth,
            at_least: Duration::ZERO,
            at_most: None,
        }
    }

    /// Keeps the pause from ending before `at_least`.
    #[must_use]
    pub fn at_least(self, at_least: Duration) -> Self {
        Self {
            at_least: self.at_least.max(at_least),
            ..self
        }
    }

    /// Caps the pause shortly after reads have settled.
    #[must_use]
    pub fn until_settled(self, settles_in: Duration) -> Self {
        let at_most = (!settles_in.is_zero()).then_some(settles_in + MOMENT);
        Self { at_most, ..self }
    }
}

/// Added to a time that is waited for, to be past it.
pub const MOMENT: Duration = Duration::from_millis(50);
/// The number of consecutive failures of uncertain duration from which on they are taken for a refusal: those before take about
/// half a minute.
pub const TRANSIENT_ATTEMPTS: u32 = 6;
/// Bounds of the pause after a refusal: the API sees at most four attempts an hour, whatever happens.
const REFUSED: (Duration, Duration) = (Duration::from_secs(900), Duration::from_secs(3600));
/// Bounds of the pause after a failure that may take minutes to pass: in the long run, the API sees at most six attempts an hour.
const SLOW: (Duration, Duration) = (Duration::from_secs(120), Duration::from_secs(900));
/// The factor by which jitter may lengthen a pause after a failure, so that what failed together is not retried together.
const SPREAD: f64 = 1.5;

/// The times that turn a [`Retry`] into a pause.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// Bounds of the pause after a transient failure.
    pub transient: (Duration, Duration),
    /// The maximum age of an observation.
    pub interval: Duration,
    /// The shortest time between two attempts between which nothing changed that matters.
    pub rest: Duration,
    /// Spreads what would happen at the same time, 0 to 1.
    pub jitter: f64,
}

impl Delays {
    /// Returns the pause, or `None` for never, given the consecutive failures including this one.
    #[must_use]
    pub fn pause(&self, retry: &Retry, failures: u32) -> Option<Duration> {
        match retry {
            Retry::Interval(at_most) => {
                let interval = self.interval();
                Some(at_most.map_or(interval, |at_most| at_most.min(interval)))
            }
            Retry::ChangeOrInterval => Some(self.interval()),
            Retry::Now => Some(Duration::ZERO),
            Retry::After(pause) | Retry::Turn(pause) => Some(*pause),
            Retry::Backoff(backoff) => Some(self.backoff(backoff, failures)),
            Retry::OnChange => None,
        }
    }

    /// Returns the interval, less up to a tenth of it, so that what started together does not stay together.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let jitter = self.jitter.clamp(0.0, 1.0);
        self.interval.mul_f64(1.0 - 0.1 * jitter)
    }

    fn backoff(&self, backoff: &Backoff, failures: u32) -> Duration {
        let growth = backoff.growth;
        let ((base, cap), failures) = match growth {
            Growth::Transient => (self.transient, failures),
            _ if growth.is_uncertain() && failures < TRANSIENT_ATTEMPTS => {
                (self.transient, failures)
            }
            Growth::TransientThenRefused => (REFUSED, failures - TRANSIENT_ATTEMPTS + 1),
            Growth::TransientThenSlow => (SLOW, failures - TRANSIENT_ATTEMPTS + 1),
            Growth::Refused => (REFUSED, failures),
        };
        let exponent = failures.saturating_sub(1).min(16);
        // The spread has to fit below the longest pause, or everything that has failed for long would be retried together.
        let growing = base.saturating_mul(1 << exponent).min(cap.div_f64(SPREAD));
        let spread = 1.0 + (SPREAD - 1.0) * self.jitter.clamp(0.0, 1.0);
        let pause = growing.mul_f64(spread).max(base).min(cap);
        let pause = pause.max(backoff.at_least);
        backoff.at_most.map_or(pause, |at_most| pause.min(at_most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_all_is_well_it_may_be_read_once_more() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let soon = Some(second + MOMENT);
        for (retry, at, expected) in [
            (
                Retry::Interval(None),
                Some(now + second),
                Retry::Interval(soon),
            ),
            (
                Retry::Interval(Some(9 * second)),
                Some(now + second),
                Retry::Interval(soon),
            ),
            (
                Retry::Interval(Some(second)),
                Some(now + 9 * second),
                Retry::Interval(Some(second)),
            ),
            (
                Retry::Interval(None),
                Some(now),
                Retry::Interval(Some(MOMENT)),
            ),
            (Retry::Interval(None), None, Retry::Interval(None)),
            (Retry::OnChange, Some(now + second), Retry::OnChange),
        ] {
            assert_eq!(retry.no_later_than(at, now), expected);
        }
    }

    const TRANSIENT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

    fn delays(jitter: f64) -> Delays {
        Delays {
            transient: TRANSIENT,
            interval: Duration::from_secs(600),
            rest: Duration::from_secs(10),
            jitter,
        }
    }

    #[test]
    fn pauses_grow_are_spread_and_are_bounded() {
        let transient = Retry::Backoff(Backoff::transient());
        let pause = |failures, jitter| delays(jitter).pause(&transient, failures).unwrap();
        assert_eq!(pause(1, 0.0), Duration::from_secs(1));
        assert_eq!(pause(3, 0.0), Duration::from_secs(4));
        for failures in [2, u32::MAX] {
            assert!(pause(failures, 0.9) > pause(failures, 0.1));
        }
        let interval = delays(1.0).pause(&Retry::Interval(None), 0);
        assert!(interval >= Some(Duration::from_secs(540)));
    }

    #[test]
    fn what_may_pass_soon_or_never_is_retried_soon_and_then_rarely() {
        let conflict = Retry::Backoff(Backoff::new(Growth::TransientThenRefused));
        let pause = |failures| delays(0.0).pause(&conflict, failures).unwrap().as_secs();
        let pauses: Vec<u64> = (1..=9).map(pause).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 900, 1800, 2400, 2400]);
        let undiscovered = Retry::Backoff(Backoff::new(Growth::TransientThenSlow));
        let pause = |failures| delays(0.0).pause(&undiscovered, failures).unwrap();
        let pauses: Vec<u64> = (1..=10).map(|it| pause(it).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 120, 240, 480, 600, 600]);
    }

    #[test]
    fn no_pause_after_a_failure_is_shorter_or_longer_than_its_bounds() {
        for (growth, (base, cap)) in [(Growth::Transient, TRANSIENT), (Growth::Refused, REFUSED)] {
            let retry = Retry::Backoff(Backoff::new(growth));
            for failures in (0..20).chain([u32::MAX]) {
                for jitter in (0..=10).map(|tenth| f64::from(tenth) / 10.0) {
                    let pause = delays(jitter).pause(&retry, failures).unwrap();
                    assert!(
                        (base..=cap).contains(&pause),
                        "{growth:?} {failures} {jitter}"
                    );
                }
            }
            assert_eq!(delays(0.0).pause(&retry, 1), Some(base));
            assert_eq!(delays(1.0).pause(&retry, u32::MAX), Some(cap));
        }
    }

    #[test]
    fn a_pause_lasts_as_long_as_the_server_asks_and_ends_when_reads_have_caught_up() {
        let asked = Backoff::transient().at_least(Duration::from_secs(70));
        let pause = |backoff: Backoff| delays(0.0).pause(&Retry::Backoff(backoff), 9);
        assert_eq!(pause(asked), Some(Duration::from_secs(200)));
        let long = Backoff::transient().at_least(Duration::from_secs(700));
        assert_eq!(pause(long), Some(Duration::from_secs(700)));
        let settled = Backoff::transient().until_settled(Duration::from_secs(5));
        assert_eq!(pause(settled), Some(Duration::from_secs(5) + MOMENT));
        let over = Backoff::transient().until_settled(Duration::ZERO);
        assert_eq!(pause(over), Some(Duration::from_secs(200)));
    }
}
