//! Whether the remote object is in sync with the spec. Where it is, a failure changes nothing on the resource.

use super::case::Case;
use super::differences::differences;
use super::expiry::has_expired;
use super::export;
use super::facts::Facts;
use super::presence::Presence;

/// Returns whether the API has everything that is desired, as far as the recorded state and the facts read so far show.
#[must_use]
pub fn in_sync(case: &Case<'_>, facts: &Facts) -> bool {
    if case.observes() && case.record.id.is_some() {
        return true;
    }
    let Ok(desired) = case.desired else {
        return false;
    };
    let presence = case.object_id().map(|id| Presence::read(case, facts, id));
    match (presence, desired.source.exports()) {
        (Some(Ok(Presence::Live(remote))), Some(exports)) => {
            // Tokens that only have to be renewed are still what the Secret should hold.
            !export::is_pending(case, facts, exports, &remote).unwrap_or(false)
                && !has_expired(case, &case.record.export)
        }
        (Some(Ok(Presence::Live(remote))), None) => {
            differences(desired, &remote, &case.record).is_empty()
        }
        _ => case.record.acknowledged(desired),
    }
}

/// Returns whether a transient failure leaves the conditions of the resource as they are.
#[must_use]
pub fn keeps_conditions(case: &Case<'_>, facts: &Facts) -> bool {
    case.record.reported && in_sync(case, facts)
}
