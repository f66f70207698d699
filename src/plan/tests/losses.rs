//! Objects that no longer exist: when they are created again, and what is read before.

use super::fixture::{Fixture, auth_config, created, credentials, owner, recorded};
use crate::plan::backoff::{Backoff, MOMENT, Retry};
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::{Losses, RemoteView};
use crate::plan::record::{Record, Writes};
use crate::resources::Reason;
use serde_json::json;
use std::time::Duration;

const SETTLES_IN: Duration = Duration::from_secs(30);

#[test]
fn nothing_is_asked_for_before_reads_are_sure_to_show_every_write() {
    let desired = auth_config("a");
    let archived = RemoteView {
        live: false,
        ..created(&desired, "gone", 9)
    };
    let ask = |record: Record| {
        let fixture = Fixture::of(&desired, record);
        let read = fixture.reads("gone", Some(archived.clone()), Duration::ZERO);
        read.decide()
    };
    let recent = Record {
        settles_in: SETTLES_IN,
        ..recorded(&desired, "gone")
    };
    let plan = ask(recent.clone()).unwrap();
    assert_eq!(plan.verdict.reason, Reason::Updating);
    assert!(plan.verdict.message.contains("gone no longer exists"));
    let wait = Backoff::transient().at_least(SETTLES_IN + MOMENT);
    assert_eq!(plan.retry, Retry::Backoff(wait));
    assert!(plan.steps.is_empty());
    // A create may be in flight: it is searched for.
    let unknown = Record {
        writes: Writes::Unknown,
        ..recent
    };
    assert_eq!(ask(unknown), Err(Query::Losses));
    assert_eq!(ask(recorded(&desired, "gone")), Err(Query::Losses));
}

#[test]
fn a_lost_object_is_created_again_after_a_count_and_a_search() {
    let desired = credentials("a", "secret", &json!({}), &owner("uid"));
    let losses = |lost| Losses {
        known: 5,
        lost,
        approved: false,
    };
    let gone = |lost| {
        let fixture = Fixture::of(&desired, recorded(&desired, "gone")).misses("gone");
        fixture.fact(Query::Losses, Answer::Losses(losses(lost)))
    };
    assert_eq!(gone(2).decide(), Err(Query::Search));
    let plan = gone(2).finds(Vec::new()).plan();
    assert!(plan.creates());
    let plan = gone(3).plan();
    assert_eq!(plan.verdict.reason, Reason::SuspiciousLoss);
    let message = &plan.verdict.message;
    let command = "kubectl -n team annotate connection/default metorial.com/approve=recreate";
    assert!(message.ends_with(command), "{message}");
}
