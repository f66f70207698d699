//! Clock of the simulator: the machine's clock and an offset, in milliseconds.

use jiff::{SignedDuration, Timestamp};

/// Clock for `Date`, `created_at`, `updated_at` and `RateLimit-Reset`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    pub(crate) offset: SignedDuration,
}

impl Clock {
    /// Returns the current time in whole milliseconds, the precision of the API.
    pub(crate) fn now(self) -> Timestamp {
        let now = Timestamp::now()
            .saturating_add(self.offset)
            .unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Formats a time as the API does: `2025-09-15T10:30:00.000Z`.
pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Formats a time for the `Date` header.
pub(crate) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_format_of_the_api() {
        let time: Timestamp = "2025-09-15T10:30:00Z".parse().unwrap();
        assert_eq!(text(time), "2025-09-15T10:30:00.000Z");
        assert_eq!(http_date(time), "Mon, 15 Sep 2025 10:30:00 GMT");
    }
}
