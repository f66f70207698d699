//! `mode: Plan`: what would be sent, for users, and the hash that approves exactly that.

use super::case::Case;
use super::desired::Desired;
use super::differences::{HIDDEN, shown};
use super::facts::{Facts, Query};
use super::fields::{Remedy, is_blank};
use super::fingerprint::{Fingerprint, hex};
use super::presence::Presence;
use super::steps::{Plan, Step};
use super::verdict::EventReason;
use crate::resources::{APPROVE, DriftEntry, Mode, PlanStatus, PlannedField, PlannedStep, Reason};
use sha2::{Digest, Sha256};

/// Holds a plan back until it is approved, in mode Plan.
///
/// # Errors
/// The object that the plan starts from was not read.
pub fn require_approval(case: &Case<'_>, facts: &Facts, plan: Plan) -> Result<Plan, Query> {
    if case.policy.mode != Mode::Plan {
        return Ok(plan);
    }
    let Some(proposal) = proposal(case, facts, &plan)? else {
        return Ok(plan);
    };
    if case.approved.as_ref() == Some(&proposal.hash) {
        return Ok(plan);
    }
    let owner = &case.owner;
    let message = format!(
        "{} step(s) wait for approval; see status.plan, then run: kubectl -n {} annotate {}/{} {APPROVE}={} --overwrite",
        proposal.steps.len(),
        owner.namespace,
        owner.kind.to_lowercase(),
        owner.name,
        proposal.hash
    );
    Ok(Plan {
        proposal: Some(proposal),
        ..Plan::because(Reason::PlanPending, message)
    })
}

/// Returns what a plan would send, or `None` where it sends nothing that needs approval.
///
/// # Errors
/// The object that the plan starts from was not read.
pub fn proposal(case: &Case<'_>, facts: &Facts, plan: &Plan) -> Result<Option<PlanStatus>, Query> {
    let replaces = matches!(plan.verdict.event, Some((EventReason::Replaced, _)));
    let steps = plan.steps.iter();
    let steps: Vec<PlannedStep> = steps
        .filter_map(|step| planned(case, step, replaces))
        .collect();
    if steps.is_empty() {
        return Ok(None);
    }
    let nonce = case.record.nonce.as_deref().unwrap_or(&case.nonce);
    let hash = hash(case, facts, &steps, nonce)?;
    let nonce = nonce.to_owned();
    Ok(Some(PlanStatus { hash, nonce, steps }))
}

fn planned(case: &Case<'_>, step: &Step, replaces: bool) -> Option<PlannedStep> {
    let (action, fields) = match step {
        Step::Create => {
            let action = if replaces { "Replace" } else { "Create" };
            (action, case.desired().map(wanted))
        }
        Step::Update { differences, .. } => {
            // What is imported is a step of its own.
            let imported = |entry: &&DriftEntry| {
                let remedy = case.desired().and_then(|it| it.remedy(&entry.field));
                remedy == Some(Remedy::Import)
            };
            let entries = differences.entries.iter().filter(|it| !imported(it));
            let field = entries.map(|entry| PlannedField {
                field: entry.field.clone(),
                from: Some(entry.observed.clone()),
                to: entry.desired.clone(),
            });
            ("Update", Some(field.collect()))
        }
        Step::Import { .. } => ("Import", Some(vec![hidden_value()])),
        Step::Export { .. } => ("Export", Some(vec![hidden_value()])),
        // An approved replacement includes the deletion of the former object.
        Step::Delete(id) | Step::DeleteLater(id) if !case.record.is_pending_deletion(id) => {
            let field = PlannedField {
                field: "id".to_owned(),
                from: Some(id.clone()),
                to: "absent".to_owned(),
            };
            ("Delete", Some(vec![field]))
        }
        _ => return None,
    };
    Some(PlannedStep {
        action: action.to_owned(),
        fields,
    })
}

fn hidden_value() -> PlannedField {
    PlannedField {
        field: "value".to_owned(),
        from: Some(HIDDEN.to_owned()),
        to: HIDDEN.to_owned(),
    }
}

fn wanted(desired: &Desired) -> Vec<PlannedField> {
    let fields = desired.fields.iter();
    let sent = fields.filter(|field| !is_blank(field.expose()));
    sent.map(|field| PlannedField {
        field: field.rule.name.to_owned(),
        from: None,
        to: if field.is_secret() {
            HIDDEN.to_owned()
        } else {
            shown(field.expose())
        },
    })
    .collect()
}

/// Returns the hash of the steps, of what they would send, and of the state of the object that they start from: an old
/// approval never covers a new plan, nor the same steps a second time. The nonce keeps hashes of two resources, or of two
/// times, from showing that their values are equal.
fn hash(
    case: &Case<'_>,
    facts: &Facts,
    steps: &[PlannedStep],
    nonce: &str,
) -> Result<String, Query> {
    let desired = case.desired();
    let record = &case.record;
    let object = match case.object_id() {
        Some(id) => match Presence::read(case, facts, id)? {
            Presence::Live(remote) => format!("{} {}", remote.id, remote.updated_at),
            Presence::Gone | Presence::Lagging => String::new(),
        },
        None => String::new(),
    };
    let generation = case.generation.to_string();
    let mut digest = Sha256::new();
    for part in [
        Some(nonce),
        Some(generation.as_str()),
        Some(case.connection.name.as_str()),
        case.connection.instance.as_deref(),
        desired.map(|desired| desired.revision.as_str()),
        record.revision.as_ref().map(Fingerprint::as_str),
        Some(object.as_str()),
        Some(case.owner.uid.as_str()),
        record.id.as_deref(),
        record.imports.first().map(String::as_str),
        record.export.export_id.as_deref(),
    ] {
        digest.update(part.unwrap_or_default().as_bytes());
        digest.update([0]);
    }
    digest.update(serde_json::to_vec(steps).unwrap_or_default());
    Ok(hex(&digest.finalize()[..8]))
}
