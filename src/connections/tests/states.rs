//! The state of a connection.

use super::settings;
use crate::connections::endpoint::Endpoint;
use crate::connections::key_checks::Check;
use crate::connections::limits::Joined;
use crate::connections::losses::Count;
use crate::connections::settings::ConnectionSettings;
use crate::connections::slot::{Identified, Pinned, Slot};
use crate::inventory::Lost;
use crate::plan::case::ConnectionView;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::not_ready::NotReady;
use crate::remote::Session;
use crate::remote::budget::{Budget, Limit, WINDOW};
use crate::remote::testing::session;
use crate::resources::{ConnectionKey, ConnectionKind, Reason};
use crate::settings::Timing;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::unbounded_channel;

fn identified(session: Session) -> Identified {
    Identified {
        session: Arc::new(session),
        fingerprint: Fingerprint::stored("key"),
        endpoint: None,
        verified: None,
    }
}

fn key() -> ConnectionKey {
    ConnectionKey::new(ConnectionKind::Connection, "apps", "default")
}

#[test]
fn the_pin_of_a_deleted_connection_does_not_bind_its_successor() {
    let slot = Slot {
        pinned: Some(Pinned {
            uid: "u1".to_owned(),
            instance: "ins_1".to_owned(),
        }),
        ..Slot::default()
    };
    assert_eq!(slot.pinned_instance("u1"), Some("ins_1"));
    assert_eq!(slot.pinned_instance("u2"), None);
}

#[test]
fn the_limit_of_a_connection_ends_with_it_in_whatever_order_its_key_is_refused_and_it_is_forgotten()
{
    let key = ConnectionKey::new(ConnectionKind::ClusterConnection, "", "shared");
    let limit = |requests| Limit {
        requests,
        per: WINDOW,
    };
    let budget = Arc::new(Budget::new("", limit(100), unbounded_channel().0));
    let now = tokio::time::Instant::now();
    let settings = settings(&json!({}), &json!({}));
    let left_after = |end: &dyn Fn(&mut Slot)| {
        let mut slot = Slot {
            identified: Some(identified(session(1))),
            ..Slot::default()
        };
        let five = Some(limit(5));
        Joined::join(&mut slot.joined, &key, five, &budget, now);
        assert_eq!(budget.remaining(now), 5);
        end(&mut slot);
        budget.remaining(now)
    };
    let refused_then_forgotten = |slot: &mut Slot| {
        slot.drop_key();
        slot.forget(&key);
    };
    assert_eq!(left_after(&refused_then_forgotten), 100);
    assert_eq!(left_after(&|slot| slot.forget(&key)), 100);
    assert_eq!(left_after(&|slot| slot.set_unused(&settings)), 100);
    assert_eq!(left_after(&|slot| *slot = Slot::default()), 100);
}

#[test]
fn the_last_session_is_used_through_a_transient_failure_and_not_through_a_lasting_one() {
    let transient = NotReady::transient(Reason::RemoteUnavailable, "down");
    let lasting = NotReady::new(Reason::Unauthorized, "no");
    for (has_session, not_ready, expected) in [
        (true, None, Ok(1)),
        (true, Some(transient.clone()), Ok(1)),
        (true, Some(lasting.clone()), Err(Reason::Unauthorized)),
        (false, Some(transient), Err(Reason::RemoteUnavailable)),
        (false, Some(lasting), Err(Reason::Unauthorized)),
        (false, None, Err(Reason::ConnectionNotReady)),
    ] {
        let slot = Slot {
            identified: has_session.then(|| identified(session(1))),
            not_ready,
            ..Slot::default()
        };
        let state = slot.state();
        let epoch = state.session.as_ref().map(|session| session.epoch);
        let view = ConnectionView {
            instance: state.session.map(|session| session.instance.id.clone()),
            problem: state.not_ready,
            ..ConnectionView::default()
        };
        let usable = match view.unusable() {
            None => Ok(epoch.unwrap_or_default()),
            Some(problem) => Err(problem.reason),
        };
        assert_eq!(usable, expected);
    }
}

/// The settings of a connection of this uid, and its endpoint, whose certificates were read if it has any.
fn read(uid: &str, spec: &Value, roots: &str) -> (ConnectionSettings, Endpoint) {
    let settings = ConnectionSettings {
        uid: uid.to_owned(),
        ..settings(spec, &json!({}))
    };
    let mut endpoint = Endpoint::new(&settings, None);
    if settings.ca_bundle.is_some() {
        endpoint.set_roots(Fingerprint::stored(roots));
    }
    (settings, endpoint)
}

#[test]
fn the_last_session_is_used_only_as_long_as_nothing_but_the_key_may_have_changed() {
    let ca = |name: &str| json!({"caBundle": {"configMapKeyRef": {"name": name, "key": "ca"}}});
    let transient = NotReady::transient(Reason::RemoteUnavailable, "down");
    let gone = NotReady::new(Reason::SecretNotFound, "gone");
    let url = json!({"baseUrl": "https://other.example"});
    let id = json!({"instance": {"id": "ins_2"}});
    let type_ = json!({"instance": {"type": "development"}});
    let limit = json!({"caBundle": ca("a")["caBundle"], "rateLimit": {"requests": 1}});
    for (uid, spec, roots, not_ready, is_used) in [
        ("u1", &ca("a"), "x", &transient, true),
        ("u1", &limit, "x", &transient, true),
        ("u1", &ca("a"), "y", &transient, false),
        ("u1", &ca("b"), "x", &transient, false),
        ("u1", &json!({}), "", &transient, false),
        ("u1", &url, "", &transient, false),
        ("u1", &id, "", &transient, false),
        ("u1", &type_, "", &transient, false),
        ("u1", &url, "", &gone, false),
        ("u2", &ca("a"), "x", &transient, false),
        // For a deletion.
        ("u2", &ca("a"), "x", &gone, true),
    ] {
        let (settings, endpoint) = read("u1", &ca("a"), "x");
        let mut slot = Slot::default();
        slot.store_settings(&settings);
        slot.identified = Some(Identified {
            endpoint: Some(endpoint),
            ..identified(session(1))
        });
        let (settings, current) = read(uid, spec, roots);
        slot.store_settings(&settings);
        slot.endpoint = Some(current);
        slot.not_ready = Some(not_ready.clone());
        let state = slot.state();
        assert_eq!(state.session.is_some(), is_used, "{uid} {spec} {roots}");
        let version = state.version(&state.view(&key(), false, None));
        assert_eq!(version.epoch, slot.version().epoch);
        // A connection that no longer exists is asked by its last good key.
        slot.forget(&key());
        assert!(slot.state().session.is_some());
    }
}

#[test]
fn certificates_that_were_read_count_until_others_are_read() {
    let spec = json!({"caBundle": {"configMapKeyRef": {"name": "a", "key": "ca"}}});
    let (settings, first) = read("u1", &spec, "x");
    let (_, second) = read("u1", &spec, "y");
    let unread = |former| Endpoint::new(&settings, former);
    assert!(first.is_same_place(&unread(None)), "nothing says otherwise");
    assert!(first.is_same_place(&unread(Some(&first))));
    assert!(!first.is_same_place(&unread(Some(&second))));
}

#[test]
fn resources_are_enqueued_for_each_change_that_may_let_them_do_something_else() {
    let slot = |epoch, not_ready: Option<NotReady>, approved| {
        let session = Session {
            recreation_approved: approved,
            ..session(epoch)
        };
        Slot {
            identified: Some(identified(session)),
            not_ready,
            settings: Some(settings(&json!({}), &json!({}))),
            ..Slot::default()
        }
        .version()
    };
    let failure = |message: &str| Some(NotReady::transient(Reason::RemoteUnavailable, message));
    let ready = slot(1, None, false);
    assert_eq!(ready, slot(1, None, false));
    assert_ne!(ready, slot(2, None, false));
    assert_ne!(ready, slot(1, None, true));
    let lasting = |message: &str| Some(NotReady::new(Reason::Unauthorized, message));
    assert_ne!(ready, slot(1, lasting("a"), false));
    // Another message of the same reason changes nothing for them, nor does a failure that the last session is used through.
    assert_eq!(slot(1, lasting("a"), false), slot(1, lasting("b"), false));
    assert_eq!(ready, slot(1, failure("a"), false));
}

#[test]
fn pauses_are_those_of_one_connection_not_of_its_name() {
    let (mut slot, now) = (Slot::default(), Instant::now());
    let first = settings(&json!({}), &json!({}));
    let fingerprint = Fingerprint::stored("key");
    let refused = NotReady::new(Reason::Unauthorized, "no");
    slot.store_settings(&first);
    slot.checks.begin(&first, &fingerprint, now);
    slot.checks
        .asked(Some(&refused), &Timing::default(), 0.0, (now, now));
    slot.store_settings(&first);
    let check = slot.checks.begin(&first, &fingerprint, now);
    assert_eq!(check, Check::Failed(refused));
    let second = ConnectionSettings {
        uid: "u2".to_owned(),
        ..first
    };
    slot.store_settings(&second);
    assert_eq!(slot.checks.begin(&second, &fingerprint, now), Check::Due);
}

#[test]
fn losses_are_those_of_one_connection_not_of_its_name() {
    let mut slot = Slot::default();
    let first = settings(&json!({}), &json!({}));
    slot.store_settings(&first);
    let lost = Lost {
        known: 4,
        at: tokio::time::Instant::now(),
        ids: HashSet::default(),
    };
    slot.losses = Some(Count {
        losses: lost.losses(false),
        lost: Arc::new(lost),
    });
    slot.store_settings(&first);
    assert!(slot.losses.is_some());
    let counting = slot.counting.clone();
    slot.forget(&key());
    slot.store_settings(&ConnectionSettings {
        uid: "u2".to_owned(),
        ..first
    });
    assert!(slot.losses.is_none() && !Arc::ptr_eq(&slot.counting, &counting));
}

#[test]
fn an_approval_is_not_extended_once_it_was_seen_too_long_ago() {
    let (hour, now) = (Duration::from_secs(3600), tokio::time::Instant::now());
    let mut slot = Slot {
        identified: Some(identified(session(1))),
        ..Slot::default()
    };
    let approved = |slot: &Slot, now| slot.approved_within(hour, now).is_some();
    assert!(!approved(&slot, now), "never seen");
    slot.approval.since = Some(now);
    assert!(approved(&slot, now + hour - Duration::from_millis(1)));
    assert!(!approved(&slot, now + hour));
}
