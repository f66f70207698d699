//! The events of a status that was written: what changed for a person.

use super::children::ChildKind;
use super::steps::Effect;
use super::verdict::{EventReason, Expiring, Verdict};
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
    let own = verdict.event.clone().or_else(|| ordinary(effects));
    let own = own.filter(|_| done).map(normal);
    let published = next.published_config_map.as_ref();
    let published = published.filter(|name| before.published_config_map.as_ref() != Some(*name));
    let published = published.map(|name| {
        let kind = ChildKind::ConfigMap.as_str();
        normal((
            EventReason::Published,
            format!("wrote the ids to {kind} {name}"),
        ))
    });
    own.into_iter()
        .chain(published)
        .chain(of_condition(before, verdict))
        .chain(of_expiry(before, verdict))
        .collect()
}

/// Returns the event of a plan that has none of its own.
fn ordinary(effects: &[Effect]) -> Option<(EventReason, String)> {
    effects.iter().rev().find_map(|effect| match effect {
        Effect::Created(remote, request) => {
            let request = request.as_ref().map(|id| format!(" (request {id})"));
            let note = format!("created {}{}", remote.id, request.unwrap_or_default());
            Some((EventReason::Created, note))
        }
        Effect::Deleted(id) => Some((EventReason::Deleted, format!("deleted {id}"))),
        _ => None,
    })
}

/// Returns the event of a resource that was released after its deletion.
#[must_use]
pub fn of_release(verdict: &Verdict, effects: &[Effect]) -> Option<Event> {
    let own = verdict.event.clone().or_else(|| ordinary(effects));
    own.map(normal)
}

/// Returns the event of a reason that is new. Creations and deletions have events of their own.
fn of_condition(before: &CommonStatus, verdict: &Verdict) -> Option<Event> {
    let before = condition(before.conditions.as_deref(), READY);
    let changed = before.is_none_or(|before| before.reason != verdict.reason.as_str());
    let creation =
        before.is_none_or(|it| it.status == "True" || it.reason == Reason::Creating.as_str());
    let ordinary =
        verdict.reason == Reason::Creating || (verdict.reason.class() == Class::Done && creation);
    (changed && !verdict.keeps_conditions && !ordinary).then(|| Event {
        reason: verdict.reason.as_str(),
        type_: match verdict.reason.class() {
            Class::NeedsPerson | Class::Waiting => EventType::Warning,
            Class::Done | Class::InProgress | Class::HeldByChoice => EventType::Normal,
        },
        note: verdict.message.clone(),
    })
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
