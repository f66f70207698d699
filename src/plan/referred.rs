//! What resources see of another one that they refer to: a change of it enqueues them, and makes another attempt.

use crate::resources::{CommonStatus, READY, Reason, condition};

/// Whether others may use the object of a resource that they refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usable {
    /// They may.
    Yes,
    /// Those that were created with it may: it is as it was.
    ByFormer,
    /// They may not.
    No,
}

/// Returns whether others may use the object of a resource with this status.
#[must_use]
pub fn usable_by_others(status: &CommonStatus) -> Usable {
    let Some(ready) = condition(status.conditions.as_deref(), READY) else {
        return Usable::No;
    };
    let reason = Reason::parse(&ready.reason);
    match ready.status == "True" {
        true => Usable::Yes,
        false if reason.is_some_and(Reason::keeps_object) => Usable::ByFormer,
        false => Usable::No,
    }
}

/// Returns what other resources that refer to this one depend on: its id, its generation, the values that it applied, and
/// whether they may use it.
#[must_use]
pub fn seen_by_others(status: &CommonStatus) -> (Option<&String>, Option<i64>, Vec<&str>, Usable) {
    let inputs = status.inputs.iter().flatten();
    let inputs = inputs.map(|input| input.fingerprint.as_str()).collect();
    (
        status.id.as_ref(),
        status.observed_generation,
        inputs,
        usable_by_others(status),
    )
}
