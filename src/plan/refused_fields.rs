//! Values that the API refuses to change for some objects (◆: credentials of remote and container MCP providers), although it
//! changes them for others. What else differs is applied without them.

use super::case::Case;
use super::desired::Desired;
use super::differences::{Differences, changed};
use super::facts::{Facts, Query};
use super::observed::RemoteView;

/// Removes the fields that the API refused from what a PATCH is to apply. Returns those among them that really changed: the
/// others were only to be sent again, and nobody can have changed them at Metorial either.
///
/// # Errors
/// The server was not asked which fields it takes.
pub fn without_refused(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &RemoteView,
    found: &mut Differences,
) -> Result<Vec<&'static str>, Query> {
    let record = &case.record;
    let recorded = record.id.as_ref() == Some(&remote.id);
    // Where nothing is recorded of a field, the fingerprint in the marker shows whether one of them changed.
    let really = |name: &&'static str| match record.input(name).filter(|_| recorded) {
        Some(_) => changed(desired, record, name),
        None => found.fingerprint,
    };
    let refused = refused(case, desired, facts, remote, found)?;
    let (blocked, unchanged): (Vec<_>, Vec<_>) = refused.into_iter().partition(really);
    for name in blocked.iter().chain(&unchanged) {
        found.remove(name);
    }
    // It stands for all of them, and some are not sent.
    found.fingerprint &= blocked.is_empty();
    Ok(blocked)
}

/// Returns the differing fields that the API refused, or that the server does not take. One build answers a PATCH of these
/// fields with success and ignores them (◆), which shows in its description of itself; where it has none, in the object.
fn refused(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &RemoteView,
    found: &Differences,
) -> Result<Vec<&'static str>, Query> {
    let mut differing = found.refusable(desired);
    let known = |name: &&'static str| case.refused.contains(name);
    if !differing.iter().all(known) {
        let taken = facts.patch_fields()?;
        let key = |name: &str| desired.remedy(name)?.patch_key();
        let ignored = |name: &str| match taken {
            Some(taken) => key(name).is_none_or(|it| !taken.contains(it)),
            None => remote.ignores_rotation,
        };
        differing.retain(|name| known(name) || ignored(name));
    }
    Ok(differing)
}
