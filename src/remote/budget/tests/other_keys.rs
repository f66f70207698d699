//! Keys of one organization that have different limits, at servers that count them together, or each key by itself.

use super::headers;
use super::world::{limit, purpose, seconds};
use crate::plan::purpose::Priority;
use crate::remote::budget::limit::WINDOW;
use crate::remote::budget::organization::Budget;
use crate::remote::budget::pool::SharedPool;
use crate::remote::testing::{too_many_requests, unreachable_error};
use crate::resources::ResourceKey;
use metorial::Meta;
use std::sync::Barrier;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

/// The budgets of the development keys and of the production keys of an organization.
fn budgets() -> (Budget, Budget, Instant) {
    let pool = SharedPool::default();
    let of = |requests| {
        let limit = limit(requests, WINDOW);
        Budget::sharing(
            pool.clone(),
            "organization org_1",
            limit,
            unbounded_channel().0,
        )
    };
    (of(100), of(5000), Instant::now())
}

/// Sends so many requests, each of another resource, and receives responses without headers.
fn send(budget: &Budget, priority: Priority, count: usize, now: Instant) {
    for number in 0..count {
        assert!(answered(budget, priority, number, &Meta::default(), now));
    }
}

/// Sends a request and receives its response. Returns false if it may not be sent.
fn answered(budget: &Budget, priority: Priority, number: usize, meta: &Meta, now: Instant) -> bool {
    let purpose = purpose("apps", &format!("r{number}"), priority);
    let Ok(request) = budget.admit(None, &purpose, 0, now) else {
        budget.withdraw(&purpose.key, now);
        return false;
    };
    budget.answered(request, meta, now);
    budget.ended(request, now);
    true
}

/// The headers of a response that leaves so many of a hundred requests.
fn left(left: u64) -> Meta {
    headers(100, left, 600)
}

/// Sends a request and receives the response, which leaves so many of a hundred.
fn report(budget: &Budget, priority: Priority, remaining: u64, now: Instant) {
    assert!(answered(budget, priority, 0, &left(remaining), now));
}

#[test]
fn checks_with_other_keys_use_up_no_share_of_checks() {
    let (development, production, now) = budgets();
    send(&production, Priority::Observation, 30, now);
    send(&development, Priority::Observation, 25, now);
    let late = purpose("apps", "late", Priority::Observation);
    assert!(development.admit(None, &late, 0, now).is_err(), "a quarter");
}

#[test]
fn requests_with_other_keys_use_up_no_share_of_changes() {
    let (development, production, now) = budgets();
    report(&development, Priority::Change, 99, now);
    send(&production, Priority::Change, 98, now);
    assert_eq!(development.remaining(now), 1);
    report(&development, Priority::Change, 98, now);
    assert_eq!(development.remaining(now), 98, "the server counts each key");
}

#[test]
fn one_request_finds_out_whether_others_have_used_up_what_the_server_reported() {
    let (development, production, now) = budgets();
    report(&development, Priority::Create, 99, now);
    send(&production, Priority::Create, 300, now);
    let [first, second] = ["first", "second"].map(|name| purpose("apps", name, Priority::Create));
    let probe = development.admit(None, &first, 0, now).unwrap();
    assert!(development.admit(None, &second, 0, now).is_err(), "alone");
    development.answered(probe, &left(98), now);
    development.ended(probe, now);
    assert_eq!(development.remaining(now), 98);

    // A server that counts all together says so, and is believed.
    development.withdraw(&second.key, now);
    send(&production, Priority::Create, 300, now);
    report(&development, Priority::Create, 0, now);
    send(&production, Priority::Create, 300, now);
    assert!(development.admit(None, &second, 0, now).is_err());
}

#[test]
fn a_server_without_headers_is_asked_whether_it_counts_keys_together() {
    let (development, production, now) = budgets();
    send(&production, Priority::Create, 150, now);
    assert_eq!(development.remaining(now), 1);
    send(&development, Priority::Create, 1, now);
    assert_eq!(development.remaining(now), 99, "it does not");
    send(&development, Priority::Create, 99, now);
    assert_eq!(development.remaining(now), 100, "the limit is doubled");
}

#[tokio::test]
async fn a_server_without_headers_that_counts_keys_together_is_asked_once_in_a_while() {
    let (development, production, now) = budgets();
    let refusal = too_many_requests().await;
    send(&production, Priority::Create, 150, now);
    let create = purpose("apps", "new", Priority::Create);
    let mut at = now;
    for _ in 0..3 {
        let probe = development.admit(None, &create, 0, at).unwrap();
        let spent = development.throttled(probe, &create, 0, &refusal, at);
        development.ended(probe, at);
        assert!(spent.wait >= seconds(7) && development.remaining(at) == 0);
        at += spent.wait;
        assert_eq!(development.remaining(at), 1);
    }
}

#[tokio::test]
async fn who_waits_for_a_limit_that_all_keys_share_is_called_whichever_key_makes_it_available() {
    let (pool, now) = (SharedPool::default(), Instant::now());
    let (queue, mut woken) = unbounded_channel();
    let [production, development] = [5000, 100].map(|requests| {
        let limit = limit(requests, WINDOW);
        Budget::sharing(pool.clone(), "organization org_1", limit, queue.clone())
    });
    let shared = ResourceKey::new("ClusterConnection", "", "shared");
    let join = |requests| production.join(&shared, Some(limit(requests, WINDOW)), now);
    let [late, other] = ["late", "other"].map(|name| purpose("apps", name, Priority::Create));
    let mut waits = || {
        assert!(development.admit(None, &late, 0, now).is_err());
        assert!(woken.try_recv().is_err());
    };
    join(1);
    let request = production.admit(None, &other, 0, now).unwrap();
    waits();
    let error = unreachable_error().await;
    production.failed(request, &error);
    production.ended(request, now);
    assert_eq!(woken.try_recv().as_ref(), Ok(&late.key), "not sent");

    let mut send = || {
        let request = production.admit(None, &other, 0, now).unwrap();
        production.answered(request, &headers(5000, 4000, 600), now);
        production.ended(request, now);
        assert!(development.admit(None, &late, 0, now).is_err());
        assert!(woken.try_recv().is_err());
    };
    send();
    join(20);
    assert_eq!(woken.try_recv().as_ref(), Ok(&late.key), "a higher limit");
    join(1);
    development.withdraw(&late.key, now);
    assert!(development.admit(None, &late, 0, now).is_err());
    production.leave(&shared, now);
    assert_eq!(woken.try_recv().as_ref(), Ok(&late.key), "no limit");
}

#[test]
fn two_budgets_do_not_both_take_the_last_request_that_a_user_allows() {
    let shared = ResourceKey::new("ClusterConnection", "", "shared");
    let create = purpose("apps", "new", Priority::Create);
    for _ in 0..2000 {
        let (development, production, now) = budgets();
        production.join(&shared, Some(limit(1, WINDOW)), now);
        let both = Barrier::new(2);
        let send = |budget: &Budget| {
            both.wait();
            budget.admit(None, &create, 0, now).is_ok()
        };
        let admitted = std::thread::scope(|scope| {
            let first = scope.spawn(|| send(&development));
            let second = send(&production);
            [first.join().unwrap(), second]
        });
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
    }
}

#[test]
fn requests_of_others_that_the_server_may_not_have_counted_yet_are_not_left() {
    let (development, production, now) = budgets();
    let [create, other] = ["new", "other"].map(|name| purpose("apps", name, Priority::Create));
    let on_its_way = production.admit(None, &other, 0, now).unwrap();
    let request = development.admit(None, &create, 0, now).unwrap();
    // Counted after it, although its response arrives first.
    send(&production, Priority::Create, 2, now);
    development.answered(request, &headers(100, 50, 600), now);
    development.ended(request, now);
    assert_eq!(development.remaining(now), 47);
    production.answered(on_its_way, &headers(5000, 4000, 600), now);
    production.ended(on_its_way, now);
    let next = headers(100, 46, 600);
    assert!(answered(&development, Priority::Create, 1, &next, now));
    assert_eq!(development.remaining(now), 46, "all are counted");
}

#[tokio::test]
async fn a_key_that_shows_its_type_no_more_takes_nothing_from_the_budget_that_others_use() {
    let (pool, now) = (SharedPool::default(), Instant::now());
    let (queue, _woken) = unbounded_channel();
    let [production, of_instance] = [(); 2].map(|()| {
        let limit = limit(100, WINDOW);
        Budget::sharing(pool.clone(), "organization org_1", limit, queue.clone())
    });
    let observation = purpose("apps", "a", Priority::Observation);
    for _ in 0..25 {
        assert!(production.admit(None, &observation, 0, now).is_ok());
    }
    let remaining = production.remaining(now);
    of_instance.take_over(&production, now);
    assert_eq!(production.remaining(now), remaining);
    assert!(production.admit(None, &observation, 0, now).is_err());
    assert!(of_instance.admit(None, &observation, 0, now).is_ok());
}

#[tokio::test]
async fn who_waits_with_another_key_is_called_when_a_response_shows_that_requests_were_not_counted()
{
    let (pool, now) = (SharedPool::default(), Instant::now());
    let (queue, mut woken) = unbounded_channel();
    let [production, development] = [5000, 100].map(|requests| {
        let limit = limit(requests, WINDOW);
        Budget::sharing(pool.clone(), "organization org_1", limit, queue.clone())
    });
    let shared = ResourceKey::new("ClusterConnection", "", "shared");
    production.join(&shared, Some(limit(4, WINDOW)), now);
    let [late, other] = ["late", "other"].map(|name| purpose("apps", name, Priority::Create));
    for _ in 0..3 {
        let lost = production.admit(None, &other, 0, now).unwrap();
        production.ended(lost, now);
    }
    let request = production.admit(None, &other, 0, now).unwrap();
    assert!(development.admit(None, &late, 0, now).is_err());
    while woken.try_recv().is_ok() {}
    production.answered(request, &headers(5000, 4999, 600), now);
    production.ended(request, now);
    assert_eq!(woken.try_recv().as_ref(), Ok(&late.key));
}

#[tokio::test]
async fn a_key_that_is_new_counts_nothing_that_others_sent_before_its_first_response() {
    let (pool, now) = (SharedPool::default(), Instant::now());
    let (queue, _woken) = unbounded_channel();
    let sharing = |pool: &SharedPool, requests| {
        let limit = limit(requests, WINDOW);
        Budget::sharing(pool.clone(), "organization org_1", limit, queue.clone())
    };
    let production = sharing(&pool, 5000);
    let create = purpose("apps", "a", Priority::Create);
    for _ in 0..300 {
        let request = production.admit(None, &create, 0, now).unwrap();
        production.ended(request, now);
    }
    let unknown = sharing(&SharedPool::default(), 100);
    let request = unknown.admit(None, &create, 0, now).unwrap();
    unknown.answered(request, &headers(100, 99, 600), now);
    unknown.ended(request, now);
    let development = sharing(&pool, 100);
    development.take_over(&unknown, now);
    assert_eq!(development.remaining(now), 99);
}
