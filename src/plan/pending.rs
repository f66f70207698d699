//! Whether a resource has a pending change. Where it has none, a failure changes nothing on it.

use super::backoff::{Backoff, Retry};
use super::case::Case;
use super::differences::differences;
use super::export;
use super::facts::Facts;
use super::presence::Presence;
use super::steps::Plan;
use super::verdict::Verdict;
use crate::resources::Reason;

/// Returns whether the API has everything that is desired, as far as the recorded state and the facts read so far show.
#[must_use]
pub fn nothing_pending(case: &Case<'_>, facts: &Facts) -> bool {
    if case.observes() && case.record.id.is_some() {
        return true;
    }
    let Ok(desired) = case.desired else {
        return false;
    };
    let presence = case.object_id().map(|id| Presence::read(case, facts, id));
    match (presence, desired.source.exports()) {
        (Some(Ok(Presence::Live(remote))), Some(exports)) => {
            !export::is_needed(case, facts, exports, &remote).unwrap_or(false)
        }
        (Some(Ok(Presence::Live(remote))), None) => {
            differences(desired, &remote, case.record).is_empty()
        }
        _ => case.record.acknowledged(desired),
    }
}

/// Returns whether a transient failure leaves the conditions of the resource as they are.
#[must_use]
pub fn keeps_conditions(case: &Case<'_>, facts: &Facts) -> bool {
    case.record.reported && nothing_pending(case, facts)
}

/// Returns the plan where the API's reads lag behind our own writes, so that they say nothing.
#[must_use]
pub fn wait_for_consistent_reads(case: &Case<'_>, facts: &Facts) -> Plan {
    let mut verdict = Verdict::new(
        Reason::RemoteUnavailable,
        "the API's reads lag behind its writes; retrying",
    );
    verdict.keeps_conditions = keeps_conditions(case, facts);
    let backoff = Backoff::transient().until_settled(case.record.settles_in);
    Plan::report(verdict).retry(Retry::Backoff(backoff.holding()))
}
