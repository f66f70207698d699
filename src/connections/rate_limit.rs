//! The request budget in the status of a connection: written when it matters, not with each request.

use crate::remote::budget::{View, minute_after};
use crate::resources::RateLimitStatus;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::time::Duration;

/// Returns what the status shows next: what it shows already, unless the limit changed, or the budget is spent or available
/// again since, or the time is over at which it was expected to be.
#[must_use]
pub fn next(shown: Option<&RateLimitStatus>, view: &View, now: Timestamp) -> RateLimitStatus {
    let spent = view.remaining == 0;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let current = RateLimitStatus {
        limit: number(view.limit.requests),
        remaining: number(view.remaining),
        reset_time: spent.then(|| Time(minute_after(view.resumes_in))),
        source: view.source,
    };
    let same = |shown: &&RateLimitStatus| {
        let limit = (shown.limit, shown.source) == (current.limit, current.source);
        let over = shown
            .reset_time
            .as_ref()
            .is_some_and(|reset| reset.0 <= now);
        limit && (shown.remaining == 0) == spent && !(spent && over)
    };
    shown.filter(same).cloned().unwrap_or(current)
}

/// Returns the time until a status that shows a spent budget is out of date.
#[must_use]
pub fn out_of_date_in(shown: Option<&RateLimitStatus>, now: Timestamp) -> Option<Duration> {
    let reset = shown?.reset_time.as_ref()?;
    let left = Duration::try_from(reset.0.duration_since(now)).unwrap_or_default();
    Some(left.max(Duration::from_secs(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::budget::{Limit, WINDOW};
    use crate::resources::RateLimitSource;
    use jiff::ToSpan;

    fn view(requests: u64, remaining: u64, source: RateLimitSource) -> View {
        View {
            limit: Limit {
                requests,
                per: WINDOW,
            },
            source,
            remaining,
            resumes_in: WINDOW,
        }
    }

    #[test]
    fn the_status_changes_when_the_limit_does_and_between_spent_and_available() {
        use RateLimitSource::{Assumed, Server};
        let now = Timestamp::now();
        let first = next(None, &view(100, 99, Assumed), now);
        assert_eq!((first.limit, first.remaining), (100, 99));
        assert_eq!(first.reset_time, None);
        let after = |shown: &RateLimitStatus, view: View| next(Some(shown), &view, now);
        assert_eq!(after(&first, view(100, 1, Assumed)), first);
        assert_eq!(after(&first, view(100, 99, Server)).source, Server);
        assert_eq!(after(&first, view(200, 99, Assumed)).limit, 200);
        let spent = after(&first, view(100, 0, Assumed));
        assert!(spent.remaining == 0 && spent.reset_time.is_some());
        assert_eq!(after(&spent, view(100, 0, Assumed)), spent);
        assert_eq!(after(&spent, view(100, 7, Assumed)).remaining, 7);
        assert_eq!(out_of_date_in(Some(&first), now), None);
        let left = out_of_date_in(Some(&spent), now).unwrap();
        assert!((WINDOW..WINDOW + Duration::from_secs(61)).contains(&left));
    }

    #[test]
    fn a_budget_that_is_still_spent_when_it_was_to_be_available_gets_another_time() {
        let spent = view(100, 0, RateLimitSource::Server);
        let (now, later) = (Timestamp::now(), Timestamp::now() + 1.hour());
        let mut first = next(None, &spent, now);
        assert_eq!(next(Some(&first), &spent, now), first);
        let second = next(Some(&first), &spent, later);
        assert!(second.reset_time.is_some());
        first.reset_time = Some(Time(now - 1.minute()));
        assert_ne!(next(Some(&first), &spent, now), first);
        assert_eq!(
            out_of_date_in(Some(&first), now),
            Some(Duration::from_secs(1))
        );
    }
}
