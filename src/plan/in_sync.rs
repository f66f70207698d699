//! Whether the remote object is in sync with the spec. Where it is, a failure changes nothing on the resource.

use super::case::Case;
use super::differences::differences;
use super::expiry::has_expired;
use super::facts::Facts;
use super::last_export;
use super::presence::Presence;
use super::verdict::Verdict;

/// Returns whether the API has everything that is desired, as far as the recorded state and the facts read so far show.
#[must_use]
pub fn in_sync(case: &Case<'_>, facts: &Facts) -> bool {
    if case.observes() && case.record.id.is_some() && !case.stopped_observing() {
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
                    last_export::is_due(case, facts, exports, &remote).unwrap_or(false)
                }
                _ => false,
            };
            // Tokens that only have to be renewed are still what the Secret should hold.
            acknowledged && held && !due && !has_expired(case, &case.record.export)
        }
        (Some(Ok(Presence::Live(remote))), None) => {
            differences(desired, &remote, &case.record).is_empty()
        }
        _ => acknowledged,
    }
}

/// Returns the verdict on a resource that a failure keeps from being reconciled, though the failure passes by itself. It leaves the
/// conditions of a resource without a pending change as they are. That it is to use another connection is such a change, which
/// what is recorded of the object does not show.
#[must_use]
pub fn passing(case: &Case<'_>, facts: &Facts, verdict: Verdict) -> Verdict {
    let connection = case.record.connection.as_ref();
    let moved = connection.is_some_and(|recorded| *recorded != case.connection.name);
    Verdict {
        keeps_conditions: case.record.reported && !moved && in_sync(case, facts),
        ..with_known_drift(case, verdict)
    }
}

/// Returns a verdict that nothing was compared for, with the drift that was reported of what is still desired.
#[must_use]
pub fn with_known_drift(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let desired = case.desired.as_ref();
    match desired.is_ok_and(|desired| case.record.acknowledged(desired)) {
        true => verdict.with_drift(case.record.drift.clone()),
        false => verdict,
    }
}
