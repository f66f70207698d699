//! Deletion: by the recorded id and the marker, never from the spec, and never of what is somebody else's.

use super::backoff::{Backoff, Retry};
use super::case::Case;
use super::facts::{Facts, MaxAge, Query};
use super::not_ready::NotReady;
use super::observed::{Dependent, Relation, RemoteView};
use super::ownership::Claim;
use super::presence::Presence;
use super::record::Writes;
use super::recover;
use super::steps::{Plan, Step};
use super::verdict::EventReason;
use crate::resources::{DeletionPolicy, Reason};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Decides about a resource that is being deleted.
///
/// # Errors
/// The fact that has to be read first.
pub fn delete(case: &Case<'_>, facts: &Facts) -> Result<Plan, Query> {
    let record = &case.record;
    if !record.finalizer {
        return Ok(release(Vec::new()));
    }
    if case.policy.leaves_remote() {
        return Ok(orphan(case));
    }
    let never_created = record.id.is_none() && record.writes == Writes::NothingCreated;
    if never_created && record.pending_deletion.is_empty() {
        return Ok(release(Vec::new()));
    }
    if let Some(cause) = connection_blocks(case) {
        let blocked = || connection_blocked(case, facts, &cause);
        return orphan_after_timeout(case).map_or_else(blocked, Ok);
    }
    remote_objects(case, facts)
}

/// Returns the plan that leaves the object behind, where the connection allows it and its time has come.
#[must_use]
pub fn orphan_after_timeout(case: &Case<'_>) -> Option<Plan> {
    case.orphans.then(|| orphan(case))
}

/// Decides about the objects at Metorial.
fn remote_objects(case: &Case<'_>, facts: &Facts) -> Result<Plan, Query> {
    let record = &case.record;
    let current = match &record.id {
        Some(id) => match Presence::read(case, facts, id)? {
            Presence::Live(remote) => Some(remote),
            Presence::Gone => None,
            Presence::Lagging => return Ok(wait(case)),
        },
        None => None,
    };
    let owned = current.as_ref().is_some_and(|it| is_ours(case, it));
    let unrecorded = if !may_be_unrecorded(case, owned) {
        Unrecorded::default()
    } else if may_search(case) {
        find_unrecorded(case, facts, current.is_some(), owned)?
    } else {
        return Ok(orphan_after_timeout(case).unwrap_or_else(|| not_admitted(case)));
    };
    if unrecorded.uncertain && !record.settled() {
        return Ok(wait(case));
    }
    if unrecorded.uncertain
        && current.is_none()
        && unrecorded.ids.is_empty()
        && let Some(plan) = recover::sent_elsewhere(case, facts, Reason::Deleting)?
    {
        return Ok(plan);
    }
    delete_all(case, facts, current.as_ref(), unrecorded.ids)
}

/// The objects of the resource that nothing records.
#[derive(Default)]
struct Unrecorded {
    ids: Vec<String>,
    /// True if there may be more, which reads don't show yet.
    uncertain: bool,
}

/// Returns true if there may be an object that is not recorded, given whether the recorded one is `owned`. A replacement, or a
/// create whose response was lost, may have left one. A replacement is announced in the status: only a status that was restored
/// since lacks one, and that object is in every list.
fn may_be_unrecorded(case: &Case<'_>, owned: bool) -> bool {
    let record = &case.record;
    if owned {
        record.replacement.is_some() || case.policy.replaces() && record.may_have_unrecorded_write()
    } else {
        record.may_have_created()
    }
}

/// Returns true if the namespace may search with the connection's key, or the deletion can do without.
fn may_search(case: &Case<'_>) -> bool {
    let refusal = case.connection.refusal.as_ref();
    refusal.is_none_or(|refusal| case.record.id.is_some() && !refusal.transient)
}

/// Searches for the objects that are not recorded, where there may be any.
fn find_unrecorded(
    case: &Case<'_>,
    facts: &Facts,
    has_current: bool,
    owned: bool,
) -> Result<Unrecorded, Query> {
    let found = if case.connection.refusal.is_none() {
        case.claimed(facts.search()?)
    } else {
        Vec::new()
    };
    let absent = !has_current && found.is_empty();
    Ok(Unrecorded {
        ids: found.iter().map(|remote| remote.id.clone()).collect(),
        uncertain: absent || owned && case.record.replacement.is_some(),
    })
}

/// Deletes the objects, unless others depend on them.
fn delete_all(
    case: &Case<'_>,
    facts: &Facts,
    current: Option<&Arc<RemoteView>>,
    unrecorded: Vec<String>,
) -> Result<Plan, Query> {
    let ours = current.filter(|remote| is_ours(case, remote));
    let to_delete = to_delete(case, ours, unrecorded);
    if case.policy.deletion == DeletionPolicy::Delete && !to_delete.is_empty() {
        let current = current.map(|remote| &**remote);
        let blocking = blocking(facts.dependents(&to_delete)?, current);
        if !blocking.is_empty() {
            return Ok(blocked_by(case, &to_delete, &blocking));
        }
    }
    let plan = release(to_delete);
    Ok(match current.filter(|remote| !is_ours(case, remote)) {
        None => plan,
        Some(remote) => report_left_behind(case, plan, remote),
    })
}

/// Reports the recorded object that is left at Metorial, because it doesn't carry the resource's marker. One that carries
/// none at all is of nobody's concern any more, so its id is recorded.
fn report_left_behind(case: &Case<'_>, mut plan: Plan, remote: &RemoteView) -> Plan {
    let why = match case.claim(remote) {
        Claim::Nobody => "carries no marker of this resource",
        _ if is_of_lost_installation(case, remote) => "carries the marker of another installation",
        _ => "belongs to another resource",
    };
    if is_abandoned(case, remote) {
        plan.steps.insert(0, Step::RecordOrphan(remote.id.clone()));
    }
    let note = format!("{} {why} and was left at Metorial", remote.id);
    plan.with_event(EventReason::Orphaned, note)
}

/// Returns the ids to delete: the current object last, before it the replaced ones and those that were not recorded.
fn to_delete(
    case: &Case<'_>,
    current: Option<&Arc<RemoteView>>,
    found: Vec<String>,
) -> Vec<String> {
    let current = current.map(|remote| remote.id.clone());
    let pending = case.record.pending_deletion.iter();
    let pending = pending.map(|(id, _)| id.clone());
    let others: BTreeSet<String> = pending
        .chain(found)
        .filter(|id| Some(id) != current.as_ref())
        .collect();
    others.into_iter().chain(current).collect()
}

/// Returns what the ConfigMap of orphans records of an object that is left behind, as key and text.
#[must_use]
pub fn orphan_record(case: &Case<'_>, id: &str) -> (String, String) {
    let owner = &case.owner;
    let entry = json!({
        "kind": owner.kind,
        "namespace": owner.namespace,
        "name": owner.name,
        "id": id,
        "instanceId": case.record.instance,
        "recordedAt": format!("{:.3}", case.now),
    });
    (format!("{}.{id}", owner.uid), entry.to_string())
}

/// Keeps a plan from deleting anything but objects that carry this resource's marker in a read of this reconciliation. What
/// the status records is a hint: it may be wrong, restored from a backup, or falsified.
///
/// # Errors
/// An object was not read.
pub fn only_own_objects(case: &Case<'_>, facts: &Facts, mut plan: Plan) -> Result<Plan, Query> {
    let mut steps = Vec::new();
    for step in std::mem::take(&mut plan.steps) {
        let (Step::Delete(id) | Step::DeleteReplaced(id)) = &step else {
            steps.push(step);
            continue;
        };
        let id = id.clone();
        let read = facts.remote(&id, MaxAge::ThisReconciliation)?;
        match Presence::from_read(&id, read.view.as_ref(), &case.record) {
            Presence::Live(remote) if is_ours(case, &remote) => steps.push(step),
            Presence::Live(remote) => {
                let abandoned = is_abandoned(case, &remote);
                steps.extend(abandoned.then(|| Step::RecordOrphan(id.clone())));
                steps.push(Step::Forget(id));
            }
            Presence::Gone => steps.push(Step::Forget(id)),
            Presence::Lagging if case.terminating => return Ok(wait(case)),
            Presence::Lagging => {
                steps.push(Step::DeleteLater(id));
                plan.retry = Retry::Backoff(Backoff::transient());
            }
        }
    }
    Ok(Plan { steps, ..plan })
}

/// Returns true if no resource owns the object once this one releases it.
fn is_abandoned(case: &Case<'_>, remote: &RemoteView) -> bool {
    case.claim(remote) == Claim::Nobody || is_of_lost_installation(case, remote)
}

/// Returns true if the object is of this very resource, under the identity of an installation that was lost.
fn is_of_lost_installation(case: &Case<'_>, remote: &RemoteView) -> bool {
    let owner = remote.marker.as_ref().map(|marker| &marker.owner);
    owner.is_some_and(|owner| owner.uid == case.owner.uid && owner.cluster == case.owner.cluster)
        && case.claim(remote) == Claim::OtherCluster
}

/// Returns true if a deletion may touch this object: it carries our marker, or that of our predecessor of the same name.
fn is_ours(case: &Case<'_>, remote: &RemoteView) -> bool {
    matches!(case.claim(remote), Claim::Ours | Claim::Namesake)
}

/// Returns why a deletion can't be tried, and what a user can do about it. A connection or a key that is gone is no reason while
/// the last good one is known.
fn connection_blocks(case: &Case<'_>) -> Option<String> {
    let connection = &case.connection;
    let name = &connection.name;
    Some(match (&connection.instance, &connection.problem) {
        (Some(here), problem) if problem.as_ref().is_none_or(NotReady::keeps_session) => {
            let there = case.record.instance.as_ref();
            let there = there.filter(|there| *there != here)?;
            format!(
                "{name} belongs to another instance than {there}, where the object is; create another connection with a key of that instance"
            )
        }
        (_, Some(problem)) => {
            format!("{name}: {}: {}", problem.reason, problem.message)
        }
        (_, None) => format!("{name} is not ready; repair the connection"),
    })
}

/// Returns the plan of a deletion that can't be tried. A connection or a Secret that is gone can't be created again in a
/// namespace that is being deleted.
fn connection_blocked(case: &Case<'_>, facts: &Facts, cause: &str) -> Result<Plan, Query> {
    let problem = case.connection.problem.as_ref();
    let gone = problem.is_some_and(NotReady::is_gone);
    let alternative = if gone && !case.connection.shared && facts.namespace_terminating()? {
        "its namespace is being deleted, so"
    } else {
        "or"
    };
    Ok(blocked(format!(
        "can't delete at Metorial: {cause}; {alternative} set spec.deletionPolicy: Orphan to leave the remote object at Metorial"
    )))
}

/// Returns the plan of a resource whose namespace may not use the connection any more, and whose object would have to be
/// searched for with the key of somebody else.
fn not_admitted(case: &Case<'_>) -> Plan {
    let refusal = case.connection.refusal.as_ref();
    let cause = refusal.map_or("", |refusal| refusal.message.as_str());
    let message = format!(
        "can't search Metorial for the object of this resource: {cause}; or set spec.deletionPolicy: Orphan to leave it there"
    );
    blocked(message)
}

/// Returns the plan of a deletion that can't reach its object.
fn blocked(message: String) -> Plan {
    let plan = Plan::because(Reason::DeletionBlocked, message);
    Plan {
        deletion_blocked: true,
        ..plan.with_backoff(Backoff::transient())
    }
}

fn wait(case: &Case<'_>) -> Plan {
    let message = "a write may still be applied; waiting until reads are sure to show it before the deletion continues";
    Plan::wait_until_settled(&case.record, Reason::Deleting, message)
}

/// Returns the plan that leaves the objects at Metorial. Their ids are recorded first: nothing else knows them then.
fn orphan(case: &Case<'_>) -> Plan {
    let mut plan = release(Vec::new());
    // What belongs to somebody else is nobody's orphan.
    if case.policy.lifecycle.external {
        return plan;
    }
    let pending = case.record.pending_deletion.iter().map(|(id, _)| id);
    let ids = case.record.id.iter().chain(pending);
    let record = ids.cloned().map(Step::RecordOrphan);
    plan.steps.splice(0..0, record);
    match &case.record.id {
        None => plan,
        Some(id) => plan.with_event(EventReason::Orphaned, format!("{id} was left at Metorial")),
    }
}

fn release(ids: Vec<String>) -> Plan {
    let mut steps: Vec<Step> = ids.into_iter().map(Step::Delete).collect();
    steps.push(Step::RemoveFinalizer);
    let plan = Plan::because(Reason::Deleting, "deleted at Metorial");
    Plan {
        steps,
        ..plan.with_retry(Retry::OnChange)
    }
}

/// Returns the dependents that a deletion waits for, each object once.
fn blocking<'a>(dependents: &'a [Dependent], current: Option<&RemoteView>) -> Vec<&'a Dependent> {
    let mut seen = BTreeSet::new();
    let waits = |it: &&Dependent| !waits_for(it, current);
    let mut blocking: Vec<&Dependent> = dependents.iter().filter(waits).collect();
    blocking.retain(|dependent| seen.insert(dependent.id.as_str()));
    blocking
}

/// Returns true if the deletion of a dependent waits for that of the current object: a config that belongs to the deployment
/// whose default it is. Of two that would wait for each other, the one that belongs to the other goes first.
fn waits_for(dependent: &Dependent, current: Option<&RemoteView>) -> bool {
    let terminating = Relation::DefaultConfig { terminating: true };
    let belongs_to = current.and_then(|current| current.details.deployment_id.as_ref());
    dependent.relation == terminating && belongs_to == Some(&dependent.id)
}

/// Reports what depends on the objects. The objects of other namespaces are counted and not named, unless the connection is not
/// shared and its own key shows them.
fn blocked_by(case: &Case<'_>, to_delete: &[String], dependents: &[&Dependent]) -> Plan {
    let may_be_named = |dependent: &&&Dependent| {
        let here = dependent.namespace.as_ref() == Some(&case.owner.namespace);
        // What only the cluster shows may belong to another tenant, even where the connection is the namespace's own.
        let own_key_shows_it = dependent.relation == Relation::Parent && !case.connection.shared;
        here || own_key_shows_it
    };
    let named: Vec<String> = dependents
        .iter()
        .filter(may_be_named)
        .take(10)
        .map(|dependent| match &dependent.name {
            Some(name) => format!("{} ({name})", dependent.id),
            None => dependent.id.clone(),
        })
        .collect();
    let ids = to_delete.join(", ");
    let named = match (named.len(), dependents.len() - named.len()) {
        (0, _) => String::new(),
        (_, 0) => format!(": {}", named.join(", ")),
        (_, more) => format!(": {} and {more} more", named.join(", ")),
    };
    let count = dependents.len();
    let along = |it: &&Dependent| it.relation == Relation::Parent;
    let (loss, cascade) = if dependents.iter().any(along) {
        (
            format!("would also delete {count} object(s) that depend on it"),
            "deletes them too".to_owned(),
        )
    } else {
        (
            format!("would leave {count} deployment(s) without their default config"),
            format!("deletes {ids} all the same"),
        )
    };
    let message = format!(
        "deleting {ids} {loss}{named}; delete those first, or set spec.deletionPolicy: Cascade ({cascade}) or Orphan (leaves {ids} at Metorial)"
    );
    Plan::because(Reason::DeletionBlocked, message).with_backoff(Backoff::transient())
}
