//! Metadata in the headers of an answer: request id, served version, rate limit, the server's clock.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::HeaderMap;

/// Version of the API that this client requests.
pub const API_VERSION: &str = "2026-01-01-magnetar";

/// Names of that version that the server may answer with.
const SERVED_NAMES: [&str; 6] = [
    "2026-01-01",
    "2026_01_01",
    // Some builds display the version by this date ◆.
    "2026-02-01",
    API_VERSION,
    "mt_2026_01_01_magnetar",
    "magnetar",
];

/// Upper bound of any wait that a server asks for; after it the request is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Smallest number that is read as epoch seconds (a time in 1973). A smaller one is read as seconds from now.
const FIRST_EPOCH: u64 = 100_000_000;

/// Metadata of an answer. Everything in it is safe to log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `metorial-req-id`, which Metorial's support asks for. Answers with 401 and 429 have none ▲.
    pub request_id: Option<String>,
    /// State of the rate limit.
    pub rate_limit: Option<RateLimit>,
    /// `metorial-version`: the version of the API that answered.
    pub served_version: Option<String>,
    /// `Date`: the server's clock.
    pub date: Option<Timestamp>,
}

/// State of the rate limit, from the `RateLimit-*` headers. All keys of an organization share one window ▲.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests allowed in one window.
    pub limit: Option<u64>,
    /// Requests left in this window.
    pub remaining: Option<u64>,
    /// Time from now until the quota resets, at most an hour. On the server only the *oldest* request leaves the window
    /// then, so that few requests become available ▲.
    pub reset: Option<Duration>,
}

/// Contents of the headers of one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) meta: Meta,
    pub(crate) retry_after: Option<Duration>,
    /// True if the answer names another version of the API than the requested one.
    pub(crate) other_version: bool,
}

impl Headers {
    /// Reads the headers. `keep` filters texts; `now`, the local clock, is used if there is no `Date` header.
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

/// Returns the time until a reset. The server sends epoch seconds, its SDK reads seconds from now ▲: both are accepted.
fn until_reset(text: &str, clock: Timestamp) -> Option<Duration> {
    let number = whole_number(text)?;
    let seconds = if number < FIRST_EPOCH {
        number
    } else {
        number.saturating_sub(u64::try_from(clock.as_second()).unwrap_or(0))
    };
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// Returns the wait of a `Retry-After` header (RFC 9110, 10.2.3): seconds or an HTTP date. A negative one is ignored.
/// The server sends no such header ▲, a proxy may.
fn retry_after(text: &str, clock: Timestamp) -> Option<Duration> {
    let wait = match whole_number(text) {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            Duration::try_from(http_date(text)?.duration_since(clock)).unwrap_or(Duration::ZERO)
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// Parses a number of digits only. One that is too large becomes the largest number.
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
    fn a_reset_is_read_as_epoch_seconds_or_as_seconds_from_now() {
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
    fn without_a_date_the_local_clock_is_used() {
        assert_eq!(reset(&[("ratelimit-reset", "100000000")]), Some(3600));
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date_and_bounded() {
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
    fn every_name_of_the_version_is_accepted() {
        for name in [
            "2026-01-01",
            "2026_01_01",
            "2026-02-01",
            "2026-01-01-magnetar",
            "mt_2026_01_01_magnetar",
            "magnetar",
        ] {
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
    fn missing_headers_give_empty_metadata() {
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
