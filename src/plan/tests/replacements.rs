//! Replacements whose outcome is not known: a new object that one may have left is found, whatever is reported and changed
//! meanwhile.

use super::fixture::{
    Fixture, bound, config, created, deleted, lost, owner, recorded, replaces_with, second, updates,
};
use super::records::settled;
use crate::plan::backoff::Growth;
use crate::plan::backoff::Retry;
use crate::plan::case::{Case, Failure, RemoteFailure};
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::fingerprint::Fingerprint;
use crate::plan::memory::Memory;
use crate::plan::not_ready::NotReady;
use crate::plan::observed::Losses;
use crate::plan::record::{Finalizer, Record, Writes};
use crate::plan::replace;
use crate::plan::status;
use crate::plan::steps::{Effect, Plan, Step};
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::{DeletionPolicy, PendingDeletion, ProviderConfigStatus, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::sync::Arc;
use std::time::Duration;

/// What a restarted operator knows of a resource with the object `current`, where a replacement by `new` was begun. Everything
/// that was edited since then is reported.
fn begun(current: &Desired, new: &Desired) -> Record {
    Record {
        replacement: Some(new.revision.clone()),
        writes: Writes::Unknown,
        observed_generation: Some(1),
        ..recorded(current, "current")
    }
}

fn has_ended(plan: &Plan) -> bool {
    plan.has(|step| *step == Step::EndReplacement)
}

#[test]
fn the_new_object_of_a_replacement_that_was_undone_is_deleted_whatever_was_reported_since() {
    let (before, undone) = (config("a"), config("b"));
    let current = || created(&before, "current", 9);
    let fixture = || Fixture::of(&before, begun(&before, &undone)).observes(current());
    assert_eq!(fixture().decide(), Err(Query::Search));

    let new = created(&undone, "new", 10);
    let plan = fixture().finds(vec![current(), new]).plan();
    assert_eq!(bound(&plan), Some("current"));
    let later = Step::DeleteLater("new".to_owned());
    assert!(plan.steps.contains(&later) && has_ended(&plan));
    let plan = fixture().finds(vec![current()]).plan();
    assert!(has_ended(&plan), "{:?}", plan.steps);

    let mut unsettled = fixture().finds(vec![current()]);
    unsettled.record.settles_in = Duration::from_secs(1);
    let plan = unsettled.plan();
    assert_eq!(plan.verdict.reason, Reason::Replacing);
    assert!(plan.verdict.keeps_conditions && plan.steps.is_empty());
}

#[test]
fn the_new_object_is_looked_for_even_if_something_else_differs() {
    let (before, undone) = (config("a"), config("b"));
    let mut current = created(&before, "current", 9);
    current.metadata.insert("team".to_owned(), "theirs".into());
    current.fields.insert("name", "theirs".into());
    let found = vec![current.clone(), created(&undone, "new", 10)];
    let fixture = Fixture::of(&before, begun(&before, &undone)).observes(current);
    let plan = fixture.finds(found).plan();
    assert!(has_ended(&plan) && !updates(&plan), "{:?}", plan.steps);
    assert!(
        !plan.acknowledges,
        "the difference remains to be decided about"
    );
}

#[test]
fn a_restart_searches_for_nothing_where_no_replacement_was_begun() {
    let desired = config("a");
    let record = Record {
        writes: Writes::Unknown,
        ..recorded(&desired, "current")
    };
    let mut fixture = Fixture::of(&desired, record).observes(created(&desired, "current", 9));
    fixture.generation = 2;
    assert!(fixture.plan().steps.is_empty());
}

#[test]
fn a_new_object_is_used_where_it_was_created_with_what_is_desired_now() {
    let (before, now) = (config("a"), config("b"));
    let of = |begun: Record, found| {
        Fixture::of(&now, begun)
            .observes(created(&before, "current", 9))
            .finds(found)
            .plan()
    };
    let current = created(&before, "current", 9);
    let new = created(&now, "new", 10);
    let plan = of(begun(&before, &now), vec![current.clone(), new]);
    assert_eq!(bound(&plan), Some("new"));
    assert!(!plan.creates());

    let other = config("c");
    let unfit = created(&other, "unfit", 10);
    let mut fixture = Fixture::of(&now, begun(&before, &other))
        .observes(current.clone())
        .finds(vec![current, unfit]);
    fixture.record.settles_in = Duration::from_secs(1);
    fixture.record.writes = Writes::Known;
    let plan = fixture.plan();
    assert_eq!(plan.verdict.reason, Reason::Replacing);
    assert!(plan.steps.is_empty(), "another may turn up");
    fixture.record.settles_in = Duration::ZERO;
    let later = Step::DeleteLater("unfit".to_owned());
    let [record, create, status] = replaces_with(&now);
    let schema = now.schema.clone().unwrap();
    let fixture = fixture.fact(Query::Violations(schema), Answer::Violations(None));
    assert_eq!(fixture.plan().steps, [later, record, create, status]);
}

#[test]
fn a_create_that_was_refused_is_no_replacement_that_was_begun() {
    let (before, now) = (config("a"), config("b"));
    let left = |applied, begun: Option<Fingerprint>| {
        let record = Record {
            replacement: begun,
            ..recorded(&before, "current")
        };
        let mut fixture = Fixture::of(&now, record);
        fixture.failure = Some(Failure::Remote(RemoteFailure {
            reason: Reason::RateLimited,
            message: "it failed".to_owned(),
            applied,
            concerns_connection: false,
            growth: Growth::Transient,
            wait: None,
            rejection: None,
        }));
        let mut status = ProviderConfigStatus::default();
        // Recorded by the reconciliation that failed.
        status.common.replacement_revision = Some(now.revision.to_string());
        let plan = fixture.plan();
        let next = fixture.ask(|case, _| status::next(&status, case, &plan, &[]));
        next.common.replacement_revision.is_some()
    };
    assert!(!left(MaybeApplied::No, None));
    for applied in [MaybeApplied::Answered, MaybeApplied::InFlight] {
        assert!(left(applied, None), "{applied:?}");
    }
    assert!(left(MaybeApplied::No, Some(now.revision.clone())));
}

#[test]
fn the_outcome_of_a_replacement_is_known_once_this_process_has_the_new_id() {
    let (before, now) = (config("a"), config("b"));
    let mut status = ProviderConfigStatus::default();
    status.common.id = Some("current".to_owned());
    status.common.replacement_revision = Some(now.revision.to_string());
    let mut memory = Memory::default();
    let begun = |memory: &Memory| settled(&status, Some(Finalizer::Added), memory).replacement;
    assert_eq!(begun(&memory), Some(now.revision.clone()));
    memory.created = Some("new".to_owned());
    assert_eq!(begun(&memory), None);

    let record = Record {
        id: Some("new".to_owned()),
        settles_in: Duration::from_secs(1),
        writes: Writes::Unknown,
        ..recorded(&before, "current")
    };
    let fixture = Fixture::of(&now, record).observes(created(&now, "new", 10));
    let plan = fixture.plan();
    assert_eq!(bound(&plan), Some("new"), "before reads are settled");
    let effects = [Effect::Bound(Arc::new(created(&now, "new", 10)))];
    let next = fixture.ask(|case, _| status::next(&status, case, &plan, &effects));
    assert_eq!(next.common.replacement_revision, None);
    assert_eq!(next.common.pending_deletion.unwrap()[0].id, "current");
}

/// What a process knows that created `new` to replace `current`, and could not write the status since.
fn unwritten(before: &Desired, now: &Desired, announced: bool) -> Record {
    let mut status = ProviderConfigStatus::default();
    status.common.id = Some("current".to_owned());
    status.common.last_applied_revision = Some(before.revision.to_string());
    status.common.replacement_revision = announced.then(|| now.revision.to_string());
    let mut memory = Memory::default();
    memory.created = Some("new".to_owned());
    memory.writes = Writes::Known;
    memory.wrote = true;
    settled(&status, Some(Finalizer::Added), &memory)
}

#[test]
fn an_object_whose_replacement_no_status_records_is_deleted_with_the_resource() {
    let (before, now) = (config("a"), config("b"));
    let pending = |announced| {
        let pending = unwritten(&before, &now, announced).pending_deletion;
        pending.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(pending(true), ["current"]);
    assert!(
        pending(false).is_empty(),
        "it was created again: that is gone"
    );

    let fixture = || {
        let fixture = Fixture::of(&now, unwritten(&before, &now, true));
        fixture.terminating()
    };
    let mut orphaned = fixture();
    orphaned.policy.deletion = DeletionPolicy::Orphan;
    let left = |id: &str| Step::RecordOrphan(id.to_owned());
    let steps = [left("new"), left("current"), Step::RemoveFinalizer];
    assert_eq!(orphaned.plan().steps, steps);

    let mut not_admitted = fixture()
        .observes(created(&now, "new", 10))
        .observes(created(&before, "current", 9));
    not_admitted.policy.deletion = DeletionPolicy::Cascade;
    not_admitted.connection.refusal = Some(NotReady::new(Reason::NamespaceNotAllowed, "denied"));
    assert_eq!(deleted(&not_admitted.plan()), ["current", "new"]);
}

#[test]
fn an_object_that_is_used_again_is_not_deleted_for_having_been_replaced() {
    let desired = config("a");
    let record = Record {
        pending_deletion: vec![("first".to_owned(), second(1))],
        ..recorded(&desired, "third")
    };
    let losses = Losses {
        known: 9,
        lost: 1,
        approved: false,
    };
    let plan = Fixture::of(&desired, record)
        .misses("third")
        .fact(Query::Losses, Answer::Losses(losses))
        .finds(vec![created(&desired, "first", 1)])
        .plan();
    assert_eq!(bound(&plan), Some("first"));
    assert!(deleted(&plan).is_empty(), "{:?}", plan.steps);
}

#[test]
fn a_new_object_that_was_created_before_the_spec_was_edited_again_is_used_and_compared() {
    let (before, now) = (config("a"), config("b"));
    let current = created(&before, "current", 9);
    let mut new = created(&now, "new", 10);
    new.fields.insert("name", "as it was".into());
    let plan = Fixture::of(&now, begun(&before, &config("b")))
        .observes(current.clone())
        .finds(vec![current, new])
        .plan();
    assert_eq!(bound(&plan), Some("new"));
    assert!(!plan.acknowledges, "the name has yet to be sent");
    assert_eq!(plan.retry, Retry::Now);
}

#[test]
fn what_an_earlier_replacement_left_is_recorded_before_the_next_create_is_sent() {
    let now = config("b");
    let fixture = Fixture::of(&now, recorded(&config("a"), "current"));
    let left = [Effect::PendingDeletion("unfit".to_owned())];
    let announce = |case: &Case<'_>| {
        let before = ProviderConfigStatus::default();
        status::announcing(&before, case, &left, &now.revision).common
    };
    let status = fixture.ask(|case, _| announce(case));
    let pending = status.pending_deletion.unwrap();
    assert_eq!(pending[0].id, "unfit");
    assert_eq!(status.replacement_revision, Some(now.revision.to_string()));
}

#[test]
fn a_replaced_object_is_kept_for_the_rest_of_its_grace() {
    let (now, grace) = (config("b"), 100);
    for (since, left) in [
        (1000, 100),
        (999, 99),
        (901, 1),
        (900, 0),
        (1, 0),
        (1001, 100),
    ] {
        let mut record = recorded(&now, "current");
        // Of what is in use again, nothing is to be deleted.
        let pending = ["former", "current"].map(|id| (id.to_owned(), second(since)));
        record.pending_deletion = pending.into();
        let mut fixture = Fixture::of(&now, record);
        fixture.policy.lifecycle.replace_grace = Duration::from_secs(grace);
        let pending: Vec<_> = fixture.ask(|case, _| replace::pending(case).collect());
        let left = Duration::from_secs(left);
        assert_eq!(pending, [("former".to_owned(), left)], "{since}");
    }
}

#[test]
fn a_replacement_in_the_future_is_recorded_as_one_of_now() {
    let now = config("b");
    let mut fixture = Fixture::of(&now, recorded(&now, "current"));
    fixture.now = 60;
    let since = |at| {
        let pending = PendingDeletion {
            id: "former".to_owned(),
            since: Time(at),
        };
        let mut before = ProviderConfigStatus::default();
        before.common.pending_deletion = Some(vec![pending]);
        let plan = Plan::synced(&now, Vec::new());
        let next = fixture.ask(|case, _| status::next(&before, case, &plan, &[]));
        next.common.pending_deletion.unwrap()[0].since.0
    };
    assert_eq!(since(second(3600)), second(60));
    assert_eq!(since(second(30)), second(30));
}

#[test]
fn of_several_objects_with_the_desired_value_the_newest_is_in_use() {
    let (desired, other) = (config("a"), config("b"));
    let found = vec![
        created(&desired, "first", 1),
        created(&other, "second", 2),
        created(&desired, "third", 3),
    ];
    let plan = Fixture::of(&desired, lost()).finds(found).plan();
    assert_eq!(bound(&plan), Some("third"));
    let later = |id: &str| Step::DeleteLater(id.to_owned());
    assert!(plan.steps.contains(&later("first")) && plan.steps.contains(&later("second")));
}

#[test]
fn only_what_the_last_predecessor_left_is_taken_over() {
    let desired = config("a");
    let of = |uid: &str, id: &str, at| {
        let mut remote = created(&desired, id, at);
        remote.marker.as_mut().unwrap().owner = owner(uid);
        remote
    };
    let found = vec![
        of("uid-1", "orphan", 1),
        of("uid-2", "former", 2),
        of("uid-2", "last", 3),
    ];
    let record = Record {
        restored: true,
        had_object: false,
        ..lost()
    };
    let plan = Fixture::of(&desired, record).finds(found).plan();
    assert!(
        matches!(&plan.steps[..], [.., Step::Update { remote, .. }] if remote.id == "last"),
        "{:?}",
        plan.steps
    );
    let later = plan.steps.iter().filter_map(|step| match step {
        Step::DeleteLater(id) => Some(id.as_str()),
        _ => None,
    });
    assert_eq!(later.collect::<Vec<_>>(), ["former"]);
}
