//! Creation: at most one remote object for each resource. The finalizer is added before the create is sent; where it is
//! present, no id is recorded and a create may have been sent, [`recover`] searches before another create.

use super::case::Case;
use super::desired::Desired;
use super::external;
use super::facts::{Facts, Query};
use super::observed::Losses;
use super::recover::{SEARCHING, recover};
use super::steps::{Plan, Step, create};
use super::verdict::EventReason;
use crate::resources::{APPROVE, DriftPolicy, RECREATE, Reason};

/// Decides about a resource without a recorded object.
///
/// # Errors
/// The fact that has to be read first.
pub fn create_or_recover(case: &Case<'_>, desired: &Desired, facts: &Facts) -> Result<Plan, Query> {
    if case.observes() {
        let message = "spec.mode is Observe, which needs an existing object; set spec.adopt.id";
        return Ok(Plan::because(Reason::InvalidSpec, message));
    }
    // The finalizer is the write-ahead intent: without it, and with it where this process knows that no create was
    // applied, there is nothing to search for. That is the ordinary way, and it costs no request.
    if case.record.may_have_created() {
        let reason = Reason::AmbiguousCreate;
        if let Some(wait) = Plan::wait_for_answered_write(&case.record, reason, SEARCHING) {
            return Ok(wait);
        }
        return recover(case, desired, facts);
    }
    Ok(Plan::synced(desired, create()))
}

/// Decides about a resource whose recorded object is gone.
///
/// # Errors
/// The fact that has to be read first.
pub fn object_gone(
    case: &Case<'_>,
    desired: &Desired,
    facts: &Facts,
    id: &str,
) -> Result<Plan, Query> {
    let missing = |advice: &str| {
        let message = format!("{id} no longer exists at Metorial; {advice}");
        Ok(Plan::because(Reason::RemoteMissing, message))
    };
    if let Some(external) = desired.source.external() {
        return match external.owner {
            Some(_) => Ok(Plan::report(external::gone_of_reference(id))),
            None => missing("refer to another auth config"),
        };
    }
    if case.record.observed.as_deref() == Some(id) {
        return missing("set spec.adopt.id to another object");
    }
    if case.record.id.is_none() {
        let instance = case.connection.instance.as_deref().unwrap_or_default();
        let message = format!("{id} was not found in instance {instance}: correct spec.adopt.id");
        return Ok(Plan::because(Reason::RemoteMissing, message));
    }
    if case.observes() {
        return match case.policy.adopts(id) {
            Some(_) => missing("set spec.adopt.id to another object"),
            None => missing("set spec.mode: Enforce to create another, or delete this resource"),
        };
    }
    if case.policy.drift == DriftPolicy::Report {
        return missing("set spec.drift: Correct to create it again, or delete this resource");
    }
    // No create of this resource is in flight, so until reads are sure to show everything, there is nothing to ask for.
    if !case.record.settled() && !case.record.may_have_unrecorded_write() {
        let message = format!(
            "{id} no longer exists at Metorial; another is created when reads are sure to show every write"
        );
        return Ok(Plan::wait_for_reads(
            &case.record,
            Reason::Updating,
            &message,
        ));
    }
    let losses = facts.losses()?;
    if losses.suspicious() {
        return Ok(suspicious_loss(case, &losses));
    }
    let plan = recover(case, desired, facts)?;
    if !plan.creates() {
        return Ok(plan);
    }
    let note = format!("{id} no longer existed");
    Ok(plan.with_event(EventReason::RemoteRecreated, note))
}

/// Reports that so many objects were lost that none is created again before a person approves it.
fn suspicious_loss(case: &Case<'_>, losses: &Losses) -> Plan {
    let namespace = if case.connection.shared {
        String::new()
    } else {
        format!("-n {} ", case.owner.namespace)
    };
    let connection = case.connection.name.to_lowercase();
    let approve = format!("run: kubectl {namespace}annotate {connection} {APPROVE}={RECREATE}");
    let message = losses.message(&approve);
    Plan::because(Reason::SuspiciousLoss, message)
}

/// Adds the finalizer before everything else. It is the write-ahead intent of a create, and what makes a deletion wait.
#[must_use]
pub fn with_finalizer(case: &Case<'_>, mut plan: Plan) -> Plan {
    let writes = matches!(
        plan.verdict.reason,
        Reason::Synced | Reason::Updating | Reason::RotationRefused
    );
    let has_object = !plan.steps.is_empty() || case.record.id.is_some();
    if writes && has_object && !case.record.finalizer && !case.observes() {
        plan.steps.insert(0, Step::AddFinalizer);
    }
    plan
}
