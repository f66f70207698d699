//! Creation, and recovery of what was created but not recorded: an object that carries our marker is ours; only where a
//! complete search finds none, and none can still turn up, is one created.

use super::case::Case;
use super::desired::Desired;
use super::differences::differences;
use super::facts::{Facts, Query};
use super::observed::RemoteView;
use super::ownership::Claim;
use super::steps::{Plan, Step, bind, create};
use super::verdict::{EventReason, Verdict};
use crate::resources::{DriftPolicy, Reason};
use std::sync::Arc;

/// Decides about a resource without a recorded object.
///
/// # Errors
/// The fact that has to be read first.
pub fn create_or_recover(case: &Case<'_>, desired: &Desired, facts: &Facts) -> Result<Plan, Query> {
    if case.observes() {
        return Ok(Plan::report(Verdict::new(
            Reason::InvalidSpec,
            "spec.mode is Observe, which needs an existing object; set spec.adopt.id",
        )));
    }
    // The finalizer is the write-ahead intent: without it, and with it where this process knows that no create was
    // applied, there is nothing to search for. That is the ordinary way, and it costs no request.
    if case.record.may_have_created() {
        return Ok(recover(case, desired, facts.search()?));
    }
    Ok(Plan::synced(desired, create()))
}

/// Decides about a resource whose recorded object is gone.
///
/// # Errors
/// The fact that has to be read first.
pub fn object_gone(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    id: &str,
) -> Result<Plan, Query> {
    let missing = |advice: &str| {
        let message = format!("{id} no longer exists at Metorial; {advice}");
        Ok(Plan::report(Verdict::new(Reason::RemoteMissing, message)))
    };
    if desired.source.external().is_some() {
        return missing("refer to another auth config");
    }
    if case.observes() || case.record.id.is_none() {
        return missing("set spec.adopt.id to another object");
    }
    if case.policy.drift == DriftPolicy::Report {
        return missing("set spec.drift: Correct to recreate it, or delete this resource");
    }
    let losses = facts.losses()?;
    if losses.suspicious() {
        let message = format!(
            "{} of {} objects of this connection disappeared at once; nothing is recreated until the connection has the annotation metorial.com/approve: recreate",
            losses.lost, losses.known
        );
        return Ok(Plan::report(Verdict::new(Reason::SuspiciousLoss, message)));
    }
    let plan = recover(case, desired, facts.search()?);
    if !plan.creates() {
        return Ok(plan);
    }
    let note = format!("{id} no longer existed");
    Ok(plan.map_verdict(|verdict| verdict.with_event(EventReason::RemoteRecreated, note)))
}

/// Adds the finalizer before everything else. It is the write-ahead intent of a create, and what makes a deletion wait.
#[must_use]
pub fn with_finalizer(case: &Case<'_>, mut plan: Plan) -> Plan {
    let writes = matches!(plan.verdict.reason, Reason::Synced | Reason::Updating);
    let has_object = !plan.steps.is_empty() || case.record.id.is_some();
    if writes && has_object && !case.record.finalizer && !case.observes() {
        plan.steps.insert(0, Step::AddFinalizer);
    }
    plan
}

/// Decides by a complete search. What was created before a crash, or by a request whose response was lost, is found by its
/// marker.
fn recover(case: &Case<'_>, desired: &Desired, found: &[RemoteView]) -> Plan {
    let mine = case.claimed(found);
    match choose(case, desired, &mine) {
        Some((remote, others)) => {
            let mut plan = bind_found(case, desired, &Arc::new(remote.clone()));
            // Nobody searches any more once an object is bound, so the others come first.
            plan.steps.splice(0..0, others);
            plan
        }
        None if case.record.settled() => Plan::synced(desired, create()),
        None => Plan::wait_for_reads(
            Reason::AmbiguousCreate,
            "a create may have been applied; searching for the object before another is created",
            case.record.settles_in,
        ),
    }
}

/// Chooses the object among several, and what happens to the others.
///
/// In the middle of a replacement there are two: the newer has the desired values, and the former is deleted as after any
/// replacement. Otherwise only a repeated create makes a second one: the oldest stays.
fn choose<'a>(
    case: &Case<'_>,
    desired: &Desired,
    mine: &[&'a RemoteView],
) -> Option<(&'a RemoteView, Vec<Step>)> {
    let oldest = *mine.first()?;
    let fits = |remote: &&&RemoteView| !differences(desired, remote, case.record).replaces;
    let replaces = case.policy.replaces();
    let chosen = match replaces {
        true => *mine.iter().find(fits).or(mine.last())?,
        false => oldest,
    };
    let others = mine.iter().filter(|other| other.id != chosen.id);
    // Of a predecessor's objects one is bound; the others are left alone.
    let others = others.filter(|other| replaces || case.claim(other) == Claim::Ours);
    let step = |id| match replaces {
        true => Step::Retire(id),
        false => Step::Delete(id),
    };
    let steps = others.map(|other| step(other.id.clone())).collect();
    Some((chosen, steps))
}

/// Binds an object that was found by its marker, and applies what a PATCH can apply. The rest follows once the id is
/// recorded.
fn bind_found(case: &Case<'_>, desired: &Desired, remote: &Arc<RemoteView>) -> Plan {
    let found = differences(desired, remote, case.record);
    let complete = !found.imports && !found.replaces;
    let step = match found.patches(desired) && complete {
        true => Step::Update {
            remote: remote.clone(),
            differences: found,
        },
        false => bind(remote),
    };
    let note = format!("found {} by its marker", remote.id);
    let plan = Plan::synced(desired, vec![step])
        .map_verdict(|verdict| verdict.with_event(EventReason::Recovered, note));
    match complete {
        true => plan,
        false => plan.continues(format!(
            "found {} by its marker; comparing it with the spec",
            remote.id
        )),
    }
}
