//! When the API is asked about a key again.

use super::*;
use crate::connections::settings::ConnectionResource;
use crate::resources::{Connection, RECONCILE_REQUESTED, Reason, Stored};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn settings(generation: i64, request: Option<&str>) -> ConnectionSettings {
    let connection = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "Connection",
        "metadata": {
            "name": "default",
            "namespace": "apps",
            "generation": generation,
            "annotations": {RECONCILE_REQUESTED: request.unwrap_or_default()},
        },
        "spec": {"apiKey": {"secretKeyRef": {"name": "key", "key": "key"}}},
        "status": {"lastHandledReconcileAt": ""},
    });
    serde_json::from_value::<Stored<Connection>>(connection)
        .unwrap()
        .settings()
}

fn key(text: &str) -> Fingerprint {
    Fingerprint::stored(text)
}

fn unauthorized() -> NotReady {
    NotReady::new(Reason::Unauthorized, "no")
}

#[test]
fn a_response_to_a_resource_ends_the_pause_after_an_outage_but_not_each_time() {
    let (timing, now) = (Timing::default(), Instant::now());
    let away = NotReady::transient(Reason::RemoteUnavailable, "away");
    let limited = NotReady::transient(Reason::RateLimited, "later");
    for (failed, ends) in [(&away, true), (&limited, false), (&unauthorized(), false)] {
        let mut checks = KeyChecks::default();
        let begin = |checks: &mut KeyChecks, at| checks.begin(&settings(1, None), &key("a"), at);
        let mut at = now;
        // The pause after many failures is longer than the interval of such checks.
        for _ in 0..20 {
            at += Duration::from_secs(3600);
            begin(&mut checks, at);
            checks.asked(Some(failed), &timing, 0.0, (at, at));
        }
        assert!(!checks.end_pause(at + SECOND), "it was asked a moment ago");
        let later = at + MIN_INTERVAL;
        assert_eq!(begin(&mut checks, later), Check::Failed(failed.clone()));
        assert_eq!(checks.end_pause(later), ends);
        let expected = if ends {
            Check::Due
        } else {
            Check::Failed(failed.clone())
        };
        assert_eq!(begin(&mut checks, later), expected);
    }
}

#[test]
fn a_key_that_is_accepted_in_spite_of_a_doubt_is_not_asked_about_again_for_a_minute() {
    let (timing, now) = (Timing::default(), Instant::now());
    let mut checks = KeyChecks::default();
    let ask = |checks: &mut KeyChecks, failed: Option<&NotReady>, at| {
        checks.begin(&settings(1, None), &key("a"), at);
        checks.asked(failed, &timing, 0.0, (at, at));
    };
    ask(&mut checks, None, now);
    assert!(!checks.is_doubtful(now));
    // The first doubt leads to a check immediately.
    assert!(checks.doubt(now) && !checks.doubt(now) && checks.is_doubtful(now));
    ask(&mut checks, None, now);
    assert!(!checks.is_doubtful(now));
    assert!(checks.doubt(now));
    let before = now + MIN_INTERVAL - SECOND;
    assert!(!checks.is_doubtful(before));
    assert_eq!(checks.next(None, false, &timing, 0.0, before), SECOND);
    assert!(checks.is_doubtful(now + MIN_INTERVAL));
    // One that the API confirms says that the next one may be right as well.
    ask(&mut checks, Some(&unauthorized()), now + MIN_INTERVAL);
    ask(&mut checks, None, now + MIN_INTERVAL);
    assert!(checks.doubt(now + MIN_INTERVAL) && checks.is_doubtful(now + MIN_INTERVAL));
}

#[test]
fn a_doubt_that_arises_during_a_check_is_not_answered_by_it() {
    let (timing, sent) = (Timing::default(), Instant::now());
    let now = sent + SECOND;
    let mut checks = KeyChecks::default();
    checks.begin(&settings(1, None), &key("a"), sent);
    assert!(checks.doubt(now));
    checks.asked(None, &timing, 0.0, (sent, now));
    assert!(checks.is_doubtful(now), "the API is asked once more");
    checks.begin(&settings(1, None), &key("a"), now);
    checks.asked(None, &timing, 0.0, (now, now + SECOND));
    assert!(!checks.doubt(now) || !checks.is_doubtful(now + SECOND));
    // A refusal answers all of them.
    checks.asked(Some(&unauthorized()), &timing, 0.0, (sent, now));
    assert!(!checks.is_doubtful(now + MIN_INTERVAL));
}

#[test]
fn a_key_that_was_refused_is_asked_about_again_only_in_time_or_when_something_changes() {
    let (timing, now) = (Timing::default(), Instant::now());
    let mut checks = KeyChecks::default();
    let refused = unauthorized();
    assert_eq!(checks.begin(&settings(1, None), &key("a"), now), Check::Due);
    checks.asked(Some(&refused), &timing, 0.0, (now, now));
    let pause = Duration::from_secs(900);
    // Labels of the Secret, a status, a relist: whatever enqueued the connection, it is as it was.
    for event in 0..60 {
        let now = now + event * SECOND;
        let check = checks.begin(&settings(1, None), &key("a"), now);
        assert_eq!(check, Check::Failed(refused.clone()));
        let next = checks.next(Some(&refused), false, &timing, 0.0, now);
        let left = pause - event * SECOND;
        assert_eq!(next, left.min(timing.connection_check));
    }
    for (settings, key, now) in [
        (settings(1, None), key("b"), now),
        (settings(2, None), key("a"), now),
        (settings(1, Some("1")), key("a"), now),
        (settings(1, None), key("a"), now + pause),
    ] {
        assert_eq!(checks.begin(&settings, &key, now), Check::Due);
    }
}

#[test]
fn another_cause_in_between_ends_no_pause() {
    let (timing, now) = (Timing::default(), Instant::now());
    let mut checks = KeyChecks::default();
    checks.begin(&settings(1, None), &key("a"), now);
    checks.asked(Some(&unauthorized()), &timing, 0.0, (now, now));
    checks.restart();
    let missing = NotReady::new(Reason::SecretNotFound, "gone");
    checks.next(Some(&missing), false, &timing, 0.0, now);
    let check = checks.begin(&settings(1, None), &key("a"), now);
    assert_eq!(check, Check::Failed(unauthorized()));
}

#[test]
fn a_missing_or_wrong_value_is_read_again_soon_because_nothing_is_asked() {
    let (timing, now) = (Timing::default(), Instant::now());
    for reason in [
        Reason::SecretNotFound,
        Reason::SecretKeyNotFound,
        Reason::ConfigMapNotFound,
        Reason::InvalidValue,
    ] {
        let (mut checks, mut at) = (KeyChecks::default(), now);
        let missing = NotReady::new(reason, "no");
        for expected in [1, 2, 4, 8] {
            checks.restart();
            let next = checks.next(Some(&missing), false, &timing, 0.0, at);
            assert_eq!(next, expected * SECOND, "{reason}");
            at += next;
        }
    }
}

#[test]
fn requests_of_a_user_are_honored_once_in_ten_seconds() {
    let (timing, now) = (Timing::default(), Instant::now());
    let mut checks = KeyChecks::default();
    let mut honored = 0;
    for second in 0..60 {
        let (now, text) = (now + second * SECOND, second.to_string());
        let settings = settings(1, Some(&text));
        match checks.begin(&settings, &key("a"), now) {
            Check::Due => {
                honored += 1;
                checks.asked(None, &timing, 0.0, (now, now));
            }
            check => {
                assert_eq!(check, Check::Accepted);
                let next = checks.next(None, false, &timing, 0.0, now);
                assert_eq!(next, (10 - second % 10) * SECOND);
            }
        }
    }
    assert_eq!(honored, 6);
}

#[test]
fn a_request_whose_pause_ends_during_the_reconciliation_is_handled_immediately() {
    let (timing, now) = (Timing::default(), Instant::now());
    let (early, late) = (now + timing.rest - SECOND, now + timing.rest);
    for failed in [None, Some(unauthorized())] {
        let mut checks = KeyChecks::default();
        let first = settings(1, Some("1"));
        assert_eq!(checks.begin(&first, &key("a"), now), Check::Due);
        checks.asked(failed.as_ref(), &timing, 0.0, (now, now));
        checks.next(failed.as_ref(), false, &timing, 0.0, now);
        checks.restart();
        let check = checks.begin(&settings(1, Some("2")), &key("a"), early);
        assert_ne!(check, Check::Due);
        let next = checks.next(failed.as_ref(), false, &timing, 0.0, late);
        assert_eq!(next, Duration::ZERO, "{failed:?}");
    }
}

#[test]
fn the_next_check_is_soon_where_it_may_help_and_never_before_the_api_asks_for_it() {
    let (timing, now) = (Timing::default(), Instant::now());
    let transient = NotReady::transient(Reason::RemoteUnavailable, "down");
    let throttled = NotReady {
        wait: Some(100 * SECOND),
        ..transient.clone()
    };
    let of = |not_ready: Option<&NotReady>, terminating, attempts: u32| {
        let mut checks = KeyChecks::default();
        let mut next = Duration::ZERO;
        for attempt in 0..attempts {
            let now = now + attempt * 1000 * SECOND;
            checks.begin(&settings(1, None), &key("a"), now);
            checks.asked(not_ready, &timing, 0.0, (now, now));
            next = checks.next(not_ready, terminating, &timing, 0.0, now);
        }
        next
    };
    assert_eq!(of(None, false, 1), timing.connection_check);
    assert_eq!(of(None, true, 1), SECOND);
    assert_eq!(of(Some(&transient), false, 1), SECOND);
    assert_eq!(of(Some(&transient), false, 3), 4 * SECOND);
    // The key is read again at the interval, the API asked after the pause.
    assert_eq!(of(Some(&unauthorized()), false, 1), timing.connection_check);
    assert_eq!(of(Some(&unauthorized()), true, 1), SECOND);
    assert_eq!(of(Some(&throttled), false, 1), 100 * SECOND);
}
