//! `adopt` has no effect on a resource that has its object, whatever became of the one that it names.

use super::fixture::{
    Fixture, bound, config, created, deleted, denying, lost, marked, marker, owner, recorded,
    replaces_with, replacing, sibling,
};
use super::values::no_schema;
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::RemoteView;
use crate::plan::ownership::Marker;
use crate::plan::policy::Policy;
use crate::plan::record::{Elsewhere, Record, Writes};
use crate::plan::steps::{Plan, Step};
use crate::resources::{Adopt, AdoptPolicy, Mode, Reason};
use std::time::Duration;

pub fn adopting() -> Policy {
    let adopt = Some(Adopt {
        id: "named".to_owned(),
        policy: Some(AdoptPolicy::Override),
    });
    Policy {
        adopt,
        ..replacing()
    }
}

/// The decision about a resource that names `named` to adopt, where a search finds this.
pub fn decide(desired: &Desired, record: Record, found: Vec<RemoteView>) -> Plan {
    let elsewhere = Answer::OtherInstances(Elsewhere::Nothing);
    let provider = Answer::Provider(Some("postgres".to_owned()));
    no_schema(Fixture::of(desired, record))
        .with_policy(adopting())
        .finds(found)
        .fact(Query::OtherInstances, elsewhere)
        .fact(Query::Provider("postgres".to_owned()), provider)
        .observes(marked(created(desired, "named", 1), None))
        .plan()
}

#[test]
fn a_recorded_object_needs_no_right_to_name_the_one_that_it_replaced() {
    let desired = config("a");
    let mut fixture = Fixture::of(&desired, recorded(&desired, "current"))
        .with_policy(adopting())
        .observes(created(&desired, "current", 9));
    fixture.connection = denying();
    assert_eq!(fixture.plan().verdict.reason, Reason::Synced);
    fixture.policy.mode = Mode::Observe;
    let observed = fixture.plan().verdict;
    assert_eq!(observed.reason, Reason::OwnershipConflict);
}

#[test]
fn an_object_of_its_own_that_no_status_records_is_found_before_another_is_adopted() {
    let desired = config("a");
    let ours = created(&desired, "ours", 2);
    let plan = decide(&desired, lost(), vec![ours.clone()]);
    assert_eq!(bound(&plan), Some("ours"), "{:?}", plan.steps);
    assert!(deleted(&plan).is_empty());

    let plan = decide(&desired, lost(), Vec::new());
    let (_, note) = plan.verdict.event.expect("it is adopted");
    assert_eq!(note, "adopted named");

    let unsettled = Record {
        settles_in: Duration::from_secs(1),
        ..lost()
    };
    let plan = decide(&desired, unsettled, Vec::new());
    assert_eq!(plan.verdict.reason, Reason::AmbiguousCreate);
    assert!(plan.steps.is_empty());

    // Over a connection that allows no ids, it is found as well.
    let mut fixture = Fixture::of(&desired, lost())
        .with_policy(adopting())
        .finds(vec![ours]);
    fixture.connection = denying();
    assert_eq!(bound(&fixture.plan()), Some("ours"));
}

#[test]
fn nothing_is_adopted_over_a_connection_that_allows_no_ids_after_a_search_in_vain() {
    let desired = config("a");
    let mut fixture = Fixture::of(&desired, lost())
        .with_policy(adopting())
        .finds(Vec::new())
        .fact(
            Query::OtherInstances,
            Answer::OtherInstances(Elsewhere::Nothing),
        );
    fixture.connection = denying();
    let verdict = fixture.plan().verdict;
    assert_eq!(verdict.reason, Reason::OwnershipConflict);
    assert!(verdict.message.contains("spec.adopt.id"));
}

#[test]
fn a_replaced_object_that_is_still_there_is_not_taken_for_the_current_one() {
    let (before, now) = (config("a"), config("b"));
    let named = || created(&before, "named", 1);
    let plan = decide(&now, lost(), vec![named(), created(&now, "ours", 2)]);
    assert_eq!(bound(&plan), Some("ours"), "{:?}", plan.steps);
    let later = Step::DeleteLater("named".to_owned());
    assert!(plan.steps.contains(&later), "{:?}", plan.steps);

    // Where it is the only one, it is bound with the value that it has, and replaced.
    let plan = decide(&now, lost(), vec![named()]);
    assert_eq!(bound(&plan), Some("named"));
    assert!(!plan.acknowledges);
    let bound = Record {
        id: Some("named".to_owned()),
        ..lost()
    };
    let fixture = no_schema(Fixture::of(&now, bound)).with_policy(adopting());
    let plan = fixture.observes(named()).finds(vec![named()]).plan();
    assert_eq!(plan.steps, replaces_with(&now));
}

#[test]
fn an_object_whose_marker_shows_another_value_is_not_adopted_for_this_one() {
    let (before, now) = (config("a"), config("b"));
    let predecessor = |desired: &Desired| Marker {
        owner: owner("predecessor"),
        fingerprint: desired.marker.fingerprint.clone(),
        keys: Vec::new(),
    };
    for (marker, reason) in [
        (Some(predecessor(&before)), Reason::AdoptionMismatch),
        (Some(predecessor(&now)), Reason::Synced),
        (marker(owner("predecessor")), Reason::Synced),
        (sibling(), Reason::Synced),
        (None, Reason::Synced),
    ] {
        let never = Record {
            writes: Writes::Never,
            ..Record::default()
        };
        let named = marked(created(&before, "named", 1), marker.clone());
        let mut fixture = Fixture::of(&now, never).with_policy(adopting());
        if let Some(Marker { owner, .. }) = marker {
            let alive = Query::OwnerAlive(Box::new(owner));
            fixture = fixture.fact(alive, Answer::OwnerAlive(false));
        }
        let verdict = fixture.observes(named).plan().verdict;
        assert_eq!(verdict.reason, reason, "{}", verdict.message);
        let named = verdict.message.contains("value;");
        assert_eq!(named, reason == Reason::AdoptionMismatch);
    }
}
