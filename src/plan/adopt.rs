//! Ownership of a remote object, and the adoption of an existing one.

use super::case::Case;
use super::desired::Desired;
use super::differences::{Differences, differences};
use super::external;
use super::facts::{Facts, Query};
use super::fields::{Remedy, Role};
use super::observed::RemoteView;
use super::ownership::{Claim, MARKER_FIELD};
use super::refused_fields;
use super::steps::{Plan, bind};
use super::update::{fresh_update, refused};
use super::verdict::{EventReason, Verdict};
use crate::resources::{AdoptPolicy, Reason};
use std::sync::Arc;

/// Returns why the object must not be written: it is somebody else's and not adopted by name, or an end user authorized it.
///
/// # Errors
/// The existence of its owner was not read.
pub fn conflict(
    case: &Case<'_>,
    facts: &Facts,
    remote: &RemoteView,
) -> Result<Option<Verdict>, Query> {
    if case.claim(remote) == Claim::Nobody
        && let Some(conflict) = external::unmarked_not_allowed(case, remote, "this resource")
    {
        return Ok(Some(conflict));
    }
    let adopts = case.policy.adopts(&remote.id);
    let overrides = adopts.is_some_and(|adopt| adopt.policy == Some(AdoptPolicy::Override));
    let free = match (case.claim(remote), &remote.marker) {
        (Claim::Sibling, Some(marker)) => adopts.is_some() && !facts.owner_alive(&marker.owner)?,
        (Claim::OtherCluster, Some(marker)) => {
            let named = case.connection.adopt_from.contains(&marker.owner.cluster);
            named && overrides && is_adoption(case)
        }
        _ => true,
    };
    if let (false, Some(marker)) = (free, &remote.marker) {
        let advice = match case.claim(remote) {
            Claim::OtherCluster if marker.owner.cluster == case.owner.cluster => {
                "if the operator has lost its fingerprint key since then, set the chart value installationId to that installation"
            }
            Claim::OtherCluster => {
                "to take it over, add that cluster to spec.adoptFrom of the connection and set spec.adopt.policy: Override"
            }
            _ if adopts.is_some() => {
                "waiting for that resource to be deleted; set its spec.deletionPolicy: Orphan before, and this resource adopts the object"
            }
            _ => "delete one of the two resources, or set spec.adopt.id once the other is gone",
        };
        let message = format!(
            "{} belongs to {}; {advice}",
            remote.id,
            case.shown_owner(&marker.owner)
        );
        return Ok(Some(Verdict::new(Reason::OwnershipConflict, message)));
    }
    Ok(remote.authorized_by_user.then(|| {
        let message = format!(
            "{} was authorized by an end user through OAuth and is read-only; set spec.mode: Observe",
            remote.id
        );
        Verdict::new(Reason::AdoptionMismatch, message)
    }))
}

/// Returns true if the object is known by `adopt.id` only: the resource has none of its own.
#[must_use]
pub fn is_adoption(case: &Case<'_>) -> bool {
    case.record.id.is_none()
}

/// Decides about the adoption of an object.
///
/// # Errors
/// The fact that has to be read first.
pub fn adopt(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    if let Some(refusal) = other_provider(desired, facts, remote)? {
        return Ok(Plan::report(refusal));
    }
    let mut found = differences(desired, remote, &case.record);
    if let Some(refusal) = mismatch(case, desired, &found, remote) {
        return Ok(Plan::report(refusal));
    }
    let blocked = refused_fields::without_refused(case, desired, facts, remote, &mut found)?;
    if !blocked.is_empty() {
        return refused(case, desired, facts, remote, &found, &blocked);
    }
    let note = format!("adopted {}", remote.id);
    // Where a PATCH would change nothing, one of ours was applied and not recorded.
    let step = if found.patches(desired) {
        fresh_update(facts, remote, &found)?
    } else {
        bind(remote)
    };
    let plan = Plan::synced(desired, vec![step]).with_event(EventReason::Adopted, note);
    if found.needs_import {
        // The object must be recorded as ours before a value is imported.
        Ok(plan.then_requeue(format!("adopted {}; importing its value next", remote.id)))
    } else {
        Ok(plan)
    }
}

/// Returns why an object of another provider is not adopted. The spec may name the provider by its identifier or slug, the
/// API answers with the canonical id (▲).
fn other_provider(
    desired: &Desired,
    facts: &Facts,
    remote: &RemoteView,
) -> Result<Option<Verdict>, Query> {
    let field = desired.role(Role::Provider);
    let Some(name) = field.and_then(|field| field.expose().as_str()) else {
        return Ok(None);
    };
    let theirs = remote.details.provider_id.as_deref();
    if theirs == Some(name) || facts.provider(name)? == theirs {
        return Ok(None);
    }
    let message = format!(
        "{} is of provider {}, not of {name}; adopt an object of the same provider",
        remote.id,
        theirs.unwrap_or("unknown")
    );
    Ok(Some(Verdict::new(Reason::AdoptionMismatch, message)))
}

/// Returns why an object that differs from the spec is not adopted.
fn mismatch(
    case: &Case<'_>,
    desired: &Desired,
    found: &Differences,
    remote: &RemoteView,
) -> Option<Verdict> {
    let replaced = |field: &str| desired.remedy(field) == Some(Remedy::Replace);
    let other_value = has_other_values(case, desired, remote);
    let entries = found.entries.iter().map(|entry| entry.field.as_str());
    let mismatch: Vec<&str> = entries
        .filter(|field| {
            let hidden = desired.inputs.iter().any(|input| input.field == *field);
            *field != MARKER_FIELD && (!hidden || other_value && replaced(field))
        })
        .collect();
    let refused = |fields: &[&str], way_out: &str| {
        let fields = fields.join(", ");
        let message = format!(
            "{} differs in {fields}; change the spec{way_out}",
            remote.id
        );
        Verdict::new(Reason::AdoptionMismatch, message)
    };
    let fixed =
        |field: &&str| matches!(desired.remedy(field), Some(Remedy::Replace | Remedy::Fixed));
    let fixed: Vec<&str> = mismatch.iter().copied().filter(fixed).collect();
    if !fixed.is_empty() {
        return Some(refused(
            &fixed,
            ", because Metorial can't change these fields",
        ));
    }
    let adopts = case.policy.adopts(&remote.id);
    let policy = adopts.and_then(|adopt| adopt.policy);
    if policy.unwrap_or_default() == AdoptPolicy::Match && !mismatch.is_empty() {
        return Some(refused(&mismatch, ", or set spec.adopt.policy: Override"));
    }
    None
}

/// Returns true if the object was made with other values that can't be read, as its marker shows. That of another resource, or
/// under another key, shows nothing: then they are taken to be the desired ones.
fn has_other_values(case: &Case<'_>, desired: &Desired, remote: &RemoteView) -> bool {
    let comparable = matches!(case.claim(remote), Claim::Ours | Claim::Namesake);
    let theirs = remote.marker.as_ref().filter(|_| comparable);
    let theirs = theirs.and_then(|marker| marker.fingerprint.as_ref());
    let ours = desired.marker.fingerprint.as_ref();
    let (Some(theirs), Some(ours)) = (theirs, ours) else {
        return false;
    };
    theirs.same_key(ours) && theirs != ours
}
