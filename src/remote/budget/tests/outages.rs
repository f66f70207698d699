//! Requests without a response.

use super::headers;
use super::world::{Headers, Lost, World, limit, purpose, seconds};
use crate::plan::purpose::Priority;
use crate::remote::budget::limit::WINDOW;
use crate::remote::budget::organization::{Budget, Refused};
use crate::remote::budget::window::Counted;
use crate::remote::testing::unreachable_error;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

/// Twenty edits again and again during an outage of a minute.
fn outage(headers: Headers, lost: Lost) -> World {
    let documented = limit(100, WINDOW);
    let mut world = World::new(documented, documented, headers);
    world.want(
        &purpose("apps", "connection", Priority::Change),
        1,
        Duration::ZERO,
    );
    world.outage = Some((seconds(10)..seconds(70), lost));
    for number in 0..20 {
        let edit = purpose("apps", &format!("r{number}"), Priority::Change);
        world.want(&edit, 2, seconds(11));
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
fn a_server_that_counted_what_was_lost_refuses_one_request_and_is_obeyed() {
    let mut world = outage(Headers::Oldest, Lost::Response);
    world.run(WINDOW + seconds(120));
    assert_eq!(world.done.len(), 21);
    assert!(world.server.refused <= 1, "{}", world.server.refused);
}

#[tokio::test]
async fn a_budget_that_an_outage_may_have_used_up_is_no_limit_that_is_reached() {
    let limit = limit(3, WINDOW);
    let budget = Budget::new("organization org_1", limit, unbounded_channel().0);
    let (error, start) = (unreachable_error().await, Instant::now());
    let edit = purpose("apps", "edited", Priority::Change);
    let request = budget.admit(None, &edit, 0, start).unwrap();
    budget.answered(request, &headers(3, 0, 600), start);
    budget.ended(request, start);
    let spent = budget.admit(None, &edit, 0, start);
    assert!(matches!(spent, Err(Refused::Spent(_))), "{spent:?}");
    budget.failed(request, &Counted::new(&edit, start), &error);
    match budget.admit(None, &edit, 0, start) {
        Err(Refused::Unreachable(unreachable)) => {
            assert!(unreachable.wait <= seconds(10));
            assert_eq!(unreachable.error.cause(), Some("connection refused"));
        }
        other => panic!("{other:?}"),
    }
    budget.answered(request, &headers(3, 0, 600), start);
    let spent = budget.admit(None, &edit, 0, start);
    assert!(matches!(spent, Err(Refused::Spent(_))), "{spent:?}");
}
