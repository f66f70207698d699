//! `mode: Plan`: what would be sent, for people, and the hash that approves exactly that.

use super::desired::{Desired, is_blank};
use super::{Fingerprint, Happening, Plan, Sighting, Situation, Step};
use crate::resources::{PlanStatus, PlannedField, PlannedStep};
use sha2::{Digest, Sha256};

const HIDDEN: &str = "<hidden>";

/// What a plan would send, or `None` where it sends nothing that needs approval.
#[must_use]
pub fn needed(situation: &Situation, plan: &Plan) -> Option<PlanStatus> {
    let replaces = matches!(plan.verdict.event, Some((Happening::Replaced, _)));
    let retiring = |id: &String| {
        situation
            .ledger
            .retiring
            .iter()
            .any(|(known, _)| known == id)
    };
    let steps: Vec<PlannedStep> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Create => Some(PlannedStep {
                action: if replaces { "Replace" } else { "Create" }.to_owned(),
                fields: situation.desired.map(wanted),
            }),
            Step::Update { differences, .. } => Some(PlannedStep {
                action: "Update".to_owned(),
                fields: Some(
                    differences
                        .entries
                        .iter()
                        .map(|entry| PlannedField {
                            field: entry.field.clone(),
                            from: Some(entry.observed.clone()),
                            to: entry.desired.clone(),
                        })
                        .collect(),
                ),
            }),
            Step::Import { .. } => Some(value("Import")),
            Step::Export { .. } => Some(value("Export")),
            // What an approved replacement left behind goes without another word.
            Step::Delete { id } | Step::Retire { id } if !retiring(id) => Some(PlannedStep {
                action: "Delete".to_owned(),
                fields: Some(vec![PlannedField {
                    field: "id".to_owned(),
                    from: Some(id.clone()),
                    to: "absent".to_owned(),
                }]),
            }),
            Step::Delete { .. }
            | Step::Retire { .. }
            | Step::Deliver
            | Step::Hold
            | Step::Bind { .. }
            | Step::Release => None,
        })
        .collect();
    (!steps.is_empty()).then(|| PlanStatus {
        hash: hash(situation, &steps),
        steps,
    })
}

fn value(action: &str) -> PlannedStep {
    PlannedStep {
        action: action.to_owned(),
        fields: Some(vec![PlannedField {
            field: "value".to_owned(),
            from: Some(HIDDEN.to_owned()),
            to: HIDDEN.to_owned(),
        }]),
    }
}

fn wanted(desired: &Desired) -> Vec<PlannedField> {
    let sent = desired
        .fields
        .iter()
        .filter(|field| !is_blank(field.expose()));
    sent.map(|field| PlannedField {
        field: field.rule.name.to_owned(),
        from: None,
        to: match field.is_secret() {
            true => HIDDEN.to_owned(),
            false => field.expose().to_string().chars().take(200).collect(),
        },
    })
    .collect()
}

/// Stands for the steps, for what they would send, and for the state of the object that they start from: so an old
/// approval never covers a new plan, nor the same steps a second time.
fn hash(situation: &Situation, steps: &[PlannedStep]) -> String {
    let revision = situation.desired.map(|desired| desired.revision.as_str());
    let seen = match &situation.seen.object {
        Some(Sighting::Live(remote)) => format!("{} {}", remote.id, remote.updated_at),
        _ => String::new(),
    };
    let mut digest = Sha256::new();
    let ledger = situation.ledger;
    let known = ledger.revision.as_ref().map(Fingerprint::as_str);
    for part in [
        revision,
        known,
        Some(seen.as_str()),
        Some(situation.owner.uid.as_str()),
        ledger.id.as_deref(),
        ledger.imports.first().map(String::as_str),
        ledger.export.export_id.as_deref(),
    ] {
        digest.update(part.unwrap_or_default().as_bytes());
        digest.update([0]);
    }
    digest.update(serde_json::to_vec(steps).unwrap_or_default());
    digest
        .finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
