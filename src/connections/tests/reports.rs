//! What a slot keeps for a key, and what it reports to resources.

use super::settings;
use crate::connections::slot::{Identified, Slot};
use crate::plan::fingerprint::Fingerprint;
use crate::plan::not_ready::NotReady;
use crate::remote::testing::session;
use crate::resources::Reason;
use crate::settings::Timing;
use serde_json::json;
use std::sync::Arc;

#[test]
fn what_was_learned_with_a_key_lasts_as_long_as_the_key() {
    let session = Arc::new(session(1));
    let current = Fingerprint::stored("v1:a:1");
    let slot = Slot {
        identified: Some(Identified {
            session: session.clone(),
            fingerprint: current.clone(),
            endpoint: None,
            verified: None,
        }),
        ..Slot::default()
    };
    let loader = |of: &Fingerprint| slot.loader_of(of);
    assert!(Arc::ptr_eq(&loader(&current), &session.loader));
    let other = loader(&Fingerprint::stored("v1:a:2"));
    assert!(!Arc::ptr_eq(&other, &session.loader));
}

#[test]
fn a_resource_that_asks_for_a_new_state_keeps_no_other_from_being_enqueued() {
    let mut slot = Slot::default();
    assert!(!slot.report_change(), "nobody has asked");
    slot.report_once();
    assert!(!slot.report_change());
    slot.not_ready = Some(NotReady::new(Reason::Unauthorized, "no"));
    slot.report_once();
    assert!(slot.report_change());
    assert!(!slot.report_change(), "once");
    slot.not_ready = None;
    assert!(slot.report_change());
}

#[test]
fn a_deletion_that_waits_for_any_connection_is_enqueued_once_even_if_a_resource_asked_for_it() {
    let mut slot = Slot {
        not_ready: Some(NotReady::new(Reason::Unauthorized, "no")),
        ..Slot::default()
    };
    assert!(!slot.report_to_waiting());
    slot.not_ready = None;
    slot.report_once();
    assert!(!slot.report_change());
    assert!(slot.report_to_waiting());
    assert!(!slot.report_to_waiting());
}

#[test]
fn a_failed_read_from_kubernetes_enqueues_no_resources_and_puts_no_key_in_doubt() {
    let (timing, now) = (Timing::default(), std::time::Instant::now());
    let settings = settings(&json!({}), &json!({}));
    let key = Fingerprint::stored("key");
    let mut slot = Slot {
        identified: Some(Identified {
            session: Arc::new(session(1)),
            fingerprint: key.clone(),
            endpoint: None,
            verified: None,
        }),
        ..Slot::default()
    };
    slot.report_once();
    slot.checks.begin(&settings, &key, now);
    slot.checks.asked(None, &timing, 0.0, (now, now));
    assert!(slot.is_accepted());
    for (reason, transient, is_accepted) in [
        (Reason::ClusterUnavailable, true, true),
        (Reason::SecretNotFound, false, false),
    ] {
        slot.not_ready = Some(NotReady {
            transient,
            ..NotReady::new(reason, "no")
        });
        assert_eq!(slot.report_change(), !transient, "{reason}");
        assert_eq!(slot.is_accepted(), is_accepted, "{reason}");
    }
    // A failed check of the API lasts until the next one.
    let away = NotReady::transient(Reason::RemoteUnavailable, "away");
    slot.checks.begin(&settings, &key, now);
    slot.checks.asked(Some(&away), &timing, 0.0, (now, now));
    slot.not_ready = Some(NotReady::transient(Reason::ClusterUnavailable, "no"));
    assert!(!slot.is_accepted());
}
