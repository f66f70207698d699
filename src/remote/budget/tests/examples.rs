//! Budgets of organizations and connections, by examples.

use super::headers;
use super::world::{limit, purpose, seconds};
use crate::plan::purpose::Priority;
use crate::remote::budget::capacity::Capacity;
use crate::remote::budget::limit::WINDOW;
use crate::remote::budget::organization::{Budget, Refused};
use crate::remote::budget::own::OwnLimit;
use crate::remote::budget::quota::Quota;
use crate::remote::budget::scheduler::Scheduler;
use crate::remote::budget::spent::Spent;
use crate::resources::{RateLimitSource, ResourceKey};
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

fn budget(requests: u64) -> Budget {
    let queue = unbounded_channel().0;
    Budget::new("organization org_1", limit(requests, WINDOW), queue)
}

/// Sends one request of the first create of some resource.
fn send(budget: &Budget, own: Option<&OwnLimit>, now: Instant) -> Result<u64, Duration> {
    let create = purpose("apps", "new", Priority::Create);
    let sent = budget.admit(own, &create, 0, now);
    sent.map_err(|refused| spent(refused).wait)
}

fn spent(refused: Refused) -> Spent {
    match refused {
        Refused::Spent(spent) => spent,
        Refused::Unreachable(unreachable) => panic!("{unreachable:?}"),
    }
}

/// Returns whether two times are the same but for the precision of turns.
fn about(found: Duration, expected: Duration) -> bool {
    found >= expected && found < expected + Duration::from_millis(20)
}

#[test]
fn the_servers_own_count_overrides_ours() {
    let (budget, now) = (budget(100), Instant::now());
    let first = send(&budget, None, now).unwrap();
    budget.answered(first, &headers(100, 1, 30), now);
    budget.ended(first, now);
    assert_eq!(budget.remaining(now), 1);
    let second = send(&budget, None, now).unwrap();
    assert!(about(send(&budget, None, now).unwrap_err(), seconds(30)));
    // The response was lost; at the reset one request finds out what is left.
    budget.ended(second, now);
    let reset = now + seconds(30);
    let probe = send(&budget, None, reset).unwrap();
    assert!(send(&budget, None, reset).is_err(), "one at a time");
    budget.answered(probe, &headers(100, 60, 10), reset);
    budget.ended(probe, reset);
    assert_eq!(budget.remaining(reset), 60);
}

#[test]
fn requests_that_the_server_may_not_have_counted_yet_are_not_left() {
    let (budget, now) = (budget(100), Instant::now());
    let [first, second, third] = [0; 3].map(|_| send(&budget, None, now).unwrap());
    budget.answered(second, &headers(100, 98, 600), now);
    budget.ended(second, now);
    assert_eq!(budget.remaining(now), 96, "two are on their way");
    budget.answered(first, &headers(100, 99, 600), now);
    budget.ended(first, now);
    assert_eq!(
        budget.remaining(now),
        97,
        "it was among the two that the server had counted"
    );
    budget.answered(third, &headers(100, 97, 600), now);
    budget.ended(third, now);
    assert_eq!(budget.remaining(now), 97);
}

#[test]
fn hostile_headers_are_bounded() {
    let (budget, now) = (budget(100), Instant::now());
    for (request, (limit, remaining, reset)) in [
        (u64::MAX, u64::MAX, u64::MAX),
        (0, 0, 0),
        (1, u64::MAX, 0),
        (u64::MAX, 0, u64::MAX),
    ]
    .into_iter()
    .enumerate()
    {
        let headers = headers(limit, remaining, reset);
        budget.answered(request as u64, &headers, now);
    }
    assert_eq!(budget.remaining(now), 0);
    let later = now + seconds(3600);
    assert!(send(&budget, None, later).is_ok(), "an hour at most");
    assert!(budget.remaining(later) <= 1_000_000);
}

#[test]
fn limits_of_users_hold_all_at_once_each_in_its_own_window_and_no_longer_than_they_are_set() {
    let (budget, start) = (budget(100), Instant::now());
    let [fast, slow] = ["fast", "slow"].map(|name| ResourceKey::new("Connection", "n", name));
    budget.join(&fast, Some(limit(2, seconds(60))), start);
    budget.join(&slow, Some(limit(3, seconds(3600))), start);
    assert_eq!(budget.remaining(start), 2);
    for second in [0, 1, 60] {
        let next = start + seconds(second);
        assert!(send(&budget, None, next).is_ok());
        assert!(second == 0 || send(&budget, None, next).is_err());
    }
    let late = start + seconds(700);
    let wait = send(&budget, None, late).unwrap_err();
    assert!(about(wait, seconds(2900)), "{wait:?}");
    budget.join(&slow, None, late);
    assert!(send(&budget, None, late).is_ok());
    budget.join(&fast, Some(limit(1000, seconds(60))), late);
    assert_eq!(budget.remaining(late), 99, "the server's own limit stays");
}

#[test]
fn the_limit_of_a_connection_holds_back_its_own_requests_and_no_others() {
    let (budget, now) = (budget(3), Instant::now());
    let key = ResourceKey::new("Connection", "apps", "slow");
    let own = OwnLimit::new(key, limit(1, WINDOW), unbounded_channel().0);
    assert!(send(&budget, Some(&own), now).is_ok());
    assert!(about(send(&budget, Some(&own), now).unwrap_err(), WINDOW));
    assert_eq!(budget.remaining(now), 2, "what is held back is not counted");
    assert!(send(&budget, None, now).is_ok());
    own.set(limit(1000, WINDOW), now);
    assert!(send(&budget, Some(&own), now).is_ok());
    assert!(about(send(&budget, Some(&own), now).unwrap_err(), WINDOW));
}

#[test]
fn what_was_sent_before_the_organization_was_known_counts_for_it() {
    let (known, unknown, now) = (budget(2), budget(5000), Instant::now());
    assert!(send(&unknown, None, now).is_ok());
    known.take_over(&unknown, now);
    known.take_over(&known, now);
    assert_eq!(known.remaining(now), 1);

    let (known, unknown) = (budget(2), budget(5000));
    let request = send(&unknown, None, now).unwrap();
    unknown.answered(request, &headers(50, 7, 60), now);
    known.take_over(&unknown, now);
    assert_eq!(known.remaining(now), 7);
    let view = known.view(None, now).unwrap();
    assert_eq!(
        (view.limit.requests, view.source),
        (50, RateLimitSource::Server)
    );
}

#[test]
fn who_waits_is_called_when_the_limit_grows() {
    let (queue, mut woken) = unbounded_channel();
    let now = Instant::now();
    let budget = Budget::new("organization org_1", limit(100, WINDOW), queue);
    let connection = ResourceKey::new("ClusterConnection", "", "shared");
    budget.join(&connection, Some(limit(1, WINDOW)), now);
    assert!(send(&budget, None, now).is_ok());
    let late = purpose("apps", "late", Priority::Observation);
    let refused = spent(budget.admit(None, &late, 0, now).unwrap_err());
    assert!(refused.message.starts_with(
        "rate limit of organization org_1 (1 requests in 600 s) reached; waiting until "
    ));
    // Later by both clocks: the message has a time of day.
    let again = spent(budget.admit(None, &late, 0, Instant::now()).unwrap_err());
    assert_eq!(refused.message, again.message);
    assert!(woken.try_recv().is_err());
    budget.join(&connection, Some(limit(20, WINDOW)), now);
    assert_eq!(woken.try_recv().as_ref(), Ok(&late.key));
    assert!(woken.try_recv().is_err(), "once");
    assert!(budget.admit(None, &late, 0, now).is_ok());
}

#[test]
fn the_turn_that_was_announced_stays_the_same_until_it_comes() {
    let now = Instant::now();
    let quota = Quota::assumed(limit(1, WINDOW));
    let mut scheduler = Scheduler::new(Capacity::from_quota(quota));
    let first = purpose("apps", "first", Priority::Create);
    assert!(scheduler.check(&first, 0, now).is_ok());
    scheduler.take(&first, 0, now);
    let mut refuse = |namespace: &str, after| {
        let waits = purpose(namespace, "waits", Priority::Create);
        scheduler
            .check(&waits, 0, now + seconds(after))
            .unwrap_err()
    };
    let before = refuse("apps", 100);
    assert!(about(before.wait, seconds(500)));
    assert_eq!(before.announced, before.wait);
    // Another namespace comes first, so that its turn is in the next window.
    refuse("other", 200);
    let after = refuse("apps", 400);
    assert!(about(after.wait, WINDOW));
    assert_eq!(after.announced, before.announced - seconds(300));
}

#[test]
fn connections_are_enqueued_when_the_limit_changes_or_is_spent() {
    let (queue, mut enqueued) = unbounded_channel();
    let now = Instant::now();
    let budget = Budget::new("organization org_1", limit(100, WINDOW), queue);
    let connection = ResourceKey::new("Connection", "apps", "default");
    budget.join(&connection, None, now);
    let view = budget.view(None, now).unwrap();
    assert_eq!(
        (view.remaining, view.source),
        (100, RateLimitSource::Assumed)
    );
    let request = send(&budget, None, now).unwrap();
    budget.answered(request, &headers(100, 99, 600), now);
    budget.ended(request, now);
    assert_eq!(
        enqueued.try_recv().as_ref(),
        Ok(&connection),
        "another source"
    );
    budget.view(None, now).unwrap();
    for left in [9, 8, 7] {
        let request = send(&budget, None, now).unwrap();
        budget.answered(request, &headers(100, left, 600), now);
        budget.ended(request, now);
    }
    assert!(enqueued.try_recv().is_err(), "not with each request");
    let request = send(&budget, None, now).unwrap();
    budget.answered(request, &headers(100, 0, 600), now);
    budget.ended(request, now);
    assert_eq!(enqueued.try_recv().as_ref(), Ok(&connection), "spent");
    assert!(send(&budget, None, now).is_err());
    assert!(enqueued.try_recv().is_err(), "once");
    let view = budget.view(None, now).unwrap();
    assert!(view.remaining == 0 && about(view.resumes_in, WINDOW));
}

#[test]
fn the_reserve_is_for_creates_and_deletions() {
    let (now, of) = (Instant::now(), limit(100, WINDOW));
    let mut scheduler = Scheduler::new(Capacity::from_quota(Quota::assumed(of)));
    for number in 0..95 {
        let rotation = purpose("apps", &format!("r{number}"), Priority::Rotation);
        assert!(scheduler.check(&rotation, 0, now).is_ok());
        scheduler.take(&rotation, 0, now);
    }
    for priority in [Priority::Change, Priority::Rotation, Priority::Recovery] {
        let late = purpose("apps", "late", priority);
        assert!(scheduler.check(&late, 0, now).is_err());
    }
    for number in 0..5 {
        let create = purpose("other", &format!("r{number}"), Priority::Create);
        assert!(scheduler.check(&create, 0, now).is_ok());
        scheduler.take(&create, 0, now);
    }
    let late = purpose("other", "late", Priority::Create);
    assert!(scheduler.check(&late, 0, now).is_err());
}
