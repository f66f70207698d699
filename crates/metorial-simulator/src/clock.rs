//! The simulator's own clock: the machine's, moved by an offset, in milliseconds.

use jiff::{SignedDuration, Timestamp};

/// The time that `Date`, `created_at` and `RateLimit-Reset` are taken from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    pub(crate) offset: SignedDuration,
}

impl Clock {
    /// Now, in whole milliseconds as the API prints them.
    pub(crate) fn now(self) -> Timestamp {
        let now = Timestamp::now()
            .saturating_add(self.offset)
            .unwrap_or(Timestamp::MAX);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A time as the API writes it: `2025-09-15T10:30:00.000Z`.
pub(crate) fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A time as the `Date` header writes it.
pub(crate) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_api_does() {
        let time: Timestamp = "2025-09-15T10:30:00Z".parse().unwrap();
        assert_eq!(text(time), "2025-09-15T10:30:00.000Z");
        assert_eq!(http_date(time), "Mon, 15 Sep 2025 10:30:00 GMT");
    }
}
