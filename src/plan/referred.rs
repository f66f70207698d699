//! The part of a resource's state that resources referring to it depend on: a change of it enqueues them, and makes another attempt.

use crate::resources::{CommonStatus, READY, Reason, condition};

/// The permission of others to use the object of a resource that they refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usable {
    /// They may.
    Yes,
    /// Those that were created with it may: it is as it was.
    ByFormer,
    /// They may not.
    No,
}

/// Returns true if others may use the object of a resource with this status.
#[must_use]
pub fn usable_by_others(status: &CommonStatus) -> Usable {
    let Some(ready) = condition(status.conditions.as_deref(), READY) else {
        return Usable::No;
    };
    let reason = Reason::parse(&ready.reason);
    if ready.status == "True" {
        Usable::Yes
    } else if reason.is_some_and(Reason::keeps_object) {
        Usable::ByFormer
    } else {
        Usable::No
    }
}

/// The part of a status that resources which refer to its resource depend on.
#[derive(PartialEq, Eq, Hash)]
pub struct SeenByOthers<'a> {
    id: Option<&'a str>,
    generation: Option<i64>,
    /// The fingerprints of the values that were applied.
    inputs: Vec<&'a str>,
    usable: Usable,
}

/// Returns what other resources that refer to this one depend on.
#[must_use]
pub fn seen_by_others(status: &CommonStatus) -> SeenByOthers<'_> {
    let inputs = status.inputs.iter().flatten();
    SeenByOthers {
        id: status.id.as_deref(),
        generation: status.observed_generation,
        inputs: inputs.map(|input| input.fingerprint.as_str()).collect(),
        usable: usable_by_others(status),
    }
}
