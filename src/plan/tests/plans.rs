//! What a plan does, as tests ask for it.

use crate::plan::desired::Desired;
use crate::plan::steps::{Plan, Step};

pub fn deleted(plan: &Plan) -> Vec<&str> {
    let ids = plan.steps.iter().filter_map(|step| match step {
        Step::Delete(id) | Step::DeleteReplaced(id) => Some(id.as_str()),
        _ => None,
    });
    ids.collect()
}

pub fn bound(plan: &Plan) -> Option<&str> {
    plan.steps.iter().find_map(|step| match step {
        Step::Bind { remote, .. } => Some(remote.id.as_str()),
        _ => None,
    })
}

pub fn updates(plan: &Plan) -> bool {
    plan.has(|step| matches!(step, Step::Update { .. }))
}

/// The steps that replace an object by a new one.
pub fn replaces_with(desired: &Desired) -> [Step; 3] {
    [
        Step::RecordReplacement(desired.revision.clone()),
        Step::Create,
        Step::RecordStatus,
    ]
}
