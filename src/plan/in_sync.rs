//! The check that the remote object is in sync with the spec. Where it is, a failure changes nothing on the resource.

use super::backoff::Retry;
use super::case::Case;
use super::desired::Exports;
use super::differences::differences;
use super::expiry::has_expired;
use super::facts::{Facts, Query};
use super::last_export::{self, LastExport};
use super::observed::RemoteView;
use super::pauses::Pause;
use super::presence::Presence;
use super::steps::Plan;
use super::verdict::Verdict;
use crate::resources::{Class, DriftPolicy, Reason};

/// Returns true if the API has everything that is desired, as far as the recorded state and the facts read so far show.
#[must_use]
pub fn in_sync(case: &Case<'_>, facts: &Facts) -> bool {
    if case.observes() && case.record.shown_id().is_some() && !case.stopped_observing() {
        return true;
    }
    let Ok(desired) = case.desired else {
        return false;
    };
    let presence = case.object_id().map(|id| Presence::read(case, facts, id));
    let acknowledged = case.record.acknowledged(desired);
    match (presence, desired.source.exports()) {
        (presence, Some(exports)) => {
            let id = case.object_id().unwrap_or_default();
            let held = last_export::is_held(case, facts, exports, id).unwrap_or(false);
            let due = match presence {
                Some(Ok(Presence::Live(remote))) => {
                    // Where the imports were not listed, what is recorded decides.
                    is_due(case, facts, exports, &remote).unwrap_or(false)
                }
                _ => false,
            };
            // Tokens that only have to be renewed are still what the Secret should hold.
            acknowledged && held && !due && !has_expired(case, &case.record.export)
        }
        (Some(Ok(Presence::Live(remote))), None) => {
            // What is only reported is no pending change.
            let reports = acknowledged && case.policy.drift == DriftPolicy::Report;
            reports || differences(desired, &remote, &case.record).is_empty()
        }
        _ => acknowledged,
    }
}

/// Returns true if another export is due, whether or not the tokens of the last one expire.
fn is_due(
    case: &Case<'_>,
    facts: &Facts,
    exports: &Exports,
    remote: &RemoteView,
) -> Result<bool, Query> {
    let last = LastExport::read(case, facts, exports, &remote.id)?;
    Ok(last.is_period_over(case, exports) || last.is_outdated(facts, exports, remote)?)
}

/// Returns the verdict on a resource that a failure keeps from being reconciled, though the failure passes by itself. It leaves the
/// conditions of a resource without a pending change as they are. That it is to use another connection is such a change, which
/// what is recorded of the object does not show.
#[must_use]
pub fn passing(case: &Case<'_>, facts: &Facts, verdict: Verdict) -> Verdict {
    let connection = case.record.connection.as_ref();
    let moved = connection.is_some_and(|recorded| *recorded != case.connection.name);
    Verdict {
        keeps_conditions: describes_in_sync(case) && !moved && in_sync(case, facts),
        ..with_known_drift(case, verdict)
    }
}

/// Returns true if the reported conditions may describe a resource that is in sync. A cause why something can't be applied does
/// not: it is over, whether the spec, a reference or a Secret is as before or as it should be. What is reported of the object
/// itself holds until that is read again.
fn describes_in_sync(case: &Case<'_>) -> bool {
    use Reason::*;
    let reason = case.record.reason.as_deref().and_then(Reason::parse);
    reason.is_some_and(|reason| match reason.class() {
        Class::Done | Class::InProgress => true,
        Class::Waiting => false,
        Class::HeldByChoice => reason != Suspended,
        Class::NeedsPerson => matches!(
            reason,
            RemoteMissing
                | SuspiciousLoss
                | OwnershipConflict
                | ValueConflict
                | SecretNotOwned
                | ExportBudgetSpent
                | Expired
        ),
    })
}

/// Returns the plan where it is too early to ask the API. What was reported before the pause still holds, though another cause
/// may have been reported since, which is over.
#[must_use]
pub fn in_pause(case: &Case<'_>, facts: &Facts, pause: &Pause) -> Plan {
    let kept = || {
        Plan::report(Verdict {
            keeps_conditions: true,
            ..Verdict::new(Reason::RemoteUnavailable, "waiting after the last attempt")
        })
    };
    let shown = |reason: Reason| case.record.reason.as_deref() == Some(reason.as_str());
    let plan = match pause.reported.clone() {
        Some(reported) if reported.verdict.keeps_conditions => {
            reported.map_verdict(|verdict| passing(case, facts, verdict))
        }
        Some(reported) if !shown(reported.verdict.reason) => reported,
        _ => kept(),
    };
    plan.with_retry(Retry::After(pause.left))
}

/// Returns a verdict that nothing was compared for, with the drift that was reported of what is still desired.
#[must_use]
pub fn with_known_drift(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let desired = case.desired.as_ref();
    if desired.is_ok_and(|desired| case.record.acknowledged(desired)) {
        verdict.with_drift(case.record.drift.clone())
    } else {
        verdict
    }
}
