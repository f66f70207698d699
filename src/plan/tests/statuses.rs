//! The next status, by the effects of a plan.

use super::fixture::{Fixture, auth_config, created, recorded, second};
use crate::plan::backoff::Retry;
use crate::plan::children::{ChildKind, Refusal};
use crate::plan::observed::ListedImport;
use crate::plan::replace;
use crate::plan::status::{created as creating, events, next, with_refusals};
use crate::plan::steps::{Effect, Plan};
use crate::plan::verdict::EventReason;
use crate::resources::{PendingDeletion, ProviderAuthConfigStatus, Reason, ResourceStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
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
    let plan = plan.map_verdict(|it| it.with_event(EventReason::RemoteRecreated, "gone"));
    let of = |plan: &Plan, recorded| {
        let events = events(None, &plan.verdict, recorded).into_iter();
        events.map(|event| event.reason).collect::<Vec<_>>()
    };
    assert!(of(&creating(&plan), false).is_empty());
    assert_eq!(of(&plan, false), ["RemoteRecreated"]);
    assert!(of(&plan, true).is_empty());
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
