//! An object that is only observed is never taken for the resource's own.

use super::adoptions::{adopting, decide};
use super::fixture::{Fixture, bound, config, created, marked, marker, owner};
use super::records::settled;
use crate::plan::case::Case;
use crate::plan::facts::Query;
use crate::plan::memory::Memory;
use crate::plan::policy::Policy;
use crate::plan::record::{Finalizer, Record, Writes};
use crate::plan::status::next;
use crate::plan::steps::{Effect, Plan, Step};
use crate::plan::verdict::EventReason;
use crate::resources::{CommonStatus, Mode, ProviderConfigStatus, Reason, ResourceStatus};
use std::sync::Arc;
use std::time::Duration;

/// The status of a resource that observes `named`.
fn status() -> ProviderConfigStatus {
    ProviderConfigStatus {
        common: CommonStatus {
            id: Some("named".to_owned()),
            observed: Some(true),
            instance_id: Some("ins_1".to_owned()),
            ..CommonStatus::default()
        },
        ..ProviderConfigStatus::default()
    }
}

fn record(finalizer: Option<Finalizer>, memory: &Memory) -> Record {
    settled(&status(), finalizer, memory)
}

fn observing() -> Policy {
    Policy {
        mode: Mode::Observe,
        ..adopting()
    }
}

#[test]
fn the_status_of_a_resource_that_observes_records_no_object_of_its_own() {
    let fresh = Memory::default();
    let observed = record(None, &fresh);
    assert_eq!(
        (observed.id.as_deref(), observed.observed.as_deref()),
        (None, Some("named"))
    );
    assert!(!observed.had_object);
    assert_eq!(observed.writes, Writes::Never, "nothing was ever created");
    let held = record(Some(Finalizer::Added), &fresh);
    assert_eq!(held.writes, Writes::Unknown, "a create may have been sent");
    let mut refused = Memory::default();
    refused.writes = Writes::NothingCreated;
    let refused = record(Some(Finalizer::Added), &refused);
    assert_eq!(
        refused.instance.as_deref(),
        Some("ins_1"),
        "of the observed one"
    );

    let mut created = Memory::default();
    created.created = Some("ours".to_owned());
    let created = record(Some(Finalizer::Added), &created);
    assert_eq!(
        (created.id.as_deref(), created.observed),
        (Some("ours"), None)
    );
}

#[test]
fn an_object_that_was_only_observed_is_forgotten_once_the_spec_no_longer_names_it() {
    let desired = config("a");
    let observed = |id: &str| Record {
        observed: Some(id.to_owned()),
        ..Record::default()
    };
    let plan = decide(&desired, observed("theirs"), Vec::new());
    assert_eq!(plan.steps, [Step::Unbind], "another one is named");
    let own = Fixture::of(&desired, observed("theirs"));
    assert_eq!(own.plan().steps, [Step::Unbind], "none is named");
    let plan = decide(&desired, observed("named"), Vec::new());
    assert!(!plan.has(|step| *step == Step::Unbind), "it is adopted");
    let (event, _) = plan.verdict.event.expect("it is adopted");
    assert_eq!(event, EventReason::Adopted);
}

#[test]
fn what_a_lost_create_made_is_found_although_another_object_was_observed_since() {
    let desired = config("a");
    let observed = || record(Some(Finalizer::Added), &Memory::default());
    let ours = created(&desired, "ours", 2);
    let plan = decide(&desired, observed(), vec![ours]);
    assert_eq!(bound(&plan), Some("ours"), "{:?}", plan.steps);

    let unsettled = Record {
        settles_in: Duration::from_secs(1),
        ..observed()
    };
    let plan = decide(&desired, unsettled, Vec::new());
    assert_eq!(plan.verdict.reason, Reason::AmbiguousCreate);

    // The instance of the observed object is not the one that the create was sent to.
    let plan = decide(&desired, observed(), Vec::new());
    let (event, _) = plan.verdict.event.expect("it is adopted");
    assert_eq!(event, EventReason::Adopted);
    let mut elsewhere = Fixture::of(&desired, observed())
        .with_policy(adopting())
        .finds(Vec::new());
    elsewhere.generation = 2;
    assert_eq!(elsewhere.decide(), Err(Query::OtherInstances));
}

#[test]
fn an_observed_object_that_is_gone_is_not_created_again_in_any_mode() {
    let desired = config("a");
    for policy in [observing(), adopting()] {
        let fixture = Fixture::of(&desired, record(None, &Memory::default()));
        let verdict = fixture.with_policy(policy).misses("named").plan().verdict;
        assert_eq!(verdict.reason, Reason::RemoteMissing);
        let advice = "named no longer exists at Metorial; set spec.adopt.id to another object";
        assert_eq!(verdict.message, advice);
    }
}

#[test]
fn an_observed_object_is_nobody_s_orphan() {
    let held = record(Some(Finalizer::Added), &Memory::default());
    let desired = config("a");
    let fixture = Fixture::of(&desired, held).terminating();
    let plan = fixture.with_policy(observing()).plan();
    assert_eq!(plan.steps, [Step::RemoveFinalizer]);
    assert_eq!(plan.verdict.event, None);
}

fn after(fixture: &Fixture<'_>, before: &ProviderConfigStatus, effect: Effect) -> CommonStatus {
    let plan = |case: &Case<'_>| Plan::synced(case.desired().unwrap(), Vec::new());
    let status = fixture.ask(|case, _| next(before, case, &plan(case), &[effect]));
    status.common().clone()
}

#[test]
fn an_object_of_its_own_is_no_replacement_of_the_one_that_was_observed() {
    let desired = config("a");
    let held = record(Some(Finalizer::Added), &Memory::default());
    let fixture = Fixture::of(&desired, held);
    let ours = Arc::new(created(&desired, "ours", 2));
    let status = after(&fixture, &status(), Effect::Bound(ours));
    assert_eq!(status.id.as_deref(), Some("ours"));
    assert_eq!(status.observed, None);
    assert_eq!((status.previous_ids, status.pending_deletion), (None, None));
}

#[test]
fn what_a_predecessor_left_is_the_resource_s_own_only_where_it_was_restored_from_a_backup() {
    let desired = config("a");
    let left = marked(created(&desired, "named", 1), marker(owner("former uid")));
    for (finalizer, observed) in [
        (None, Some(true)),
        (Some(Finalizer::Added), Some(true)),
        (Some(Finalizer::Restored), None),
    ] {
        let before = ProviderConfigStatus::default();
        let record = settled(&before, finalizer, &Memory::default());
        let fixture = Fixture::of(&desired, record).with_policy(observing());
        let status = after(&fixture, &before, Effect::Bound(Arc::new(left.clone())));
        assert_eq!(status.id.as_deref(), Some("named"));
        assert_eq!(status.observed, observed, "{finalizer:?}");
    }
}
