//! What the headers of an answer say: request id, served version, rate limit, the server's clock.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// The version of the API that this client speaks, as it asks for it.
pub const API_VERSION: &str = "2026-01-01-magnetar";

/// The names of that version that the server is known to answer with.
const SERVED_NAMES: [&str; 4] = [
    "2026-01-01",
    API_VERSION,
    "mt_2026_01_01_magnetar",
    "magnetar",
];

/// No wait that a server asks for is longer than this; afterwards it is asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// A number below this can't be a time of day in epoch seconds (it would be in 1973), so it counts from now.
const FIRST_EPOCH: u64 = 100_000_000;

/// What an answer says besides its body. Everything in it is safe to log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `metorial-req-id`: what Metorial's support asks for. Answers with 401 and 429 carry none.
    pub request_id: Option<String>,
    /// The state of the request budget.
    pub rate_limit: Option<RateLimit>,
    /// `metorial-version`: the version that answered.
    pub served_version: Option<String>,
    /// `Date`: the server's clock.
    pub date: Option<Timestamp>,
}

/// The state of the request budget, from the `RateLimit-*` headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests in one window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// How long until requests come free, from now; at most an hour. At the server the *oldest* request leaves the
    /// window then, so only few come free.
    pub reset: Option<Duration>,
}

/// Everything read from the headers of one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) meta: Meta,
    pub(crate) retry_after: Option<Duration>,
    /// A version was named, and it isn't the one asked for.
    pub(crate) other_version: bool,
}

impl Headers {
    /// `keep` decides whether a text may be kept; `now` is the local clock, used where the server doesn't say its.
    pub(crate) fn read(
        headers: &HeaderMap,
        keep: impl Fn(&str) -> Option<String>,
        now: Timestamp,
    ) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::trim)
        };
        let date = text("date").and_then(http_date);
        let clock = date.unwrap_or(now);
        let rate_limit = RateLimit {
            limit: text("ratelimit-limit").and_then(|limit| limit.parse().ok()),
            remaining: text("ratelimit-remaining").and_then(|remaining| remaining.parse().ok()),
            reset: text("ratelimit-reset").and_then(|reset| until_reset(reset, clock)),
        };
        let version = headers
            .get("metorial-version")
            .map(|_| text("metorial-version").unwrap_or_default());
        Self {
            meta: Meta {
                request_id: text("metorial-req-id").and_then(&keep),
                rate_limit: (rate_limit != RateLimit::default()).then_some(rate_limit),
                served_version: version.and_then(&keep),
                date,
            },
            retry_after: text("retry-after").and_then(|wait| retry_after(wait, clock)),
            other_version: version.is_some_and(|version| !SERVED_NAMES.contains(&version)),
        }
    }
}

/// Seconds from now or epoch seconds: the server and its SDK disagree, so both are understood.
fn until_reset(text: &str, clock: Timestamp) -> Option<Duration> {
    let number = whole_number(text)?;
    let seconds = if number < FIRST_EPOCH {
        number
    } else {
        number.saturating_sub(u64::try_from(clock.as_second()).unwrap_or(0))
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// RFC 9110, 10.2.3: seconds, or an HTTP date. A wait that is negative says nothing.
fn retry_after(text: &str, clock: Timestamp) -> Option<Duration> {
    let wait = match whole_number(text) {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            Duration::try_from(http_date(text)?.duration_since(clock)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Digits only; more of them than fit are as good as the largest number.
fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const DATE: &str = "Mon, 15 Sep 2025 10:30:00 GMT";
    const DATE_EPOCH: u64 = 1_757_932_200;

    fn read(headers: &[(&'static str, &str)]) -> Headers {
        let headers = headers.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_str(value).expect("a header value"),
            )
        });
        Headers::read(
            &headers.collect(),
            |text| Some(text.to_owned()),
            Timestamp::UNIX_EPOCH,
        )
    }

    fn reset(headers: &[(&'static str, &str)]) -> Option<u64> {
        let reset = read(headers).meta.rate_limit?.reset?;
        Some(reset.as_secs())
    }

    #[test]
    fn a_reset_is_understood_as_epoch_and_as_seconds() {
        let date = ("date", DATE);
        for (value, want) in [
            ("30".to_owned(), Some(30)),
            ("0".to_owned(), Some(0)),
            ((DATE_EPOCH + 90).to_string(), Some(90)),
            ((DATE_EPOCH - 90).to_string(), Some(0)),
            ("99999999".to_owned(), Some(3600)),
            ("18446744073709551615".to_owned(), Some(3600)),
            ("-1".to_owned(), None),
            ("soon".to_owned(), None),
        ] {
            assert_eq!(reset(&[date, ("ratelimit-reset", &value)]), want, "{value}");
        }
    }

    #[test]
    fn without_a_date_the_local_clock_counts() {
        assert_eq!(reset(&[("ratelimit-reset", "100000000")]), Some(3600));
    }

    #[test]
    fn retry_after_is_understood_in_seconds_and_as_a_date_and_capped() {
        for (value, want) in [
            ("120", Some(120)),
            ("0", Some(0)),
            ("1000000000", Some(3600)),
            ("-5", None),
            ("99999999999999999999999", Some(3600)),
            ("Mon, 15 Sep 2025 10:31:30 GMT", Some(90)),
            ("Mon, 15 Sep 2025 10:00:00 GMT", Some(0)),
            ("Fri, 15 Sep 2045 10:00:00 GMT", Some(3600)),
            ("tomorrow", None),
        ] {
            let headers = read(&[("date", DATE), ("retry-after", value)]);
            assert_eq!(
                headers.retry_after.map(|wait| wait.as_secs()),
                want,
                "{value}"
            );
        }
    }

    #[test]
    fn every_name_of_the_version_is_the_version() {
        for name in SERVED_NAMES {
            assert!(!read(&[("metorial-version", name)]).other_version, "{name}");
        }
        for name in ["2025-01-01", "", "2026-01-01-other"] {
            assert!(
                read(&[("metorial-version", name)]).other_version,
                "{name:?}"
            );
        }
        assert!(!read(&[]).other_version);
    }

    #[test]
    fn no_header_says_nothing() {
        assert_eq!(read(&[]).meta, Meta::default());
        let limits = read(&[("ratelimit-limit", "100"), ("ratelimit-remaining", "0")])
            .meta
            .rate_limit;
        assert_eq!(
            limits,
            Some(RateLimit {
                limit: Some(100),
                remaining: Some(0),
                reset: None
            })
        );
    }
}
