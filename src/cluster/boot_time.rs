//! A clock that also runs while the machine is suspended, for rights that end at a time. The clock of [`std::time::Instant`] stands
//! still then on Linux.

use std::ops::Add;
use std::time::Duration;

/// A moment, as the time since the machine was booted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(Duration);

impl BootTime {
    /// Returns the current moment.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn now() -> Self {
        use rustix::time::{ClockId, clock_gettime};
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or_default();
        Self(Duration::new(seconds, nanoseconds))
    }

    /// Returns the current moment, since the first call: the operator is deployed on Linux only.
    #[cfg(not(target_os = "linux"))]
    #[must_use]
    pub fn now() -> Self {
        use std::sync::LazyLock;
        use std::time::Instant;
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        Self(FIRST.elapsed())
    }

    /// Returns the time since an earlier moment, or zero.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_over_when_it_has_passed() {
        let now = BootTime::now();
        let later = now + Duration::from_secs(3);
        assert!(now < later && now <= BootTime::now());
        assert_eq!(later.since(now), Duration::from_secs(3));
        assert_eq!(now.since(later), Duration::ZERO);
        assert!(now < now + Duration::MAX);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn it_is_the_time_for_which_the_machine_is_up_with_all_suspensions() {
        let uptime = || {
            let text = std::fs::read_to_string("/proc/uptime").unwrap();
            let seconds = text.split(' ').next().unwrap();
            Duration::from_secs_f64(seconds.parse().unwrap())
        };
        let (before, now, after) = (uptime(), BootTime::now(), uptime());
        let hundredth = Duration::from_millis(10);
        assert!(before <= now.0 + hundredth && now.0 <= after + hundredth);
    }
}
