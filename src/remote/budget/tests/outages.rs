//! Requests without a response.

use super::headers;
use super::world::{Headers, Lost, World, limit, purpose, seconds, taking};
use crate::plan::purpose::{Priority, Purpose};
use crate::remote::budget::limit::WINDOW;
use crate::remote::budget::organization::{Budget, Refused};
use crate::remote::budget::own::OwnLimit;
use crate::remote::testing::{too_many_requests, unreachable_error};
use crate::resources::ResourceKey;
use metorial::{Error, Meta};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

/// Twenty edits again and again during an outage of a minute.
fn outage(headers: Headers, lost: Lost) -> World {
    outage_of(Priority::Change, 2, headers, lost)
}

/// Twenty resources that want so many requests of this priority, again and again during an outage of a minute.
fn outage_of(priority: Priority, requests: u64, headers: Headers, lost: Lost) -> World {
    let documented = limit(100, WINDOW);
    let mut world = World::new(documented, documented, headers);
    world.want(
        &purpose("apps", "connection", Priority::Change),
        1,
        Duration::ZERO,
    );
    world.outage = Some((seconds(10)..seconds(70), lost));
    for number in 0..20 {
        let wanted = purpose("apps", &format!("r{number}"), priority);
        world.want(&wanted, requests, seconds(11));
    }
    world
}

#[test]
fn what_an_outage_used_up_is_available_within_seconds_after_it() {
    for headers in [Headers::Oldest, Headers::Empty, Headers::None] {
        for lost in [Lost::NotSent, Lost::Request] {
            let mut world = outage(headers, lost);
            world.run(seconds(69));
            assert!(world.lost > 90, "{headers:?}, {lost:?}: {}", world.lost);
            world.run(seconds(90));
            assert_eq!(world.done.len(), 21, "{headers:?}, {lost:?}");
            assert_eq!(world.server.refused, 0, "{headers:?}, {lost:?}");
        }
    }
}

#[test]
fn observations_that_an_outage_kept_from_the_api_are_made_within_seconds_after_it() {
    for headers in [Headers::Oldest, Headers::Empty, Headers::None] {
        for lost in [Lost::NotSent, Lost::Request] {
            let mut world = outage_of(Priority::Observation, 1, headers, lost);
            world.run(seconds(69));
            assert!(world.lost >= 25, "{headers:?}, {lost:?}: {}", world.lost);
            world.run(seconds(90));
            assert_eq!(world.done.len(), 21, "{headers:?}, {lost:?}");
            assert_eq!(world.server.refused, 0, "{headers:?}, {lost:?}");
        }
    }
}

#[test]
fn a_server_that_counted_what_was_lost_refuses_one_request_and_is_obeyed() {
    let mut world = outage(Headers::Oldest, Lost::Response);
    world.run(WINDOW + seconds(120));
    assert_eq!(world.done.len(), 21);
    assert!(world.server.refused <= 1, "{}", world.server.refused);
}

/// A budget of three requests, and an edit that may have some.
fn of_three() -> (Budget, Purpose, Instant) {
    let limit = limit(3, WINDOW);
    let budget = Budget::new("organization org_1", limit, unbounded_channel().0);
    let edit = purpose("apps", "edited", Priority::Change);
    (budget, edit, Instant::now())
}

/// Loses the response to a request. It counts: that the error is of one that was not sent is known too late.
fn lose(budget: &Budget, request: u64, error: &Error, now: Instant) {
    budget.ended(request, now);
    budget.failed(request, error);
}

#[tokio::test]
async fn a_budget_that_an_outage_may_have_used_up_is_no_limit_that_is_reached() {
    let (budget, edit, start) = of_three();
    let error = unreachable_error().await;
    for _ in 0..3 {
        let request = budget.admit(None, &edit, 0, start).unwrap();
        lose(&budget, request, &error, start);
    }
    match budget.admit(None, &edit, 0, start) {
        Err(Refused::Unreachable(unreachable)) => {
            assert!(unreachable.wait <= seconds(10));
            assert_eq!(unreachable.error.cause(), Some("connection refused"));
        }
        other => panic!("{other:?}"),
    }
    let later = start + seconds(5);
    let probe = budget.admit(None, &edit, 0, later).unwrap();
    budget.answered(probe, &headers(3, 0, 600), later);
    let spent = budget.admit(None, &edit, 0, later);
    assert!(matches!(spent, Err(Refused::Spent(_))), "{spent:?}");
}

#[tokio::test]
async fn what_an_outage_leaves_to_one_that_has_begun_is_no_limit_that_is_reached_for_others() {
    let (budget, edit, start) = of_three();
    let error = unreachable_error().await;
    let lost = budget.admit(None, &edit, 0, start).unwrap();
    lose(&budget, lost, &error, start);
    let begun = taking(2, purpose("apps", "begun", Priority::Change));
    budget.admit(None, &begun, 0, start).unwrap();
    let refused = budget.admit(None, &edit, 0, start);
    assert!(
        matches!(refused, Err(Refused::Unreachable(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_an_outage_leaves_to_one_that_waits_is_no_limit_that_is_reached_for_others() {
    let (budget, edit, start) = of_three();
    let error = unreachable_error().await;
    for _ in 0..2 {
        let lost = budget.admit(None, &edit, 0, start).unwrap();
        lose(&budget, lost, &error, start);
    }
    let urgent = taking(2, purpose("other", "urgent", Priority::Change));
    for waiting in [&urgent, &edit] {
        let refused = budget.admit(None, waiting, 0, start);
        assert!(
            matches!(refused, Err(Refused::Unreachable(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_limit_that_leaves_too_little_is_no_outage_after_requests_that_were_not_sent() {
    let limit = limit(40, WINDOW);
    let budget = Budget::new("organization org_1", limit, unbounded_channel().0);
    let start = Instant::now();
    let error = unreachable_error().await;
    let other = purpose("apps", "other", Priority::Create);
    let edit = taking(2, purpose("apps", "edited", Priority::Create));
    let mut sent = Vec::new();
    for _ in 0..38 {
        sent.push(budget.admit(None, &other, 0, start).unwrap());
    }
    for number in 0..2 {
        budget.admit(None, &edit, number, start).unwrap();
    }
    let refused = budget.admit(None, &edit, 2, start);
    assert!(matches!(refused, Err(Refused::Spent(_))), "{refused:?}");
    for request in sent.into_iter().take(2) {
        budget.failed(request, &error);
        budget.ended(request, start);
    }
    // Two are available, and it needed three.
    let refused = budget.admit(None, &edit, 0, start);
    assert!(matches!(refused, Err(Refused::Spent(_))), "{refused:?}");
}

#[tokio::test]
async fn a_budget_that_the_server_reports_as_spent_is_no_outage_after_a_lost_response() {
    let (budget, edit, start) = of_three();
    let error = unreachable_error().await;
    let [answered, lost] = [0; 2].map(|_| budget.admit(None, &edit, 0, start).unwrap());
    budget.answered(answered, &headers(3, 0, 600), start);
    budget.ended(answered, start);
    lose(&budget, lost, &error, start);
    for second in [0, 5, 300] {
        let spent = budget.admit(None, &edit, 0, start + seconds(second));
        assert!(matches!(spent, Err(Refused::Spent(_))), "{spent:?}");
    }
}

#[tokio::test]
async fn a_limit_of_a_connection_that_it_has_used_up_itself_is_no_outage_after_a_lost_response() {
    let (budget, edit, start) = of_three();
    let error = unreachable_error().await;
    let connection = ResourceKey::new("Connection", "apps", "default");
    let own = OwnLimit::new(connection, limit(1, WINDOW), unbounded_channel().0);
    let refused = || budget.admit(Some(&own), &edit, 0, start).unwrap_err();
    let request = budget.admit(Some(&own), &edit, 0, start).unwrap();
    lose(&budget, request, &error, start);
    assert!(matches!(refused(), Refused::Unreachable(_)));
    own.set(limit(2, WINDOW), start);
    let request = budget.admit(Some(&own), &edit, 0, start).unwrap();
    budget.answered(request, &headers(100, 90, 600), start);
    budget.ended(request, start);
    assert!(matches!(refused(), Refused::Spent(_)));
}

#[tokio::test]
async fn a_refusal_without_headers_by_something_before_the_server_is_no_failed_request() {
    let (budget, edit, start) = of_three();
    let refusal = too_many_requests().await;
    let [first, second] = [0; 2].map(|_| budget.admit(None, &edit, 0, start).unwrap());
    budget.answered(first, &headers(100, 50, 600), start);
    budget.ended(first, start);
    budget.answered(second, &Meta::default(), start);
    let spent = budget.throttled(second, &edit, 0, &refusal, start);
    budget.ended(second, start);
    assert!(spent.wait >= seconds(7) && budget.remaining(start) == 0);
    assert_eq!(budget.remaining(start + seconds(8)), 50);
}
