//! Deletion: from the id alone, never from the spec, and never of what is somebody else's.

use super::ledger::Intent;
use super::look::{Dependent, Sighting};
use super::marker::{Claim, Marker, claimed};
use super::{Happening, Plan, RemoteView, Situation, Step, Verdict};
use crate::resources::{DeletionPolicy, Reason};
use std::collections::BTreeSet;

/// Decides what a terminating resource does.
#[must_use]
pub fn plan(situation: &Situation) -> Plan {
    if !situation.ledger.finalizer {
        return release(Vec::new());
    }
    if situation.policy.leaves_remote() {
        let mut plan = release(Vec::new());
        if let Some(id) = &situation.ledger.id {
            plan.verdict = plan
                .verdict
                .with(Happening::Orphaned, format!("{id} stays at Metorial"));
        }
        return plan;
    }
    let doomed = doomed(situation);
    let live = match &situation.seen.object {
        Some(Sighting::Lagging) => return wait(),
        Some(Sighting::Live(remote)) => Some(remote),
        Some(Sighting::Gone { .. }) | None => None,
    };
    let certain = situation.ledger.intent == Intent::Clean || situation.ledger.settled;
    if live.is_none() && found(situation).is_empty() && !certain {
        return wait();
    }
    // The other half of a replacement may still be on its way.
    let half = situation.policy.replace.is_some() && !situation.ledger.certain;
    if live.is_some() && half && !situation.ledger.settled {
        return wait();
    }
    let dependents = situation.seen.dependents.as_deref().unwrap_or_default();
    if situation.policy.deletion == DeletionPolicy::Delete && !dependents.is_empty() {
        return blocked(&doomed, dependents).alone();
    }
    let mut plan = release(doomed);
    if let Some(remote) = live.filter(|remote| !is_ours(situation, remote)) {
        let note = format!("{} belongs to another resource: it stays", remote.id);
        plan.verdict = plan.verdict.with(Happening::Orphaned, note);
    }
    plan
}

/// What goes with the resource: its object last, before it what was replaced or is in the place of another, and what
/// a write of unknown outcome has made.
#[must_use]
pub fn doomed(situation: &Situation) -> Vec<String> {
    let current = match &situation.seen.object {
        Some(Sighting::Live(remote)) if is_ours(situation, remote) => Some(remote.id.clone()),
        _ => None,
    };
    let retiring = situation.ledger.retiring.iter().map(|(id, _)| id.clone());
    let others: BTreeSet<String> = retiring
        .chain(found(situation))
        .filter(|id| Some(id) != current.as_ref())
        .collect();
    others.into_iter().chain(current).collect()
}

/// Whether a deletion may touch this object: our marker, that of our predecessor of the same name, or none at all on
/// the object whose id we recorded.
#[must_use]
pub fn is_ours(situation: &Situation, remote: &RemoteView) -> bool {
    match Marker::claim(remote.marker.as_ref(), situation.owner) {
        Claim::Ours | Claim::Namesake => true,
        Claim::Nobody => !situation.policy.borrows,
        Claim::Sibling | Claim::OtherCluster => false,
    }
}

/// What a search found that carries our marker, or that of our predecessor.
fn found(situation: &Situation) -> Vec<String> {
    let found = situation.seen.search.as_deref().unwrap_or_default();
    let mine = claimed(situation, found);
    mine.into_iter().map(|remote| remote.id.clone()).collect()
}

fn wait() -> Plan {
    Verdict::new(
        Reason::Deleting,
        "a write may still reach Metorial: looking for it before this resource goes",
    )
    .alone()
}

fn release(ids: Vec<String>) -> Plan {
    let mut steps: Vec<Step> = ids.into_iter().map(|id| Step::Delete { id }).collect();
    steps.push(Step::Release);
    Plan {
        steps,
        verdict: Verdict::new(Reason::Deleting, "deleted at Metorial"),
        acknowledges: false,
    }
}

fn blocked(doomed: &[String], dependents: &[Dependent]) -> Verdict {
    let named: Vec<String> = dependents
        .iter()
        .take(10)
        .map(|dependent| match &dependent.name {
            Some(name) => format!("{} ({name})", dependent.id),
            None => dependent.id.clone(),
        })
        .collect();
    let ids = doomed.join(", ");
    let more = match dependents.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Verdict::new(
        Reason::DeletionBlocked,
        format!(
            "deleting {ids} would delete {} object(s) that others made with it: {}{more}. Delete those first, or set deletionPolicy: Cascade (they go too) or Orphan ({ids} stays)",
            dependents.len(),
            named.join(", ")
        ),
    )
}
