//! Days of renewals: tokens are exported again in time, whatever the clocks, and never more often than the budget allows.

use super::expiry::{DAY, HOUR, MINUTE, exports, report, tokens};
use super::export_story::Story;
use super::fixture::second;
use crate::plan::backoff::Retry;
use crate::plan::desired::When;
use crate::plan::export_record;
use crate::resources::ExportStatus;
use proptest::prelude::*;
use serde_json::{from_value, json};

/// Where tokens come from.
#[derive(Clone, Copy, Debug)]
enum Issuer {
    /// Each export brings new ones.
    Fresh,
    /// An export brings those that there are; new ones are issued when they have expired.
    Lazy,
}

/// A simulated time of exports.
struct Run {
    /// When they were made.
    made: Vec<i64>,
    /// For how long in all the Secret held tokens that had expired.
    expired_for: i64,
}

/// Plays two days, from one reconciliation to the next. `skew` is how far the API's clock is ahead.
fn play(issuer: Issuer, lifetime: i64, max_per_day: usize, skew: i64) -> Run {
    let mut story = tokens(When::OnChange, lifetime, max_per_day);
    let mut issued_until = 10 + lifetime;
    story.record.export = made(&ExportStatus::default(), 10, issued_until, skew);
    let mut run = Run {
        made: vec![10],
        expired_for: 0,
    };
    let mut at = 10;
    while at < 2 * DAY {
        story = story.at(at);
        let reported = report(&story);
        if exports(&reported.plan) {
            assert!(run.made.last() < Some(&at), "one after the other");
            run.expired_for += (at - issued_until).max(0);
            if matches!(issuer, Issuer::Fresh) || at >= issued_until {
                issued_until = at + lifetime;
            }
            story.record.export = made(&story.record.export, at, issued_until, skew);
            run.made.push(at);
            continue;
        }
        let at_most = match reported.plan.retry {
            Retry::Interval(at_most) => at_most,
            _ => None,
        };
        let wait = [at_most, reported.changes_in].into_iter().flatten().min();
        at += wait.map_or(DAY, |wait| i64::try_from(wait.as_secs()).unwrap() + 1);
    }
    run
}

/// What is recorded of an export, by an API whose clock is ahead.
fn made(before: &ExportStatus, at: i64, expires_at: i64, skew: i64) -> ExportStatus {
    let answer = json!({
        "id": format!("pace_{at}"),
        "created_at": second(at + skew),
        "expires_at": second(expires_at + skew),
    });
    let (answer, import) = (from_value(answer).unwrap(), "paci_10".to_owned());
    let story = Story::exported(When::OnChange);
    let (of, desired) = (story.remote(), story.desired());
    let exports = desired.source.exports().unwrap();
    let now = second(at);
    ExportStatus {
        secret_fingerprint: Some("held".to_owned()),
        ..export_record::made(&answer, &of, Some(&import), exports, 0, before, now)
    }
}

fn most_within_a_day(made: &[i64]) -> usize {
    let within = |from: &i64| {
        let day = *from..*from + DAY;
        made.iter().filter(|at| day.contains(at)).count()
    };
    made.iter().map(within).max().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_lifetime_that_the_budget_lasts_for_is_always_valid_whatever_the_clocks(
        lifetime in 10i64..1000, max_per_day in 1usize..300, skew in -DAY..DAY,
    ) {
        let lifetime = lifetime * MINUTE;
        let run = play(Issuer::Fresh, lifetime, max_per_day, skew);
        prop_assert!(most_within_a_day(&run.made) <= max_per_day);
        let fresh = report(&tokens(When::OnChange, lifetime, max_per_day));
        if fresh.condition("Expiring").is_none() {
            prop_assert_eq!(run.expired_for, 0);
        }
    }

    #[test]
    fn exports_that_bring_no_newer_tokens_do_not_spend_the_budget_at_once(
        lifetime in 10i64..1000, max_per_day in 2usize..48,
    ) {
        let run = play(Issuer::Lazy, lifetime * MINUTE, max_per_day, 0);
        prop_assert!(most_within_a_day(&run.made) <= max_per_day);
        // At most one comes early after each pause; the others wait for their share of the day.
        let share = DAY / i64::try_from(max_per_day).unwrap();
        let early = run.made.windows(3).filter(|it| it[2] - it[0] < share).count();
        prop_assert_eq!(early, 0);
    }
}

#[test]
fn a_lifetime_of_an_hour_is_nearly_always_valid_with_one_export_an_hour() {
    let run = play(Issuer::Fresh, HOUR, 24, 0);
    assert!(run.expired_for < HOUR, "{} s of two days", run.expired_for);
    assert!(most_within_a_day(&run.made) <= 24);
}
