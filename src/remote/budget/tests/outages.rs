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
async fn while_the_api_does_not_answer_one_request_after_the_other_finds_out() {
    let budget = Budget::new(
        "organization org_1",
        limit(100, WINDOW),
        unbounded_channel().0,
    );
    let (error, start) = (unreachable_error().await, Instant::now());
    let edit = purpose("apps", "edited", Priority::Change);
    let send = |now| budget.admit(None, &edit, 0, now);
    let fail = |request, now| {
        let counted = Counted::of(&edit, now);
        let later = now + Duration::from_millis(1);
        budget.failed(request, &counted, &error, later);
        budget.ended(request, later);
    };
    let mut sent = 0;
    for quarter in 0..240 {
        let now = start + Duration::from_millis(250 * quarter);
        match send(now) {
            Ok(request) => {
                sent += 1;
                fail(request, now);
                assert_eq!(budget.remaining(now), 100, "it was not sent");
            }
            Err(Refused::Away(away)) => {
                assert!(sent >= 3 && away.wait <= seconds(10));
                assert_eq!(away.error.cause(), Some("connection refused"));
            }
            Err(Refused::Spent(spent)) => panic!("{spent:?}"),
        }
    }
    assert!((8..13).contains(&sent), "{sent} requests in a minute");
    let after = start + seconds(75);
    let request = send(after).unwrap();
    assert!(
        matches!(send(after), Err(Refused::Away(_))),
        "one at a time"
    );
    budget.answered(request, &headers(100, 99, 600), after);
    budget.ended(request, after);
    assert!(send(after).is_ok() && send(after).is_ok());
}
