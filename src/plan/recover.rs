//! Recovery of an object that was created but not recorded: after a crash, a lost response or a lost status. An object that
//! carries our marker is ours; only where a complete search finds none, and none can still turn up, is one created.

use super::backoff::{Backoff, Retry};
use super::case::Case;
use super::desired::Desired;
use super::differences::differences;
use super::facts::{Facts, Query};
use super::fields::{Remedy, Role, is_blank};
use super::observed::RemoteView;
use super::ownership::Claim;
use super::record::Elsewhere;
use super::refused_fields;
use super::steps::{Plan, Step, bind, create};
use super::verdict::{EventReason, Verdict};
use crate::resources::{Reason, Replace};
use serde_json::Value;
use std::sync::Arc;

/// The report of a resource while it is not known whether its create was applied.
pub const SEARCHING: &str =
    "a create may have been applied; searching for the object before another is created";

/// Decides by a complete search. What was created before a crash, or by a request whose response was lost, is found by its
/// marker.
///
/// # Errors
/// The fact that has to be read first.
pub fn recover(case: &Case<'_>, desired: &Desired, facts: &Facts) -> Result<Plan, Query> {
    let mine = case.claimed(facts.search()?);
    Ok(match choose(case, desired, &mine) {
        Some((remote, others)) => {
            if let Some(conflict) = created_otherwise(case, desired, facts, remote)? {
                return Ok(Plan::report(conflict));
            }
            let mut plan = bind_found(case, desired, facts, &Arc::new(remote.clone()))?;
            // Nobody searches any more once an object is bound, so the others come first.
            plan.steps.splice(0..0, others);
            plan
        }
        None if case.record.settled() => {
            let elsewhere = sent_elsewhere(case, facts, Reason::AmbiguousCreate)?;
            elsewhere.unwrap_or_else(|| Plan::synced(desired, create()))
        }
        None => Plan::wait_until_settled(&case.record, Reason::AmbiguousCreate, SEARCHING),
    })
}

/// Returns the plan of a resource that is to adopt an object, but may have one already that nothing records: `adopt` has no
/// effect on it then, and may name an object that was replaced long ago. `None` where it has none.
///
/// # Errors
/// The fact that has to be read first.
pub fn before_adoption(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
) -> Result<Option<Plan>, Query> {
    let record = &case.record;
    let adopts = record.id.is_none() && desired.source.external().is_none() && !case.observes();
    if !adopts || !record.may_have_created() {
        return Ok(None);
    }
    if let Some(wait) = Plan::wait_for_answered_write(record, Reason::AmbiguousCreate, SEARCHING) {
        return Ok(Some(wait));
    }
    let plan = recover(case, desired, facts)?;
    Ok((!plan.creates()).then_some(plan))
}

/// Returns the plan of a resource whose create may have been sent to an instance other than its connection opens now. The process
/// that sent it knows the instance, and records it; after a crash in between, only a search in all instances that the namespace can
/// reach shows it. A spec that names its connection and was never edited costs none.
///
/// # Errors
/// They were not searched.
pub fn sent_elsewhere(
    case: &Case<'_>,
    facts: &Facts,
    reason: Reason,
) -> Result<Option<Plan>, Query> {
    let record = &case.record;
    // The instance of an observed object says nothing about a create.
    let is_known = record.id.is_some() || record.instance.is_some() && record.observed.is_none();
    if is_known || case.generation == 1 && case.connection.named {
        return Ok(None);
    }
    Ok(match facts.other_instances()? {
        Elsewhere::Nothing => None,
        Elsewhere::Found(there) => {
            let message = format!(
                "a create was sent to instance {} through {}; recording this before anything else is sent",
                there.instance, there.connection
            );
            let steps = vec![Step::RecordDestination(there.clone())];
            let plan = Plan::because(reason, message).with_retry(Retry::Now);
            Some(Plan { steps, ..plan })
        }
        Elsewhere::Unknown(there) => {
            let message = format!(
                "a create may have been applied in instance {}, which can't be searched now; repair or delete {}",
                there.instance, there.connection
            );
            Some(Plan::because(reason, message).with_backoff(Backoff::transient()))
        }
    })
}

/// Returns why an object is not bound: the spec was edited while it was not known whether the object exists, and names other
/// ids now than those that it was created with. That stays so until the edit is undone, whatever was reported meanwhile. A spec
/// that was never edited costs no read.
fn created_otherwise(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &RemoteView,
) -> Result<Option<Verdict>, Query> {
    let edited = case.generation > 1;
    if !edited || case.restored(remote) {
        return Ok(None);
    }
    for field in &desired.fields {
        let fixed = field.rule.remedy == Remedy::Fixed && !is_blank(field.expose());
        let Some(name) = field.expose().as_str().filter(|_| fixed) else {
            continue;
        };
        let theirs = match field.rule.role {
            Role::Provider => remote.details.provider_id.as_deref(),
            Role::Deployment => remote.fields.get(field.rule.name).and_then(Value::as_str),
            Role::AuthMethod => auth_method(remote).filter(|_| name.starts_with(METHOD)),
            _ => None,
        };
        let other = theirs.is_some_and(|theirs| theirs != name);
        if other && (field.rule.role != Role::Provider || facts.provider(name)? != theirs) {
            let message = format!(
                "{} was created with another spec.{} before the spec was edited; undo that change, or delete this resource and create it again",
                remote.id, field.rule.name
            );
            return Ok(Some(Verdict::new(Reason::ImmutableFieldChanged, message)));
        }
    }
    Ok(None)
}

/// The prefix of the ids of auth methods. A spec may name one in another way, which can't be compared.
const METHOD: &str = "pam_";

/// Returns the id of the auth method that the object was created with.
fn auth_method(remote: &RemoteView) -> Option<&str> {
    let method = remote.auth_method.as_deref();
    method.filter(|id| id.starts_with(METHOD))
}

/// Chooses the object among several, and what happens to the others.
///
/// Of a kind whose objects are replaced, a replacement makes a second one: that with the desired values is in use, and the former
/// is deleted as after any replacement. A value that was changed back and forth may make more of them fit: then the newest is in
/// use. Where replacements are not allowed, and for any other kind, only a repeated create makes equal ones: the oldest stays.
fn choose<'a>(
    case: &Case<'_>,
    desired: &Desired,
    mine: &[&'a RemoteView],
) -> Option<(&'a RemoteView, Vec<Step>)> {
    let oldest = *mine.first()?;
    let replaces = case.policy.replaces();
    let chosen = if replaces {
        let fits = |remote: &&&RemoteView| {
            differences(desired, remote, &case.record).is_without_replacement(desired)
        };
        let mut fitting = mine.iter().filter(fits);
        let chosen = match case.policy.lifecycle.replace {
            Some(Replace::Never) => fitting.next(),
            _ => fitting.next_back(),
        };
        *chosen.or(mine.last())?
    } else {
        oldest
    };
    let others = mine.iter().filter(|other| other.id != chosen.id);
    // Of a predecessor's objects one is bound; the others are left alone.
    let others = others.filter(|other| replaces || case.claim(other) == Claim::Ours);
    let step: fn(String) -> Step = if replaces {
        Step::DeleteLater
    } else {
        Step::Delete
    };
    let steps = others.map(|other| step(other.id.clone())).collect();
    Some((chosen, steps))
}

/// Binds an object that was found by its marker, and applies what a PATCH can apply. The rest follows once the id is
/// recorded.
///
/// # Errors
/// The fact that has to be read first.
fn bind_found(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    remote: &Arc<RemoteView>,
) -> Result<Plan, Query> {
    let mut found = differences(desired, remote, &case.record);
    let blocked = refused_fields::without_refused(case, desired, facts, remote, &mut found)?;
    let complete = !found.needs_import
        && !found.needs_replacement
        && found.fixed.is_empty()
        && blocked.is_empty();
    let step = if found.patches(desired) && complete {
        Step::Update {
            remote: remote.clone(),
            differences: found,
        }
    } else {
        bind(remote)
    };
    let note = format!("found {} by its marker", remote.id);
    let plan = Plan::synced(desired, vec![step]).with_event(EventReason::Recovered, &note);
    Ok(if complete {
        plan
    } else {
        plan.then_compare(&note)
    })
}
