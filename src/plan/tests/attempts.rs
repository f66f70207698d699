//! Pauses from one reconciliation to the next.

use crate::plan::attempt::{Attempt, Circumstances, digest};
use crate::plan::backoff::{Backoff, Delays, Growth, Retry};
use crate::plan::pauses::{Ended, Pauses};
use crate::plan::steps::Plan;
use crate::plan::verdict::{EventReason, Verdict};
use crate::resources::{PlanStatus, Reason, ResourceKey};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
const DELAYS: Delays = Delays {
    transient: (SECOND, Duration::from_secs(300)),
    interval: Duration::from_secs(600),
    rest: Duration::from_secs(10),
    jitter: 0.0,
};

fn attempt(generation: i64) -> Attempt {
    Attempt::of(&Circumstances {
        generation,
        ..Circumstances::default()
    })
}

/// The first attempt, with a request of the user.
fn requested(text: &str) -> Attempt {
    Attempt {
        request: Some(digest(text)),
        ..attempt(1)
    }
}

fn transient() -> Retry {
    Retry::Backoff(Backoff::transient())
}

fn refused() -> Retry {
    Retry::Backoff(Backoff::new(Growth::Refused))
}

fn ended(retry: &Retry, asked: bool) -> Ended<'_> {
    Ended {
        retry,
        attempt: attempt(1),
        plan: None,
        asked,
    }
}

/// A reconciliation that asked the API.
fn asked(pauses: &mut Pauses, retry: &Retry, now: Instant) -> Duration {
    let next = pauses.next(ended(retry, true), &DELAYS, now);
    next.expect("a pause")
}

#[test]
fn whatever_waits_is_held_until_its_pause_is_over_or_something_changes() {
    let pause = |seconds| Duration::from_secs(seconds);
    for (retry, held) in [
        (transient(), pause(1)),
        (refused(), pause(900)),
        (Retry::ChangeOrInterval, pause(600)),
        // All is well: an event may lead to another look, but not at any rate.
        (Retry::Interval(None), pause(10)),
        (Retry::Interval(Some(pause(2))), pause(2)),
        (Retry::After(pause(70)), pause(70)),
        // The budget may call earlier, and sends nothing before.
        (Retry::Turn(pause(70)), Duration::ZERO),
        (Retry::Now, Duration::ZERO),
    ] {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        asked(&mut pauses, &retry, now);
        let left = pauses.left(&attempt(1), now);
        assert_eq!(left.unwrap_or_default(), held, "{retry:?}");
        assert_eq!(pauses.left(&attempt(1), now + held), None, "{retry:?}");
        assert_eq!(pauses.left(&attempt(2), now), None, "{retry:?}");
    }
}

#[test]
fn an_event_in_a_pause_neither_ends_nor_prolongs_it() {
    for retry in [transient(), refused(), Retry::ChangeOrInterval] {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let pause = asked(&mut pauses, &retry, now);
        for event in 1..60 {
            let now = now + pause * event / 60;
            let left = pauses.left(&attempt(1), now).unwrap();
            let waits = Retry::After(left);
            assert_eq!(pauses.next(ended(&waits, false), &DELAYS, now), Some(left));
            // A cause in the cluster that is found again is no other failure.
            let again = transient();
            assert_eq!(pauses.next(ended(&again, false), &DELAYS, now), Some(left));
        }
        assert_eq!(pauses.left(&attempt(1), now + pause), None);
        let twice = asked(&mut pauses, &transient(), now + pause);
        assert!(twice <= 2 * SECOND, "{retry:?}: {twice:?}");
    }
}

#[test]
fn what_was_put_off_is_done_at_once_when_its_pause_ended_in_the_meantime() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    assert_eq!(pauses.begin(requested("first"), now), None);
    asked(&mut pauses, &Retry::Interval(None), now);
    let request = requested("second");
    let pause = pauses.begin(request.clone(), now).unwrap();
    assert_eq!(pause.left, DELAYS.rest);
    let synced = Ended {
        attempt: request.clone(),
        ..ended(&Retry::Interval(None), false)
    };
    let later = now + 20 * SECOND;
    let next = pauses.next(synced, &DELAYS, later);
    assert_eq!(next, Some(Duration::ZERO));
    assert_eq!(pauses.begin(request, later), None);
}

#[test]
fn a_pause_knows_what_the_attempt_before_it_reported_unless_that_is_done() {
    let rejected = Verdict::new(Reason::RemoteRejected, "no");
    let with_event = Verdict {
        event: Some((EventReason::Updated, "once".to_owned())),
        ..rejected.clone()
    };
    let synced = Verdict::new(Reason::Synced, "done");
    let silent = Verdict {
        keeps_conditions: true,
        ..rejected.clone()
    };
    let later = || Retry::After(DELAYS.interval);
    for (verdict, retry, known) in [
        (&with_event, refused(), Some(rejected)),
        (&silent, refused(), Some(silent.clone())),
        (&silent, later(), None),
        (&synced, refused(), None),
    ] {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let plan = Plan::report(verdict.clone()).with_retry(retry.clone());
        let ended = Ended {
            plan: Some(&plan),
            ..ended(&retry, true)
        };
        pauses.next(ended, &DELAYS, now);
        let missing = Plan::report(Verdict::new(Reason::SecretNotFound, "gone"));
        let meanwhile = Ended {
            attempt: attempt(2),
            plan: Some(&missing),
            ..self::ended(&missing.retry, false)
        };
        pauses.next(meanwhile, &DELAYS, now);
        let pause = pauses.begin(attempt(1), now).unwrap();
        let reported = pause.reported.map(|plan| plan.verdict);
        assert_eq!(reported, known, "{}", verdict.reason);
    }
}

#[test]
fn what_is_decided_without_the_api_ends_no_pause_of_it() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    asked(&mut pauses, &refused(), now);
    let forbidden = Ended {
        attempt: attempt(2),
        ..ended(&Retry::ChangeOrInterval, false)
    };
    pauses.next(forbidden, &DELAYS, now);
    let left = pauses.left(&attempt(1), now + SECOND);
    assert_eq!(left, Some(Duration::from_secs(899)));
}

#[test]
fn pauses_grow_while_the_same_attempt_fails_and_begin_anew_with_another() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let first: Vec<Duration> = (0..4)
        .map(|_| asked(&mut pauses, &transient(), now))
        .collect();
    assert_eq!(first, [1, 2, 4, 8].map(Duration::from_secs));
    let retry = transient();
    let other = Ended {
        attempt: attempt(2),
        ..ended(&retry, true)
    };
    assert_eq!(pauses.next(other, &DELAYS, now), Some(SECOND));
    asked(&mut pauses, &Retry::Interval(None), now);
    assert_eq!(asked(&mut pauses, &transient(), now), SECOND);
}

#[test]
fn nothing_comes_back_at_once_twice_in_a_row() {
    for retry in [
        Retry::Now,
        Retry::After(Duration::ZERO),
        Retry::Interval(Some(Duration::ZERO)),
    ] {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        let next: Vec<Duration> = (0..5).map(|_| asked(&mut pauses, &retry, now)).collect();
        let grows = [0, 1, 2, 4, 8].map(Duration::from_secs);
        assert_eq!(next, grows, "{retry:?}");
        assert!(pauses.left(&attempt(1), now).is_some(), "{retry:?}");
    }
}

#[test]
fn requests_of_a_user_end_a_pause_once_in_ten_seconds() {
    for retry in [refused(), Retry::ChangeOrInterval, Retry::Interval(None)] {
        let (mut pauses, now) = (Pauses::default(), Instant::now());
        asked(&mut pauses, &retry, now);
        let mut honored = 0;
        for second in 0..60 {
            let (now, text) = (now + second * SECOND, second.to_string());
            let request = requested(&text);
            match pauses.begin(request.clone(), now) {
                None => {
                    honored += 1;
                    asked(&mut pauses, &retry, now);
                }
                Some(pause) => {
                    let waits = Ended {
                        attempt: request,
                        ..ended(&Retry::Interval(None), false)
                    };
                    let next = pauses.next(waits, &DELAYS, now);
                    assert_eq!(next, Some(pause.left), "the request comes back");
                }
            }
        }
        assert_eq!(honored, 6, "{retry:?}");
    }
}

#[test]
fn a_reconciliation_that_ends_without_a_decision_is_held_too() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    pauses.begin(attempt(1), now);
    assert_eq!(pauses.fail(&DELAYS, now), SECOND);
    assert_eq!(pauses.left(&attempt(1), now), Some(SECOND));
    // An event in the pause is no other failure.
    for event in 1..60 {
        let now = now + SECOND * event / 60;
        pauses.begin(attempt(1), now);
        assert!(pauses.fail(&DELAYS, now) <= SECOND);
    }
    assert_eq!(pauses.fail(&DELAYS, now + SECOND), 2 * SECOND);
    // It does not shorten a longer pause.
    let pause = asked(&mut pauses, &refused(), now);
    let later = now + 60 * SECOND;
    pauses.begin(attempt(1), later);
    pauses.fail(&DELAYS, later);
    let left = pauses.left(&attempt(1), later);
    assert_eq!(left, Some(pause - 60 * SECOND));
}

#[test]
fn a_deletion_waits_whatever_comes_to_depend_on_it_and_until_something_no_longer_does() {
    let key = |name: &str| ResourceKey::new("ProviderConfig", "apps", name);
    let blocked = |names: &[&str]| Attempt {
        dependents: names.iter().map(|name| key(name)).collect(),
        ..attempt(1)
    };
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let retry = transient();
    let by_two = Ended {
        attempt: blocked(&["a", "b"]),
        ..ended(&retry, true)
    };
    pauses.next(by_two, &DELAYS, now);
    for (names, waits) in [
        (&["a", "b"][..], true),
        (&["a", "b", "c"], true),
        (&["a"], false),
        (&["a", "c"], false),
    ] {
        let left = pauses.left(&blocked(names), now);
        assert_eq!(left.is_some(), waits, "{names:?}");
    }
}

#[test]
fn a_deletion_is_blocked_for_as_long_as_every_attempt_fails_to_reach_the_api() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let mut end = |retry: &Retry, asked, deletion_blocked, now| {
        let plan = Plan {
            deletion_blocked,
            ..Plan::report(Verdict::new(Reason::RemoteUnavailable, "failed"))
        };
        let ended = Ended {
            plan: Some(&plan),
            ..ended(retry, asked)
        };
        pauses.next(ended, &DELAYS, now);
        pauses.blocked_for(now)
    };
    end(&transient(), true, true, now);
    let (soon, later) = (now + SECOND / 2, now + 5 * SECOND);
    end(&Retry::After(SECOND / 2), false, false, soon);
    assert_eq!(end(&transient(), true, true, later), 5 * SECOND);
    // The API was reached in between.
    assert_eq!(end(&transient(), true, false, later), Duration::ZERO);
}

#[test]
fn conflicts_in_a_row_are_counted_for_one_attempt_and_by_themselves() {
    let conflict = Retry::Backoff(Backoff::new(Growth::TransientThenRefused));
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let mut counted = |of: i64, retry: &Retry| {
        pauses.begin(attempt(of), now);
        let before = pauses.uncertain_failures();
        let ended = Ended {
            attempt: attempt(of),
            ..ended(retry, true)
        };
        (before, pauses.next(ended, &DELAYS, now).unwrap())
    };
    for _ in 0..4 {
        counted(1, &transient());
    }
    assert_eq!(counted(1, &conflict).0, 0);
    let (before, pause) = counted(1, &conflict);
    assert_eq!(before, 1);
    assert!(pause <= 3 * SECOND, "outages before don't count: {pause:?}");
    assert_eq!(counted(1, &conflict).0, 2);
    assert_eq!(counted(2, &conflict).0, 0, "another attempt");
    assert_eq!(counted(2, &conflict).0, 1);
    counted(2, &transient());
    assert_eq!(counted(2, &conflict).0, 0, "something else came between");
}

#[test]
fn a_plan_that_waits_for_approval_is_known_in_the_pause_after_it() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let proposal = PlanStatus {
        hash: "hash".to_owned(),
        nonce: "nonce".to_owned(),
        steps: Vec::new(),
    };
    let plan = Plan {
        proposal: Some(proposal.clone()),
        ..Plan::report(Verdict::new(Reason::PlanPending, "approve=hash"))
    };
    let ended = Ended {
        plan: Some(&plan),
        ..ended(&plan.retry, true)
    };
    pauses.next(ended, &DELAYS, now);
    let pause = pauses.begin(attempt(1), now).unwrap();
    let reported = pause.reported.unwrap();
    assert_eq!(
        (reported.verdict.reason, reported.proposal),
        (Reason::PlanPending, Some(proposal))
    );
}
