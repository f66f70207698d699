//! The next status of a resource: pure, and written only where it differs from the last.

use super::case::{Case, Failure};
use super::children::ChildKind;
use super::desired::{Desired, Input};
use super::fields::Role;
use super::fingerprint::Fingerprint;
use super::observed::{ListedImport, RemoteView};
use super::ownership::Claim;
use super::record::{Destination, Writes};
use super::steps::{Effect, Plan, remote_after};
use super::unknown_outcome::MaybeApplied;
use super::verdict::{EventReason, Expiring, Verdict, differs};
use crate::resources::{
    Class, CommonStatus, Conditions, DRIFTED, EXPIRING, ImportRecord, InputStatus, PendingDeletion,
    PreviousId, READY, REFERENCES_RESOLVED, Reason, RemoteDetails, Replace, ResourceStatus,
    condition,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use std::sync::Arc;

/// Number of imports and former ids that are kept.
const HISTORY: usize = 10;

/// Returns the status after `plan` had these effects.
#[must_use]
pub fn next<S: ResourceStatus>(before: &S, case: &Case<'_>, plan: &Plan, effects: &[Effect]) -> S {
    let mut next = before.clone();
    for effect in effects {
        apply(&mut next, case, plan, effect);
    }
    // A create that was refused leaves nothing behind. Where another was begun before, it may still have.
    let refused =
        matches!(&case.failure, Some(Failure::Remote(it)) if it.applied == MaybeApplied::No);
    if refused && case.record.replacement.is_none() {
        next.common_mut().replacement_revision = None;
    }
    if let Some(url) = &plan.callback_url {
        let details = RemoteDetails {
            callback_url: Some(url.clone()),
            ..next.details()
        };
        next.set_details(&details);
    }
    let status = next.common_mut();
    // A clock that was ahead must not keep a replaced object for longer than the grace period.
    for pending in status.pending_deletion.iter_mut().flatten() {
        pending.since.0 = pending.since.0.min(case.now);
    }
    place(status, case, &plan.verdict, effects);
    if let (true, Ok(desired)) = (plan.acknowledges, &case.desired) {
        acknowledge(status, desired, effects, case.now);
    }
    let kept = plan.verdict.keeps_conditions;
    let next_conditions = if kept {
        status.conditions.clone()
    } else {
        Some(conditions(status, case, &plan.verdict))
    };
    let last = status.conditions.take();
    status.conditions = next_conditions
        .map(|next| with_expiring(next, last.as_deref(), case, plan.verdict.expiring.as_ref()));
    if !kept {
        status.observed_generation = Some(case.generation);
        status.drift = none_if_empty(plan.verdict.drift.clone());
        // A plan that waits survives a failure in between, and with it the approval of it; tokens expire whatever waits.
        let over = matches!(
            plan.verdict.reason.class(),
            Class::Done | Class::NeedsPerson
        ) && plan.verdict.reason != Reason::Expired;
        if over || plan.proposal.is_some() {
            status.plan = plan.proposal.clone();
        }
    }
    if let Some(requested) = &case.requested {
        status.last_handled_reconcile_at = Some(requested.clone());
    }
    next
}

/// Returns the status that announces a replacement by an object of this revision, with what is to be deleted of an earlier one.
#[must_use]
pub fn announcing<S: ResourceStatus>(
    before: &S,
    case: &Case<'_>,
    effects: &[Effect],
    revision: &Fingerprint,
) -> S {
    let mut next = before.clone();
    let status = next.common_mut();
    for effect in effects {
        if let Effect::PendingDeletion(id) = effect {
            delete_later(status, id, case.now);
        }
    }
    status.replacement_revision = Some(revision.to_string());
    next
}

fn apply<S: ResourceStatus>(next: &mut S, case: &Case<'_>, plan: &Plan, effect: &Effect) {
    match effect {
        Effect::Bound(remote) | Effect::Created(remote, _) | Effect::Written(remote, _) => {
            bind(next, case, plan, remote);
        }
        Effect::Export(export) => {
            if let Some(known) = next.export_mut() {
                *known = export.clone();
            }
        }
        Effect::SentTo(destination) => record_place(next.common_mut(), destination.clone()),
        Effect::Unbound => {
            next.set_details(&RemoteDetails::default());
            let status = next.common_mut();
            (status.id, status.observed) = (None, None);
            (status.connection, status.instance_id) = (None, None);
        }
        Effect::ReplacementEnded => next.common_mut().replacement_revision = None,
        Effect::PendingDeletion(id) => delete_later(next.common_mut(), id, case.now),
        Effect::Deleted(id) | Effect::Forgotten(id) => {
            let status = next.common_mut();
            let mut left = status.pending_deletion.take().unwrap_or_default();
            left.retain(|pending| pending.id != *id);
            status.pending_deletion = none_if_empty(left);
        }
        Effect::ChildApplied(ChildKind::ConfigMap, name) => {
            next.common_mut().published_config_map = Some(name.clone());
        }
        Effect::ChildRemoved(ChildKind::ConfigMap, name) => {
            let published = &mut next.common_mut().published_config_map;
            published.take_if(|published| published == name);
        }
        Effect::ChildApplied(ChildKind::Secret, _)
        | Effect::ChildRemoved(ChildKind::Secret, _)
        | Effect::ChildRefused(_)
        | Effect::NotRestarted(..)
        | Effect::InUse(_)
        | Effect::Imported(_)
        | Effect::FinalizerRemoved => {}
    }
}

/// Records the remote object.
fn bind<S: ResourceStatus>(next: &mut S, case: &Case<'_>, plan: &Plan, remote: &RemoteView) {
    next.set_details(&RemoteDetails {
        callback_url: next.details().callback_url,
        ..remote.details.clone()
    });
    let status = next.common_mut();
    let shown = status.id.replace(remote.id.clone());
    // What was only observed is nothing that was replaced.
    let former = shown.clone().filter(|_| status.observed.is_none());
    let own = match case.claim(remote) {
        Claim::Ours => true,
        Claim::Namesake => case.predecessor_counts(),
        Claim::Nobody | Claim::Sibling | Claim::OtherCluster => false,
    };
    if !case.observes() {
        status.observed = None;
    } else if shown.as_ref() != Some(&remote.id) {
        status.observed = (!own).then_some(true);
    }
    let mut pending = status.pending_deletion.take().unwrap_or_default();
    pending.retain(|pending| pending.id != remote.id);
    status.pending_deletion = none_if_empty(pending);
    let Some(former) = former.filter(|former| *former != remote.id) else {
        return;
    };
    let event = plan.verdict.event.as_ref().map(|(event, _)| *event);
    let announced = status.replacement_revision.take().is_some();
    let replaces = case.policy.replaces() || announced;
    // What the former object had says nothing about this one.
    (status.last_applied_revision, status.inputs) = (None, None);
    status.remote_updated_at = None;
    let reason = replaced_because(case, event, announced);
    // The former object is deleted later whatever this plan is: the one that created the new object may have failed to
    // record it.
    if replaces && event != Some(EventReason::RemoteRecreated) {
        delete_later(status, &former, case.now);
    }
    let ids = status.previous_ids.get_or_insert_default();
    ids.insert(
        0,
        PreviousId {
            id: former,
            replaced_at: Time(case.now),
            reason: reason.as_str().to_owned(),
        },
    );
    ids.truncate(HISTORY);
    // What was imported into the former object says nothing about this one.
    if case.desired().is_some() && case.external().is_none() {
        (status.import_id, status.imports) = (None, None);
    }
}

/// Returns why the former object was replaced, whatever plan records the new one: the one that created it may have failed to;
/// `announced`: whether the status said that a replacement was about to be created.
fn replaced_because(case: &Case<'_>, event: Option<EventReason>, announced: bool) -> EventReason {
    let external = case.external().is_some();
    match event {
        Some(event @ (EventReason::Replaced | EventReason::RemoteRecreated)) => event,
        // An object is searched for only where the recorded one is gone.
        Some(EventReason::Recovered) => EventReason::RemoteRecreated,
        // Another external object was named.
        _ if external || announced || case.policy.lifecycle.replace == Some(Replace::Allow) => {
            EventReason::Replaced
        }
        _ => EventReason::RemoteRecreated,
    }
}

fn delete_later(status: &mut CommonStatus, id: &str, now: Timestamp) {
    let pending = status.pending_deletion.get_or_insert_default();
    if pending.iter().all(|known| known.id != id) {
        pending.push(PendingDeletion {
            id: id.to_owned(),
            since: Time(now),
        });
    }
}

/// Records connection and instance of a resource that has a remote object, or may have one: a create whose response was lost
/// is searched for where it was sent, whatever connection the spec names by then.
fn place(status: &mut CommonStatus, case: &Case<'_>, verdict: &Verdict, effects: &[Effect]) {
    let (reason, record) = (verdict.reason, &case.record);
    if status.id.is_none() && record.writes == Writes::NothingCreated {
        (status.connection, status.instance_id) = (None, None);
    }
    let here = case.connection.destination();
    let seen = reason.class() == Class::Done && status.id.is_some();
    let place = match case.failure {
        _ if seen || remote(effects).is_some() => here,
        _ if reason != Reason::AmbiguousCreate => None,
        // The create of this reconciliation.
        Some(_) => here,
        None => record.sent_to.clone(),
    };
    if let Some(place) = place {
        record_place(status, place);
    }
}

fn record_place(status: &mut CommonStatus, place: Destination) {
    status.connection = Some(place.connection);
    status.instance_id = Some(place.instance);
}

/// Records that the API has acknowledged everything that is desired.
fn acknowledge(status: &mut CommonStatus, desired: &Desired, effects: &[Effect], now: Timestamp) {
    let Some((remote, others_since)) = remote(effects) else {
        return;
    };
    let import = effects.iter().rev().find_map(|effect| match effect {
        Effect::Imported(import) => Some(import),
        _ => None,
    });
    if let Some(import) = import {
        record_import(status, desired, import);
    }
    status.last_applied_revision = Some(desired.revision.to_string());
    status.remote_updated_at = Some(others_since.unwrap_or(remote.updated_at).to_string());
    status.metadata_keys = none_if_empty(desired.metadata.keys().cloned().collect());
    let known = status.inputs.take().unwrap_or_default();
    // A value that was not sent, because another one was imported once, stays what it was, or unknown.
    let once = desired.source.imports().is_some_and(|it| it.once) && import.is_none();
    let value = desired.role(Role::Value).map(|field| field.rule.name);
    let unsent = value.filter(|_| once && status.imports.is_some());
    let inputs = desired.all_inputs().filter_map(|input| {
        let of_field = known.iter().find(|known| known.field == input.field);
        let same_key =
            |it: &&InputStatus| Fingerprint::stored(&it.fingerprint).same_key(&input.fingerprint);
        match of_field {
            None if Some(input.field) == unsent => None,
            Some(kept) if Some(input.field) == unsent && same_key(&kept) => Some(kept.clone()),
            _ => Some(input_status(input, &known, now)),
        }
    });
    status.inputs = none_if_empty(inputs.collect());
}

fn record_import(status: &mut CommonStatus, desired: &Desired, import: &ListedImport) {
    let fingerprint = desired.value_fingerprint();
    let imports = status.imports.get_or_insert_default();
    imports.retain(|known| known.id != import.id);
    imports.insert(
        0,
        ImportRecord {
            id: import.id.clone(),
            created_at: import.created_at.to_string(),
            expires_at: import.expires_at.map(|at| at.to_string()),
            fingerprint: fingerprint.map(ToString::to_string).unwrap_or_default(),
        },
    );
    imports.truncate(HISTORY);
    status.import_id = Some(import.id.clone());
}

fn input_status(input: &Input, known: &[InputStatus], now: Timestamp) -> InputStatus {
    let same = known.iter().find(|known| {
        known.field == input.field && known.fingerprint == input.fingerprint.as_str()
    });
    InputStatus {
        field: input.field.to_owned(),
        source: input.source.clone(),
        fingerprint: input.fingerprint.to_string(),
        pushed_at: same.map_or(Time(now), |known| known.pushed_at.clone()),
    }
}

/// Returns the remote object after the effects, and the time since which writes are not ours: an import after a PATCH does
/// not change that somebody else wrote before it.
fn remote(effects: &[Effect]) -> Option<(&Arc<RemoteView>, Option<Timestamp>)> {
    let others_since = effects.iter().find_map(|effect| match effect {
        Effect::Written(_, others_since) => *others_since,
        _ => None,
    });
    Some((remote_after(effects)?, others_since))
}

fn conditions(status: &CommonStatus, case: &Case<'_>, verdict: &Verdict) -> Vec<Condition> {
    let Verdict {
        reason,
        message,
        drift,
        ready,
        ..
    } = verdict;
    let last = status.conditions.as_deref();
    let next = Conditions::after(last, case.generation, case.now);
    let mut next = next.verdict(*reason, *ready, message);
    let resolved = "all references are resolved";
    next = match &case.desired {
        _ if reason.class() == Class::Waiting => {
            next.with(REFERENCES_RESOLVED, false, *reason, message)
        }
        Ok(_) => next.with(REFERENCES_RESOLVED, true, Reason::Synced, resolved),
        // A deletion reads no references, and a resource that is held by choice reports nothing about them.
        Err(_) if case.terminating || reason.class() == Class::HeldByChoice => next,
        Err(why) if why.resolved => next.with(REFERENCES_RESOLVED, true, Reason::Synced, resolved),
        Err(why) => next.with(REFERENCES_RESOLVED, false, why.reason, &why.message),
    };
    if !drift.is_empty() {
        next = next.with(DRIFTED, true, *reason, &differs(drift));
    }
    next.build()
}

/// Returns the conditions with `Expiring` while a value expires soon, whatever else is reported or kept. It has the reason of
/// Ready.
fn with_expiring(
    mut next: Vec<Condition>,
    last: Option<&[Condition]>,
    case: &Case<'_>,
    expiring: Option<&Expiring>,
) -> Vec<Condition> {
    next.retain(|condition| condition.type_ != EXPIRING);
    let Some(Expiring { message, .. }) = expiring else {
        return next;
    };
    let ready = condition(Some(&next), READY).map(|ready| ready.reason.clone());
    let built = Conditions::after(last, case.generation, case.now)
        .with(EXPIRING, true, Reason::Synced, message)
        .build();
    next.extend(built.into_iter().map(|condition| Condition {
        reason: ready.clone().unwrap_or(condition.reason),
        ..condition
    }));
    next
}

fn none_if_empty<T>(items: Vec<T>) -> Option<Vec<T>> {
    Some(items).filter(|items| !items.is_empty())
}
