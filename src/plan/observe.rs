//! Mode Observe: an object of somebody else is read and compared, and nothing is written.

use super::backoff::Retry;
use super::case::Case;
use super::desired::Desired;
use super::differences::differences;
use super::facts::{Facts, Query};
use super::observed::RemoteView;
use super::ownership::{Claim, MARKER_FIELD, Marker};
use super::steps::{Plan, Step, bind};
use super::verdict::Verdict;
use crate::resources::{DriftEntry, Reason};
use std::sync::Arc;

/// Decides about an object in mode Observe: readable differences are reported, nothing is written.
///
/// # Errors
/// The existence of its owner was not read.
pub fn observe(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    if let Some(refusal) = refusal(case, facts, remote)? {
        return Ok(Plan::report(refusal));
    }
    let readable = |entry: &DriftEntry| {
        let hidden = desired.inputs.iter().any(|it| it.field == entry.field);
        entry.field != MARKER_FIELD && !hidden
    };
    let mut drift = differences(desired, remote, &case.record).entries;
    drift.retain(readable);
    let message = match drift.len() {
        0 => "observed; the readable fields match the spec".to_owned(),
        count => format!("observed; {count} field(s) differ"),
    };
    Ok(Plan {
        steps: vec![bind(remote)],
        ..Plan::report(Verdict::new(Reason::Observed, message).with_drift(drift))
    })
}

/// Returns why an object must not be observed: a shared connection reaches the objects of everybody, and what is observed is
/// shown in a status. Those of nobody any more may be, and those of a cluster from which the owner of the connection lets them be
/// taken over.
///
/// # Errors
/// The existence of its owner was not read.
fn refusal(case: &Case<'_>, facts: &Facts, remote: &RemoteView) -> Result<Option<Verdict>, Query> {
    let marker = remote.marker.as_ref();
    let Some(Marker { owner, .. }) = marker.filter(|_| case.connection.shared) else {
        return Ok(None);
    };
    let shown = match case.claim(remote) {
        Claim::Nobody | Claim::Ours | Claim::Namesake => true,
        Claim::Sibling => {
            owner.namespace_uid == case.owner.namespace_uid || !facts.owner_alive(owner)?
        }
        Claim::OtherCluster => case.connection.adopt_from.contains(&owner.cluster),
    };
    let message = || {
        format!(
            "{} belongs to {}; over {} only objects of this namespace can be observed, and those of clusters in its spec.adoptFrom; observe it in its own namespace, or through a Connection of this namespace",
            remote.id,
            case.shown_owner(owner),
            case.connection.name
        )
    };
    Ok((!shown).then(|| Verdict::new(Reason::OwnershipConflict, message())))
}

/// Returns the plan of a resource that observed an object which the spec no longer names: it has no object.
#[must_use]
pub fn stop(case: &Case<'_>) -> Option<Plan> {
    case.stopped_observing().then(|| {
        let message =
            "the spec no longer names the observed object; comparing the spec with Metorial";
        let mut plan = Plan::because(Reason::Updating, message).with_retry(Retry::Now);
        plan.verdict.keeps_conditions = true;
        plan.steps.push(Step::Unbind);
        plan
    })
}
