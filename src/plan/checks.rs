//! The checks before and after a decision, in order: those that keep a resource from being reconciled, and those that keep a
//! plan from being carried out.

use super::backoff::Backoff;
use super::case::Case;
use super::desired::Desired;
use super::expiry::has_expired;
use super::external;
use super::facts::{Facts, Query};
use super::fields::Role;
use super::in_sync::{in_sync, passing, with_known_drift};
use super::not_ready::NotReady;
use super::observe;
use super::outcome::child_refused;
use super::presence::Presence;
use super::schema::ValueSchema;
use super::steps::{Plan, Step};
use super::verdict::Verdict;
use crate::resources::Reason;

/// Returns the plan of a resource for which nothing is done, whatever it desires.
#[must_use]
pub fn held_back(case: &Case<'_>, facts: &Facts) -> Option<Plan> {
    disabled(case).or_else(|| suspended(case, facts))
}

/// Returns the plan of a resource that can't be reconciled now.
#[must_use]
pub fn blocked(case: &Case<'_>, facts: &Facts) -> Option<Plan> {
    connection_not_ready(case, facts)
        .or_else(|| observe::stop(case))
        .or_else(|| wrong_instance(case))
        .or_else(|| external::id_not_allowed(case))
}

/// Returns the plan of a kind that is disabled: it needs no permission to do its work, only to report and to be deleted.
fn disabled(case: &Case<'_>) -> Option<Plan> {
    let setting = case.disabled?;
    let message = format!(
        "{} is disabled in this cluster; ask the administrator to set {setting}, or delete this resource",
        case.owner.kind
    );
    Some(Plan::because(Reason::Forbidden, message))
}

fn suspended(case: &Case<'_>, facts: &Facts) -> Option<Plan> {
    if !case.policy.suspend {
        return None;
    }
    // A ConfigMap that is to be written waits as well.
    let published = case.publish.as_ref() == case.record.published.as_ref();
    let ready = published && in_sync(case, facts);
    let pending = match &case.desired {
        // Tokens that have expired are reported anyway, and are no change of the spec.
        _ if ready || has_expired(case, &case.record.export) => String::new(),
        Ok(_) => ", and a change is pending; remove the field to apply it".to_owned(),
        Err(unresolved) => format!(", and a change may be pending: {}", unresolved.message),
    };
    let message = format!("spec.suspend is true{pending}");
    let mut verdict = Verdict::new(Reason::Suspended, message);
    verdict.ready = ready;
    Some(Plan::report(with_known_drift(case, verdict)))
}

fn connection_not_ready(case: &Case<'_>, facts: &Facts) -> Option<Plan> {
    let NotReady {
        reason,
        message,
        wait,
        ..
    } = case.connection.unusable()?;
    if reason == Reason::NamespaceNotAllowed {
        let verdict = Verdict::new(reason, message);
        return Some(Plan::report(with_known_drift(case, verdict)));
    }
    let verdict = match reason {
        Reason::ConnectionNotFound => Verdict::new(reason, message),
        _ => Verdict::new(
            Reason::ConnectionNotReady,
            format!("{} is not ready: {reason}: {message}", case.connection.name),
        ),
    };
    let backoff = Backoff::transient().at_least(wait.unwrap_or_default());
    Some(Plan::report(passing(case, facts, verdict)).with_backoff(backoff))
}

/// Returns the plan of a resource whose object is in another instance than its connection: a mistake, whatever caused it.
fn wrong_instance(case: &Case<'_>) -> Option<Plan> {
    let here = case.connection.instance.as_ref()?;
    let there = case.record.instance.as_ref().filter(|id| *id != here)?;
    let what = match case.record.shown_id() {
        Some(_) => "the remote object is",
        None => "a create may have been applied",
    };
    // A deletion needs a connection of that instance as well, unless it leaves the object there.
    let orphan = if case.policy.leaves_remote() {
        ""
    } else {
        "set spec.deletionPolicy: Orphan and "
    };
    let message = format!(
        "{what} in instance {there}, but {} belongs to {here}; refer to a connection of {there}, or {orphan}delete this resource",
        case.connection.name
    );
    let verdict = Verdict::new(Reason::InstanceMismatch, message);
    Some(Plan::report(with_known_drift(case, verdict)))
}

/// Refuses a plan that would send a value which violates the published schema.
///
/// # Errors
/// The value was not checked against it.
pub fn refuse_invalid_value(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    plan: Plan,
) -> Result<Plan, Query> {
    let has_value = desired.role(Role::Value).is_some();
    let sends = |step: &Step| matches!(step, Step::Create | Step::Import { .. });
    let (true, Some(schema), true) = (has_value, &desired.schema, plan.has(sends)) else {
        return Ok(plan);
    };
    let of_existing = match desired.source.external() {
        Some(external) => match Presence::read(case, facts, &external.id)? {
            Presence::Live(remote) => Some(ValueSchema::AuthConfig {
                id: remote.id.clone(),
                method: remote.auth_method.clone(),
            }),
            Presence::Gone | Presence::Lagging => None,
        },
        None => None,
    };
    let violations = facts.violations(of_existing.as_ref().unwrap_or(schema))?;
    Ok(match violations {
        None => plan,
        Some(violations) => {
            let message = format!(
                "the value does not conform to the schema that Metorial publishes: {violations}"
            );
            Plan::because(Reason::InvalidValue, message)
        }
    })
}

/// Refuses an export that Kubernetes would not accept into the Secret: nothing is exported then, since an export can't be
/// taken back.
///
/// # Errors
/// The dry run was not made.
pub fn refuse_unwritable_secret(
    desired: &Desired,
    facts: &Facts,
    plan: Plan,
) -> Result<Plan, Query> {
    let exports = |step: &Step| matches!(step, Step::Export { .. });
    let Some(wanted) = desired.source.exports().filter(|_| plan.has(exports)) else {
        return Ok(plan);
    };
    let refusal = facts.refusal(&wanted.secret)?;
    Ok(refusal.map_or(plan, child_refused))
}
