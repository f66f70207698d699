//! Objects that a spec names and that are not the resource's own: an auth config to import into or to export, a vault, a
//! deployment, an object to adopt. The marker on an object decides whose it is, whatever id a spec names.

use super::backoff::Backoff;
use super::case::Case;
use super::desired::{Desired, External, Used};
use super::facts::{Facts, MaxAge, Query};
use super::observed::RemoteView;
use super::ownership::Claim;
use super::steps::{Plan, Step};
use super::verdict::Verdict;
use crate::resources::Reason;
use metorial::Collection;

/// Returns the plan of a resource that names an object by its id over a connection which does not allow that: the key is the
/// administrator's, and reaches the objects of everybody.
#[must_use]
pub fn id_not_allowed(case: &Case<'_>) -> Option<Plan> {
    let field = field_with_id(case)?;
    (!case.connection.external_ids).then(|| not_allowed(case, field))
}

/// Returns the plan of a resource that is to adopt an object by its id over a connection which does not allow that. The
/// field has no effect on a resource that has an object, which carries its marker.
#[must_use]
pub fn adoption_not_allowed(case: &Case<'_>) -> Option<Plan> {
    let adopts = case.observes() || case.record.id.is_none();
    let names = adopts && case.policy.adopt.is_some();
    (names && !case.connection.external_ids).then(|| not_allowed(case, "spec.adopt.id"))
}

fn not_allowed(case: &Case<'_>, field: &str) -> Plan {
    let message = format!(
        "{} does not allow {field}: refer to a resource instead, or ask the owner of the connection to set spec.externalIds: Allow",
        case.connection.name
    );
    Plan::because(Reason::OwnershipConflict, message)
}

/// Returns the field that names an object by its id.
fn field_with_id(case: &Case<'_>) -> Option<&'static str> {
    let desired = case.desired()?;
    let by_id = |external: &External| external.owner.is_none();
    let mut uses = desired.uses.iter();
    if desired.source.external().is_some_and(by_id) {
        return Some("spec.authConfigId");
    }
    let used = uses.find(|used| !allows_unmarked(used) && by_id(&used.object));
    used.map(|used| used.field)
}

/// Returns true if an id may name an object that no resource made, over whatever connection: most deployments are made by hand,
/// and what belongs to one does not change it.
fn allows_unmarked(used: &Used) -> bool {
    used.collection == Collection::Deployments
}

/// Returns why an object that the spec refers to, or names, must not be used: it carries the marker of a resource other
/// than that, or none at all over a connection that does not allow it. The status that a reference leads to is a hint, too.
#[must_use]
pub fn foreign_object(
    case: &Case<'_>,
    external: &External,
    remote: &RemoteView,
) -> Option<Verdict> {
    let Some(marker) = &remote.marker else {
        return unmarked_not_allowed(case, remote, "a resource");
    };
    let referred = external.owner.as_ref() == Some(&marker.owner.uid);
    if referred || case.claim(remote) == Claim::Ours {
        return None;
    }
    let next_step = if marker.owner.namespace == case.owner.namespace {
        "use a reference to that resource"
    } else {
        "use a reference to that resource, and have its owner add this namespace to spec.allowedNamespaces"
    };
    let message = format!(
        "{} belongs to {}; {next_step}",
        remote.id,
        case.shown_owner(&marker.owner)
    );
    Some(Verdict::new(Reason::OwnershipConflict, message))
}

/// Returns the report that the object of a resource which the spec refers to is gone: that resource is about to create another,
/// or to report why not.
#[must_use]
pub fn gone_of_reference(id: &str) -> Verdict {
    let message = format!(
        "{id} no longer exists at Metorial; waiting for the referenced resource; see its conditions"
    );
    Verdict::new(Reason::ReferenceNotReady, message)
}

/// Returns why an object that carries no marker must not be used, where the connection does not allow it. `of`: whose marker
/// it would have to be.
#[must_use]
pub fn unmarked_not_allowed(case: &Case<'_>, remote: &RemoteView, of: &str) -> Option<Verdict> {
    if case.connection.external_ids {
        return None;
    }
    let message = format!(
        "{} carries no marker of {of}, and {} allows only objects that do; ask the owner of the connection to set spec.externalIds: Allow",
        remote.id, case.connection.name
    );
    Some(Verdict::new(Reason::OwnershipConflict, message))
}

/// Bases a plan that imports into an object of somebody else, or exports from it, on a read of this reconciliation: its owner
/// may have marked it since the last one, and neither can be taken back. The decision is made again with that read, so the
/// checks above see it.
///
/// # Errors
/// The object was read before this reconciliation.
pub fn require_fresh_read(desired: &Desired, facts: &Facts, plan: Plan) -> Result<Plan, Query> {
    let uses = |step: &Step| matches!(step, Step::Import { .. } | Step::Export { .. });
    if let Some(external) = desired.source.external()
        && plan.has(uses)
    {
        facts.remote(&external.id, MaxAge::ThisReconciliation)?;
    }
    Ok(plan)
}

/// Refuses to create an object that names another one which must not be used.
///
/// # Errors
/// The other one was not read.
pub fn refuse_foreign_objects(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    plan: Plan,
) -> Result<Plan, Query> {
    if !plan.creates() {
        return Ok(plan);
    }
    for used in &desired.uses {
        let by_id = allows_unmarked(used) && used.object.owner.is_none();
        // A connection that allows all ids also allows this one. The object isn't read: the key may lack the scope. Over a shared
        // connection it may be another namespace's.
        if by_id && case.connection.external_ids && !case.connection.shared {
            continue;
        }
        let remote = facts.used(used.collection, &used.object.id)?;
        let is_live = remote.is_some_and(|remote| remote.live);
        if !is_live && used.object.owner.is_some() {
            // A read may lag behind its creation.
            let gone = Plan::report(gone_of_reference(&used.object.id));
            return Ok(gone.with_backoff(Backoff::transient()));
        }
        let remote = remote.filter(|remote| !by_id || remote.marker.is_some());
        if let Some(conflict) = remote.and_then(|remote| foreign_object(case, &used.object, remote))
        {
            return Ok(Plan::report(conflict));
        }
    }
    Ok(plan)
}
