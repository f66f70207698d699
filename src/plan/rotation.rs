//! Values that the API refuses to change for some objects (◆: credentials of remote and container MCP providers), although it
//! changes them for others. What else differs is applied without them.

use super::case::Case;
use super::desired::Desired;
use super::differences::{Differences, changed};
use super::observed::RemoteView;

/// Removes the fields that the API refused from what a PATCH is to apply. Returns those among them that really changed: the
/// others were only to be sent again, and nobody can have changed them at Metorial either.
pub fn without_refused(
    case: &Case<'_>,
    desired: &Desired,
    remote: &RemoteView,
    found: &mut Differences,
) -> Vec<&'static str> {
    let record = case.record;
    let recorded = record.id.as_ref() == Some(&remote.id);
    // Where nothing is recorded of a field, the fingerprint in the marker shows whether one of them changed.
    let really = |name: &&'static str| match record.input(name).filter(|_| recorded) {
        Some(_) => changed(desired, record, name),
        None => found.fingerprint,
    };
    let differ = |name: &&'static str| found.fields.contains(name);
    let refused = case.refused.iter().copied().filter(differ);
    let (blocked, unchanged): (Vec<_>, Vec<_>) = refused.partition(really);
    for name in blocked.iter().chain(&unchanged) {
        found.remove(name);
    }
    // It stands for all of them, and some are not sent.
    found.fingerprint &= blocked.is_empty();
    blocked
}
