//! Replacement of an object in a field that the API can't change: create the new one, record its id, keep the old one for
//! the grace period, delete it. A crash at any point is safe: the new object carries our marker, the old one is recorded.

use super::backoff::{Backoff, Retry};
use super::case::Case;
use super::desired::Desired;
use super::differences::differences;
use super::facts::{Facts, Query};
use super::observed::{Dependent, Relation, RemoteView};
use super::ownership::Claim;
use super::record::Record;
use super::steps::{Plan, Step, bind};
use super::verdict::EventReason;
use crate::resources::{PendingDeletion, Reason, Replace};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The time after the grace period within which resources are made from the new object.
const FOLLOW_UP: Duration = Duration::from_secs(3600);

/// The report of a resource while it is not known whether its new object was created.
const SEARCHING_NEW: &str =
    "the new object may have been created; searching for it before another is created";

/// Decides about an object that differs in fields that the API can't change.
///
/// # Errors
/// The collection was not searched.
pub fn replace(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    former: &RemoteView,
    fields: &str,
) -> Result<Plan, Query> {
    if case.policy.lifecycle.replace == Some(Replace::Never) {
        let message = format!(
            "Metorial can't change {fields} of {}; undo the change, or set spec.replace: Allow",
            former.id
        );
        return Ok(Plan::because(Reason::ImmutableFieldChanged, message));
    }
    let reason = Reason::Replacing;
    if let Some(wait) = Plan::wait_for_answered_write(&case.record, reason, SEARCHING_NEW) {
        return Ok(wait);
    }
    let others = others(case, facts, former)?;
    let record = known_of_successor(case, desired);
    let differs = |remote: &RemoteView| differences(desired, remote, &record);
    // A crash, or a lost response, may have left the new object unrecorded, but not unannounced.
    let uncertain = case.record.replacement.is_some();
    let fits = |remote: &&&RemoteView| differs(remote).is_without_replacement(desired);
    let successor = others.iter().find(fits).copied();
    if successor.is_none() && uncertain && !case.record.settled() {
        return Ok(Plan::wait_until_settled(
            &case.record,
            reason,
            SEARCHING_NEW,
        ));
    }
    let unfit = others
        .iter()
        .filter(|other| Some(&other.id) != successor.map(|successor| &successor.id));
    // They are recorded before or with the new object: nobody searches any more once that is known.
    let mut steps: Vec<Step> = unfit
        .map(|other| Step::DeleteLater(other.id.clone()))
        .collect();
    match successor {
        Some(successor) => steps.push(bind(&Arc::new(successor.clone()))),
        // From here on a new object may exist, even after a crash.
        None => steps.extend([
            Step::RecordReplacement(desired.revision.clone()),
            Step::Create,
        ]),
    }
    steps.push(Step::RecordStatus);
    let note = format!("{fields} changed; replacing {}", former.id);
    let plan = Plan::synced(desired, steps).with_event(EventReason::Replaced, note);
    Ok(match successor {
        // The spec may have been edited after it was created.
        Some(new) if !differs(new).is_empty() => {
            plan.then_compare(&format!("found {} by its marker", new.id))
        }
        _ => plan,
    })
}

/// Returns the recorded state that a new object is compared with. What is recorded is that of the former object; but where nothing
/// was edited since the new one was to be created, it has what is desired now, unreadable fields included.
fn known_of_successor(case: &Case<'_>, desired: &Desired) -> Record {
    let mut record = case.record.clone();
    if record.replacement.as_ref() == Some(&desired.revision) {
        (record.revision, record.inputs) = (None, Vec::new());
    }
    record
}

/// Decides about a replacement that was undone while its outcome was unknown: a new object that it may have left is looked for,
/// and deleted. `None` where none was begun.
///
/// # Errors
/// The collection was not searched.
pub fn undone(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Option<Plan>, Query> {
    let record = &case.record;
    if record.replacement.is_none() {
        return Ok(None);
    }
    let others = others(case, facts, remote)?;
    if !record.settled() {
        let mut plan = Plan::wait_until_settled(record, Reason::Replacing, SEARCHING_NEW);
        plan.verdict.keeps_conditions = true;
        return Ok(Some(plan));
    }
    let later = others.iter();
    let later = later.map(|other| Step::DeleteLater(other.id.clone()));
    let steps = std::iter::once(bind(remote)).chain(later);
    let steps = steps.chain([Step::EndReplacement]).collect();
    Ok(Some(Plan::synced(desired, steps)))
}

/// Returns the live objects of the resource except one, and except those that are pending deletion.
fn others<'a>(
    case: &Case<'_>,
    facts: &'a Facts,
    current: &RemoteView,
) -> Result<Vec<&'a RemoteView>, Query> {
    let ours = |remote: &&RemoteView| {
        let other = remote.id != current.id && !case.record.is_pending_deletion(&remote.id);
        remote.live && case.claim(remote) == Claim::Ours && other
    };
    Ok(facts.search()?.iter().filter(ours).collect())
}

/// Adds the deletion of replaced objects whose grace period is over and that nothing depends on any more.
///
/// # Errors
/// The dependents of those objects were not read.
pub fn delete_replaced(case: &Case<'_>, facts: &Facts, mut plan: Plan) -> Result<Plan, Query> {
    if plan.verdict.reason != Reason::Synced || plan.creates() {
        return Ok(plan);
    }
    let over = |pending: &(String, Duration)| pending.1.is_zero();
    let (due, resting): (Vec<_>, Vec<_>) = pending(case).partition(over);
    let next = resting.into_iter().map(|pending| pending.1).min();
    let due: Vec<String> = due.into_iter().map(|pending| pending.0).collect();
    let recorded = |desired| case.record.acknowledged(desired) && !plan.has(Step::is_sent);
    let keeps = !case.record.unrecorded && !plan.has(|step| binds_another(case, step));
    let nothing_else = case.record.ready && keeps && case.desired().is_some_and(recorded);
    if !due.is_empty() && !nothing_else {
        // Readers of published ids must have the new one first, and a deletion that Metorial refuses must keep nothing else
        // from being recorded.
        return Ok(plan.with_backoff(Backoff::transient()));
    }
    if !due.is_empty() {
        let in_use = facts.dependents(&due)?;
        let free = |id: &String| in_use.iter().all(|dependent| dependent.of != *id);
        let free = due.into_iter().filter(free);
        plan.steps.extend(free.map(Step::DeleteReplaced));
        // What was made from a former object is about to be made from the new one, or stays for as long as a person or a
        // deployment uses it. A deployment keeps its default config permanently: once its resource is gone, this one is enqueued.
        let soon =
            |it: &Dependent| it.relation == Relation::Parent && was_just_replaced(case, &it.of);
        if in_use.iter().any(soon) {
            return Ok(plan.with_backoff(Backoff::transient()));
        }
    }
    Ok(match next {
        Some(_) => plan.with_retry(Retry::Interval(next)),
        None => plan,
    })
}

/// Returns true if a step makes another object the resource's own, which may be one that is pending deletion.
fn binds_another(case: &Case<'_>, step: &Step) -> bool {
    match step {
        Step::Bind { remote, .. } | Step::Update { remote, .. } => {
            case.record.id.as_ref() != Some(&remote.id)
        }
        _ => false,
    }
}

/// Returns true if an object was replaced so recently that what was made from it may yet be made from the new one.
fn was_just_replaced(case: &Case<'_>, id: &str) -> bool {
    let most = case.policy.lifecycle.replace_grace + FOLLOW_UP;
    let mut pending = case.record.pending_deletion.iter();
    let since = pending.find(|(pending, _)| pending == id);
    since.is_some_and(|(_, since)| case.now < *since + most)
}

/// Returns the replaced objects with the rest of their grace period.
pub(super) fn pending(case: &Case<'_>) -> impl Iterator<Item = (String, Duration)> {
    let grace = case.policy.lifecycle.replace_grace;
    let left = move |since: Timestamp| {
        let elapsed = Duration::try_from(case.now.duration_since(since)).unwrap_or_default();
        grace.saturating_sub(elapsed)
    };
    // An object that is in use again, as after the loss of its successor, is not deleted.
    let current = case.record.id.as_ref();
    let pending = case.record.pending_deletion.iter();
    let pending = pending.filter(move |(id, _)| Some(id) != current);
    pending.map(move |(id, since)| (id.clone(), left(*since)))
}

/// Returns when to decide again after a status that has these objects pending deletion: one that is so since this
/// reconciliation is deleted after the grace period, whatever brought it there.
#[must_use]
pub fn retry(case: &Case<'_>, plan: &Plan, pending_deletion: &[PendingDeletion]) -> Retry {
    let is_new = |pending: &PendingDeletion| !case.record.is_pending_deletion(&pending.id);
    let grace = case.policy.lifecycle.replace_grace;
    match &plan.retry {
        Retry::Interval(_) if pending_deletion.iter().any(is_new) => {
            if grace.is_zero() {
                Retry::Now
            } else {
                Retry::Interval(Some(grace))
            }
        }
        retry => retry.clone(),
    }
}
