//! The events of a status that was written: what changed for a person.

use super::children::ChildKind;
use super::steps::Effect;
use super::verdict::{EventReason, Expiring, Verdict, differs};
use crate::resources::{Class, CommonStatus, EXPIRING, READY, Reason, condition};
use kube::runtime::events::EventType;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its reason.
    pub reason: &'static str,
    /// Its type.
    pub type_: EventType,
    /// Its note.
    pub note: String,
}

/// Returns the events of a status that was written after these effects; `recorded`: the plan's own event was, before. It is
/// recorded once, when the plan is done.
#[must_use]
pub fn events(
    before: &CommonStatus,
    next: &CommonStatus,
    verdict: &Verdict,
    effects: &[Effect],
    recorded: bool,
) -> Vec<Event> {
    let done = !recorded && verdict.reason != Reason::Creating;
    let own = of_plan(verdict, effects).filter(|_| done);
    let published = next.published_config_map.as_ref();
    let published = published.filter(|name| before.published_config_map.as_ref() != Some(*name));
    let published = published.map(|name| {
        let note = format!("wrote the ids to {} {name}", ChildKind::ConfigMap.as_str());
        normal((EventReason::Published, note))
    });
    own.into_iter()
        .chain(published)
        .chain(of_condition(before, next, verdict))
        .chain(of_drift(before, next, verdict))
        .chain(of_expiry(before, verdict))
        .collect()
}

/// Returns the event of a plan that has none of its own.
fn ordinary(effects: &[Effect]) -> Option<(EventReason, String)> {
    let created = effects.iter().rev().find_map(|effect| match effect {
        Effect::Created(remote, request) => {
            let request = request.as_ref().map(|id| format!(" (request {id})"));
            let note = format!("created {}{}", remote.id, request.unwrap_or_default());
            Some((EventReason::Created, note))
        }
        _ => None,
    });
    let deleted = effects.iter().filter_map(|effect| match effect {
        Effect::Deleted(id) => Some(id.as_str()),
        _ => None,
    });
    let deleted = deleted.collect::<Vec<_>>().join(", ");
    let deletion = || (EventReason::Deleted, format!("deleted {deleted}"));
    created.or_else(|| (!deleted.is_empty()).then(deletion))
}

/// Returns the event of a plan: its own, or that of its effects.
#[must_use]
pub fn of_plan(verdict: &Verdict, effects: &[Effect]) -> Option<Event> {
    let own = verdict.event.clone().or_else(|| ordinary(effects));
    own.map(normal)
}

/// Returns the event of a reason that is new, or of another plan that waits for approval. Creations and deletions have events of
/// their own.
fn of_condition(before: &CommonStatus, next: &CommonStatus, verdict: &Verdict) -> Option<Event> {
    let ready = condition(before.conditions.as_deref(), READY);
    let hash = |status: &CommonStatus| status.plan.as_ref().map(|plan| plan.hash.clone());
    let planned = verdict.reason == Reason::PlanPending && hash(before) != hash(next);
    let changed = planned || ready.is_none_or(|ready| ready.reason != verdict.reason.as_str());
    let creation =
        ready.is_none_or(|it| it.status == "True" || it.reason == Reason::Creating.as_str());
    let ordinary =
        verdict.reason == Reason::Creating || (verdict.reason.class() == Class::Done && creation);
    (changed && !verdict.keeps_conditions && !ordinary).then(|| Event {
        reason: verdict.reason.as_str(),
        type_: type_of(verdict.reason),
        note: verdict.message.clone(),
    })
}

/// Returns the type of an event with this reason.
#[must_use]
pub fn type_of(reason: Reason) -> EventType {
    match reason.class() {
        Class::NeedsPerson | Class::Waiting => EventType::Warning,
        // They pass by themselves, but are no part of the work.
        Class::InProgress if reason.is_outage() => EventType::Warning,
        Class::Done | Class::InProgress | Class::HeldByChoice => EventType::Normal,
    }
}

/// Returns the event of differences that are left at Metorial, once for each change of them.
fn of_drift(before: &CommonStatus, next: &CommonStatus, verdict: &Verdict) -> Option<Event> {
    let drift = next.drift.as_ref()?;
    let is_new = before.drift.as_ref() != Some(drift) && verdict.reason.class() == Class::Done;
    is_new.then(|| normal((EventReason::DriftDetected, differs(drift))))
}

/// Returns the event of a value that expires soon: once for each value, which the condition's message shows.
fn of_expiry(before: &CommonStatus, verdict: &Verdict) -> Option<Event> {
    let Expiring { message, until } = verdict.expiring.as_ref()?;
    let known = condition(before.conditions.as_deref(), EXPIRING);
    let known = known.is_some_and(|known| known.message.contains(until));
    (!known).then(|| Event {
        reason: EXPIRING,
        type_: EventType::Warning,
        note: message.clone(),
    })
}

fn normal((reason, note): (EventReason, String)) -> Event {
    Event {
        reason: reason.as_str(),
        type_: EventType::Normal,
        note,
    }
}
