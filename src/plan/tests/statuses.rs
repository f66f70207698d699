//! The next status, by the effects of a plan.

use super::fixture::{Fixture, auth_config, case, created, mac, owner, recorded, second};
use crate::plan::backoff::Retry;
use crate::plan::case::Unresolved;
use crate::plan::children::{ChildKind, Refusal};
use crate::plan::events::{events, of_plan};
use crate::plan::observed::ListedImport;
use crate::plan::outcome::{created as creating, with_refusals};
use crate::plan::record::{Destination, Record, Writes};
use crate::plan::replace;
use crate::plan::status::next;
use crate::plan::steps::{Effect, Plan};
use crate::plan::verdict::{EventReason, Verdict};
use crate::resources::{
    CommonStatus, Conditions, DriftEntry, PendingDeletion, PlanStatus, ProviderAuthConfigStatus,
    Reason, ResourceStatus, condition,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::sync::Arc;

fn import() -> ListedImport {
    ListedImport {
        id: "paci_1".to_owned(),
        tag: None,
        of_create: false,
        created_at: second(21),
        expires_at: None,
    }
}

#[test]
fn an_import_after_a_patch_does_not_hide_that_somebody_wrote_before_it() {
    let desired = auth_config("a");
    let (patched, imported) = (
        Arc::new(created(&desired, "current", 20)),
        Arc::new(created(&desired, "current", 21)),
    );
    let effects = [
        Effect::Written(patched, Some(second(15))),
        Effect::Imported(import()),
        Effect::Written(imported, None),
    ];
    let fixture = Fixture::of(&desired, recorded(&desired, "current"));
    let status = fixture.ask(|case, _| {
        let plan = Plan::synced(&desired, Vec::new());
        next(&ProviderAuthConfigStatus::default(), case, &plan, &effects)
    });
    let ours_until = status.common().remote_updated_at.clone();
    assert_eq!(ours_until, Some(second(15).to_string()));
    assert_eq!(status.common().import_id.as_deref(), Some("paci_1"));
}

#[test]
fn a_refused_config_map_is_reported_and_what_was_acknowledged_is_recorded_all_the_same() {
    let desired = auth_config("a");
    let refusal = Refusal {
        kind: ChildKind::ConfigMap,
        name: "ids".to_owned(),
        forbidden: true,
        terminating: false,
        kept: false,
        message: "exceeded quota".to_owned(),
    };
    let effects = [
        Effect::Bound(Arc::new(created(&desired, "current", 20))),
        Effect::ChildRefused(refusal),
    ];
    let fixture = Fixture::of(&desired, recorded(&desired, "current"));
    let (status, reason) = fixture.ask(|case, _| {
        let plan = with_refusals(&Plan::synced(&desired, Vec::new()), &effects);
        let status = next(&ProviderAuthConfigStatus::default(), case, &plan, &effects);
        (status, plan.verdict.reason)
    });
    assert_eq!(reason, Reason::Forbidden);
    let revision = status.common().last_applied_revision.as_ref();
    assert_eq!(revision, Some(&desired.revision.to_string()));
}

#[test]
fn the_event_of_a_plan_is_recorded_once_and_when_it_is_done() {
    let desired = auth_config("a");
    let plan = Plan::synced(&desired, Vec::new());
    let plan = plan.with_event(EventReason::RemoteRecreated, "gone");
    let of = |plan: &Plan, recorded| {
        let status = CommonStatus::default();
        let events = events(&status, &status, &plan.verdict, &[], recorded).into_iter();
        events.map(|event| event.reason).collect::<Vec<_>>()
    };
    assert!(of(&creating(&plan), false).is_empty());
    assert_eq!(of(&plan, false), ["RemoteRecreated"]);
    assert!(of(&plan, true).is_empty());
}

#[test]
fn a_former_id_has_the_reason_of_its_replacement_whatever_plan_records_it() {
    let desired = auth_config("a");
    let fixture = Fixture::of(&desired, recorded(&desired, "former"));
    let reason = |event: Option<EventReason>| {
        let plan = Plan::synced(&desired, Vec::new());
        let plan = match event {
            Some(event) => plan.with_event(event, "note"),
            None => plan,
        };
        let mut before = ProviderAuthConfigStatus::default();
        before.common_mut().id = Some("former".to_owned());
        let effects = [Effect::Created(
            Arc::new(created(&desired, "new", 20)),
            None,
        )];
        let status = fixture.ask(|case, _| next(&before, case, &plan, &effects));
        status.common().previous_ids.clone().unwrap()[0]
            .reason
            .clone()
    };
    for (event, expected) in [
        (Some(EventReason::Replaced), "Replaced"),
        (Some(EventReason::RemoteRecreated), "RemoteRecreated"),
        (Some(EventReason::Recovered), "RemoteRecreated"),
        (Some(EventReason::Updated), "Replaced"),
        (None, "Replaced"),
    ] {
        assert_eq!(reason(event), expected, "{event:?}");
    }
}

#[test]
fn what_was_created_deleted_or_published_is_an_event() {
    let desired = auth_config("a");
    let plan = Plan::synced(&desired, Vec::new());
    let before = CommonStatus::default();
    let next = CommonStatus {
        published_config_map: Some("ids".to_owned()),
        ..CommonStatus::default()
    };
    let created = Effect::Created(Arc::new(created(&desired, "new", 20)), None);
    let of = |plan: &Plan, next: &CommonStatus, effects: &[Effect]| {
        let events = events(&before, next, &plan.verdict, effects, false).into_iter();
        let shown = events.map(|event| format!("{}: {}", event.reason, event.note));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(
        of(&plan, &next, std::slice::from_ref(&created)),
        [
            "Created: created new",
            "Published: wrote the ids to ConfigMap ids"
        ]
    );
    let deleted = Effect::Deleted("former".to_owned());
    assert_eq!(of(&plan, &before, &[deleted]), ["Deleted: deleted former"]);
    assert!(of(&plan, &before, &[]).is_empty());
    let replaced = plan.with_event(EventReason::Replaced, "scopes changed");
    assert_eq!(
        of(&replaced, &before, &[created]),
        ["Replaced: scopes changed"]
    );
}

#[test]
fn an_object_that_was_replaced_in_this_reconciliation_is_looked_after_whatever_replaced_it() {
    let desired = auth_config("a");
    let pending = PendingDeletion {
        id: "former".to_owned(),
        since: Time(second(1)),
    };
    let fixture = Fixture::of(&desired, recorded(&desired, "current"));
    let retry = |pending: &[PendingDeletion]| {
        fixture.ask(|case, _| replace::retry(case, &Plan::synced(&desired, Vec::new()), pending))
    };
    assert_eq!(retry(&[]), Retry::Interval(None));
    assert_eq!(retry(&[pending]), Retry::Now);
}

#[test]
fn where_a_lost_create_was_sent_is_recorded_until_it_is_certain_that_nothing_was_created() {
    let desired = auth_config("a");
    let mut record = recorded(&desired, "unused");
    (record.id, record.instance, record.writes) = (None, None, Writes::Unknown);
    let place = |before: &ProviderAuthConfigStatus, record: &Record, reason| {
        let fixture = Fixture::of(&desired, record.clone());
        let status = fixture.ask(|case, _| {
            let plan = Plan::report(Verdict::new(reason, "lost"));
            next(before, case, &plan, &[])
        });
        let CommonStatus {
            connection,
            instance_id,
            ..
        } = status.common().clone();
        (connection.is_some(), instance_id.is_some(), status)
    };
    let before = ProviderAuthConfigStatus::default();
    let (connection, instance, _) = place(&before, &record, Reason::AmbiguousCreate);
    assert!(!connection && !instance);
    record.sent_to = Some(Destination {
        connection: "Connection/former".to_owned(),
        instance: "ins_former".to_owned(),
    });
    let (_, _, sent) = place(&before, &record, Reason::AmbiguousCreate);
    let common = sent.common();
    assert_eq!(common.connection.as_deref(), Some("Connection/former"));
    assert_eq!(common.instance_id.as_deref(), Some("ins_former"));
    let (connection, instance, sent) = place(&sent, &record, Reason::RemoteUnavailable);
    assert!(connection && instance);
    record.writes = Writes::NothingCreated;
    let (connection, instance, _) = place(&sent, &record, Reason::InvalidSpec);
    assert!(!connection && !instance);
}

#[test]
fn references_are_resolved_only_if_they_were() {
    let desired = auth_config("a");
    let before = |status: &str| Condition {
        type_: "ReferencesResolved".to_owned(),
        status: status.to_owned(),
        reason: "SecretNotFound".to_owned(),
        message: "before".to_owned(),
        observed_generation: Some(1),
        last_transition_time: Time(second(0)),
    };
    let key = mac();
    let after = |reason: Reason, resolved: bool, terminating: bool| {
        let record = recorded(&desired, "current");
        let mut case = case(&owner("uid"), &key, Some(&desired), &record);
        case.terminating = terminating;
        case.desired = Err(Unresolved {
            reason,
            message: "now".to_owned(),
            resolved,
        });
        let mut status = ProviderAuthConfigStatus::default();
        status.common.conditions = Some(vec![before("False")]);
        let plan = Plan::report(Verdict::new(reason, "now".to_owned()));
        let next = next(&status, &case, &plan, &[]);
        let found = condition(next.common.conditions.as_deref(), "ReferencesResolved");
        found.map(|it| (it.status.clone(), it.message.clone()))
    };
    let said = |status: &str, message: &str| Some((status.to_owned(), message.to_owned()));
    let all = "all references are resolved";
    for (reason, resolved, terminating, expected) in [
        (
            Reason::OwnershipConflict,
            false,
            false,
            said("False", "now"),
        ),
        (Reason::InvalidValue, false, false, said("False", "now")),
        (Reason::InvalidValue, true, false, said("True", all)),
        (Reason::SecretNotFound, false, false, said("False", "now")),
        (Reason::Deleting, false, true, None),
        (Reason::Suspended, false, false, None),
    ] {
        assert_eq!(after(reason, resolved, terminating), expected, "{reason}");
    }
}

/// A status with this drift, and this plan that waits.
fn with_drift(fields: &[&str], plan: Option<&str>) -> CommonStatus {
    let entry = |field: &&str| DriftEntry {
        field: (*field).to_owned(),
        desired: "ours".to_owned(),
        observed: "theirs".to_owned(),
    };
    CommonStatus {
        drift: Some(fields.iter().map(entry).collect()).filter(|it: &Vec<_>| !it.is_empty()),
        plan: plan.map(|hash| PlanStatus {
            hash: hash.to_owned(),
            nonce: String::new(),
            steps: Vec::new(),
        }),
        ..CommonStatus::default()
    }
}

#[test]
fn each_change_of_what_differs_at_metorial_is_an_event_and_what_stays_is_none() {
    for (before, next, reason, noted) in [
        (
            &[][..],
            &["name"][..],
            Reason::Synced,
            Some("differs at Metorial: name"),
        ),
        (&["name"], &["name"], Reason::Synced, None),
        (
            &["name"],
            &["value"],
            Reason::Observed,
            Some("differs at Metorial: value"),
        ),
        (&["name"], &[], Reason::Synced, None),
        // The reason has an event of its own.
        (
            &[],
            &["lockedVersionId"],
            Reason::ImmutableFieldChanged,
            None,
        ),
    ] {
        let (before, next) = (with_drift(before, None), with_drift(next, None));
        let found = events(&before, &next, &Verdict::new(reason, "message"), &[], false);
        let notes = found.iter().filter(|it| it.reason == "DriftDetected");
        let notes: Vec<&str> = notes.map(|it| it.note.as_str()).collect();
        assert_eq!(notes, Vec::from_iter(noted), "{before:?} {next:?}");
    }
}

#[test]
fn each_plan_that_waits_for_approval_is_an_event() {
    let pending = Verdict::new(Reason::PlanPending, "approve it");
    let mut before = with_drift(&[], Some("one"));
    before.conditions = Some(
        Conditions::after(None, 1, second(1))
            .verdict(pending.reason, false, "m")
            .build(),
    );
    for (hash, count) in [("one", 0), ("two", 1)] {
        let next = with_drift(&[], Some(hash));
        let found = events(&before, &next, &pending, &[], false);
        assert_eq!(found.len(), count, "{hash}");
    }
}

#[test]
fn a_deletion_names_all_objects_that_were_deleted() {
    let effects = ["former", "current"].map(|id| Effect::Deleted(id.to_owned()));
    let verdict = Verdict::new(Reason::Deleting, "");
    let event = of_plan(&verdict, &effects).unwrap();
    assert_eq!(
        (event.reason, &*event.note),
        ("Deleted", "deleted former, current")
    );
}
