//! Properties of the scheduler.

use super::headers;
use super::world::{Headers, Lost, World, limit, purpose, seconds, taking};
use crate::plan::purpose::{Priority, Purpose};
use crate::remote::budget::capacity::Capacity;
use crate::remote::budget::limit::{Limit, Moment, WINDOW};
use crate::remote::budget::pool::Pool;
use crate::remote::budget::quota::Quota;
use crate::remote::budget::scheduler::Scheduler;
use crate::remote::budget::window::Counted;
use proptest::prelude::*;
use tokio::time::Instant;

/// A scheduler with a limit, all of which was just used by creates of `namespace`.
fn spent(limit: Limit, namespace: &str, now: Instant) -> Scheduler {
    let mut scheduler = Scheduler::new(Capacity::from_quota(Quota::assumed(limit)));
    let create = purpose(namespace, "first", Priority::Create);
    for sent in 1..=limit.requests {
        scheduler.check(&create, 0, now).unwrap();
        let number = scheduler.take(&create, 0, now);
        answer(&mut scheduler, number, limit.requests - sent, now);
    }
    scheduler
}

/// Receives the response to a request, which says how many of 200 are left.
fn answer(scheduler: &mut Scheduler, number: u64, left: u64, now: Instant) {
    let reported = headers(200, left, 600).rate_limit;
    let (quota, mut pool) = scheduler.capacity.quota().unwrap();
    quota.answered(number, reported.as_ref(), &mut pool, now);
    quota.ended(number, now);
}

/// Lets everybody in `waiting` come at once, again and again, and returns the order in which they may send.
fn served(scheduler: &mut Scheduler, waiting: &[Purpose], at: Instant) -> Vec<(Purpose, u64)> {
    let mut order: Vec<(Purpose, u64)> = Vec::new();
    loop {
        let next = waiting.iter().find(|next| {
            order.iter().all(|(served, _)| served != *next) && scheduler.check(next, 0, at).is_ok()
        });
        let Some(next) = next else {
            return order;
        };
        let number = scheduler.take(next, 0, at);
        order.push((next.clone(), number));
    }
}

fn any_priority() -> impl Strategy<Value = Priority> {
    prop::sample::select(Priority::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A server never has to refuse a request of somebody who is alone in its window, and everybody is served in the end.
    #[test]
    fn the_limit_is_never_exceeded_and_nobody_waits_forever(
        requests in 1u64..40,
        per in prop::sample::select(vec![60u64, 600]),
        empty in any::<bool>(),
        wants in prop::collection::vec((0..4u8, any_priority(), 1..4u64, 0..900u64), 1..60),
    ) {
        let actual = limit(requests, seconds(per));
        let headers = if empty { Headers::Empty } else { Headers::Oldest };
        let mut world = World::new(actual, limit(100, WINDOW), headers);
        // The check of the connection.
        world.want(&purpose("apps", "connection", Priority::Change), 1, seconds(0));
        let mut total = 1;
        for (number, (namespace, priority, count, after)) in wants.iter().enumerate() {
            let namespace = format!("team-{namespace}");
            let wants = purpose(&namespace, &format!("r{number}"), *priority);
            let count = (*count).min(actual.shares().for_priority(*priority));
            total += count;
            world.want(&taking(count, wants), count, seconds(1 + after));
        }
        // A quarter for observations, and what is begun again.
        let windows = 4 + u32::try_from(total / (requests / 4).max(1)).unwrap();
        world.run(seconds(900) + seconds(per) * windows * 2);
        prop_assert_eq!(world.server.refused, 0);
        prop_assert_eq!(world.done.len(), wants.len() + 1);
        let observations: Vec<Instant> = world
            .sent
            .iter()
            .filter(|sent| sent.purpose.priority == Priority::Observation)
            .map(|sent| sent.at)
            .collect();
        for at in &observations {
            let of_window = |other: &&Instant| (*at..*at + seconds(per)).contains(*other);
            let count = observations.iter().filter(of_window).count() as u64;
            prop_assert!(count <= (requests / 4).max(1), "{} observations", count);
        }
    }

    /// After an outage everybody is served. The server never has to refuse a request, unless it counted requests whose
    /// responses were lost: then it may have refused the others of them, one that finds out what is left, and one more when the
    /// window ends, because which of them it counted is not known.
    #[test]
    fn an_outage_neither_overspends_the_limit_nor_stops_anybody(
        requests in 4u64..40,
        empty in any::<bool>(),
        lost in prop::sample::select(vec![Lost::NotSent, Lost::Request, Lost::Response]),
        from in 1u64..300,
        length in 1u64..120,
        wants in prop::collection::vec((any_priority(), 1..3u64, 0..400u64), 1..40),
    ) {
        let actual = limit(requests, WINDOW);
        let headers = if empty { Headers::Empty } else { Headers::Oldest };
        let mut world = World::new(actual, limit(100, WINDOW), headers);
        world.want(&purpose("apps", "connection", Priority::Change), 1, seconds(0));
        world.outage = Some((seconds(from)..seconds(from + length), lost));
        let mut total = 1;
        for (number, (priority, count, after)) in wants.iter().enumerate() {
            let wants = purpose("apps", &format!("r{number}"), *priority);
            let count = (*count).min(actual.shares().for_priority(*priority));
            total += count;
            world.want(&taking(count, wants), count, seconds(1 + after));
        }
        let windows = 6 + u32::try_from(total / (requests / 4).max(1)).unwrap();
        world.run(WINDOW * windows * 2);
        prop_assert_eq!(world.done.len(), wants.len() + 1);
        let most = if lost == Lost::Response { world.lost + 1 } else { 0 };
        prop_assert!(world.server.refused <= most, "{} of {}", world.server.refused, most);
    }

    /// Whatever order the server counts requests in, and its responses arrive in, and whichever of both are lost, it never
    /// has to refuse one, and when all have arrived, what it says is left can be used.
    #[test]
    fn responses_in_any_order_neither_overspend_the_limit_nor_waste_it(
        requests in 1u64..12,
        others in 0u64..4,
        steps in prop::collection::vec((0..6u8, any::<prop::sample::Index>()), 1..80),
    ) {
        let now = Instant::now();
        let (mut quota, mut pool) = (Quota::assumed(limit(1, WINDOW)), Pool::default());
        // Requests on their way to the server, and responses on their way back: what is left after each.
        let (mut there, mut back) = (Vec::new(), Vec::new());
        let mut left = requests.saturating_sub(others);
        let send = |quota: &mut Quota, pool: &mut Pool| {
            let counted = Counted::new(&purpose("apps", "new", Priority::Create), now);
            pool.window.add(&counted);
            quota.sent(counted)
        };
        let receive = |quota: &mut Quota, pool: &mut Pool, (number, left): (u64, u64)| {
            let reported = headers(requests, left, 600).rate_limit;
            quota.answered(number, reported.as_ref(), pool, now);
            quota.ended(number, now);
        };
        prop_assume!(left > 0);
        left -= 1;
        let first = send(&mut quota, &mut pool);
        receive(&mut quota, &mut pool, (first, left));
        for (step, index) in steps {
            match step {
                0 if quota.available(&pool.window, Moment::Now(now)).total > 0 => {
                    there.push(send(&mut quota, &mut pool));
                }
                1 if !there.is_empty() => {
                    let number = there.swap_remove(index.index(there.len()));
                    prop_assert!(left > 0, "the server would refuse request {}", number);
                    left -= 1;
                    back.push((number, left));
                }
                2 if !back.is_empty() => {
                    let response = back.swap_remove(index.index(back.len()));
                    receive(&mut quota, &mut pool, response);
                }
                // Lost on its way there, or back, or not sent at all.
                3 if !there.is_empty() => {
                    let number = there.swap_remove(index.index(there.len()));
                    quota.ended(number, now);
                }
                4 if !back.is_empty() => {
                    let (number, _) = back.swap_remove(index.index(back.len()));
                    quota.ended(number, now);
                }
                5 if !there.is_empty() => {
                    let number = there.swap_remove(index.index(there.len()));
                    quota.not_sent(number, &mut pool);
                }
                _ => {}
            }
        }
        for number in there {
            prop_assert!(left > 0, "the server would refuse request {}", number);
            left -= 1;
            back.push((number, left));
        }
        for response in back {
            receive(&mut quota, &mut pool, response);
        }
        // The next response corrects what was counted for requests that were lost.
        if left > 0 {
            left -= 1;
            let last = send(&mut quota, &mut pool);
            receive(&mut quota, &mut pool, (last, left));
        }
        prop_assert_eq!(quota.available(&pool.window, Moment::Now(now)).total, left);
    }

    /// The most urgent go first.
    #[test]
    fn those_who_wait_are_served_in_the_order_of_their_priorities(
        priorities in prop::collection::vec(any_priority(), 1..40),
    ) {
        let (now, reset) = (Instant::now(), Instant::now() + WINDOW + seconds(1));
        let mut scheduler = spent(limit(200, WINDOW), "apps", now);
        let waiting: Vec<Purpose> = priorities
            .iter()
            .enumerate()
            .map(|(number, priority)| purpose("apps", &format!("r{number:02}"), *priority))
            .collect();
        for purpose in &waiting {
            prop_assert!(scheduler.check(purpose, 0, reset - seconds(2)).is_err());
        }
        let ranks: Vec<u8> = one_by_one(&mut scheduler, &waiting, reset)
            .iter()
            .map(|purpose| purpose.priority.rank())
            .collect();
        prop_assert!(ranks.is_sorted(), "{:?}", ranks);
    }

    /// While several namespaces wait, none is served twice before another one is served once.
    #[test]
    fn namespaces_take_turns(waiting in prop::collection::vec((0..5u8, urgent()), 1..40)) {
        let waiting = waiting.iter().enumerate().map(|(number, (team, priority))| {
            purpose(&format!("team-{team}"), &format!("r{number:02}"), *priority)
        });
        take_turns(&waiting.collect::<Vec<_>>(), |purpose| purpose.key.namespace.to_string())?;
    }

    /// While deletions, creates and changes of a namespace wait, none of them is served twice before another one is served once.
    #[test]
    fn deletions_creates_and_changes_of_a_namespace_take_turns(
        waiting in prop::collection::vec(urgent(), 1..40),
    ) {
        let waiting = waiting.iter().enumerate().map(|(number, priority)| {
            purpose("apps", &format!("r{number:02}"), *priority)
        });
        take_turns(&waiting.collect::<Vec<_>>(), |purpose| purpose.priority)?;
    }
}

/// Any priority of the highest rank.
fn urgent() -> impl Strategy<Value = Priority> {
    any_priority().prop_filter("of the highest rank", |priority| priority.rank() == 0)
}

/// Confirms that no group is served twice before another one that waits is served once.
fn take_turns<G: PartialEq>(
    waiting: &[Purpose],
    group: impl Fn(&Purpose) -> G,
) -> Result<(), TestCaseError> {
    let (now, reset) = (Instant::now(), Instant::now() + WINDOW + seconds(1));
    let mut scheduler = spent(limit(200, WINDOW), "other", now);
    for purpose in waiting {
        let sent = scheduler.check(purpose, 0, reset - seconds(2));
        prop_assert!(sent.is_err());
    }
    let order = one_by_one(&mut scheduler, waiting, reset);
    prop_assert_eq!(order.len(), waiting.len());
    let of = |served: &[Purpose], of: &G| served.iter().filter(|it| group(it) == *of).count();
    for end in 0..order.len() {
        let served = &order[..end];
        let most = served.iter().map(|it| of(served, &group(it))).max();
        for one in waiting {
            let count = of(served, &group(one));
            let waits = count < of(waiting, &group(one));
            prop_assert!(!waits || most.unwrap_or(0) <= count + 1);
        }
    }
    Ok(())
}

/// Makes one request available after the other, and returns the order in which those who wait may send.
fn one_by_one(scheduler: &mut Scheduler, waiting: &[Purpose], at: Instant) -> Vec<Purpose> {
    let mut order: Vec<Purpose> = Vec::new();
    while order.len() < waiting.len() {
        let (quota, mut pool) = scheduler.capacity.quota().unwrap();
        let reported = headers(200, 1, 600).rate_limit;
        quota.answered(u64::MAX, reported.as_ref(), &mut pool, at);
        drop(pool);
        let left: Vec<Purpose> = waiting
            .iter()
            .filter(|purpose| !order.contains(purpose))
            .cloned()
            .collect();
        let next = served(scheduler, &left, at);
        assert_eq!(next.len(), 1, "exactly one may send");
        for (served, number) in next {
            order.push(served);
            answer(scheduler, number, 0, at);
        }
    }
    order
}
