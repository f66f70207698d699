//! When to look again: back-off with jitter after trouble, the interval otherwise.

use std::time::Duration;

/// What the API refused for good is tried again four times an hour at most, whatever happens.
const REFUSED: (Duration, Duration) = (Duration::from_secs(900), Duration::from_secs(3600));

/// The pause before try `failures + 1`. `jitter` in 0..1 spreads many objects over a half of it.
#[must_use]
pub fn back_off(bounds: (Duration, Duration), failures: u32, jitter: f64) -> Duration {
    grow(bounds, failures, jitter)
}

/// The pause after a refusal that only a person can lift.
#[must_use]
pub fn refused(failures: u32, jitter: f64) -> Duration {
    grow(REFUSED, failures, jitter)
}

/// The interval, less up to a tenth of it, so that what started together does not stay together.
#[must_use]
pub fn interval(interval: Duration, jitter: f64) -> Duration {
    interval.mul_f64(1.0 - 0.1 * jitter.clamp(0.0, 1.0))
}

fn grow((base, cap): (Duration, Duration), failures: u32, jitter: f64) -> Duration {
    let exponent = failures.saturating_sub(1).min(16);
    let pause = base.saturating_mul(1 << exponent).min(cap);
    pause.mul_f64(1.0 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSIENT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

    #[test]
    fn pauses_grow_are_spread_and_end_somewhere() {
        assert_eq!(back_off(TRANSIENT, 1, 0.0), Duration::from_secs(1));
        assert_eq!(back_off(TRANSIENT, 3, 0.0), Duration::from_secs(4));
        assert_eq!(back_off(TRANSIENT, u32::MAX, 1.0), Duration::from_secs(450));
        assert!(back_off(TRANSIENT, 2, 0.9) > back_off(TRANSIENT, 2, 0.1));
        assert!(refused(1, 0.0) >= Duration::from_secs(900));
        assert!(interval(Duration::from_secs(600), 1.0) >= Duration::from_secs(540));
    }
}
