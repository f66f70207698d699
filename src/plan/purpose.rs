//! The priority of a reconciliation's requests when the budget is short.

use super::case::Case;
use super::expiry::must_renew;
use crate::resources::ResourceKey;

/// The urgency of the requests of a reconciliation, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The deletion of a resource. As urgent as a change, and some requests are kept for it.
    Deletion,
    /// The first create of a resource, for which some requests are kept, too.
    Create,
    /// A changed spec, or the check of a connection.
    Change,
    /// A changed Secret or ConfigMap, or tokens that expire.
    Rotation,
    /// Finding out what became of a write.
    Recovery,
    /// A check of what is believed to be as desired. The correction of drift belongs to it.
    Observation,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 6] = [
        Self::Deletion,
        Self::Create,
        Self::Change,
        Self::Rotation,
        Self::Recovery,
        Self::Observation,
    ];

    /// Returns the rank in the order of those who wait: a namespace that creates a thousand resources must not come before
    /// another one's edit.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Deletion | Self::Create | Self::Change => 0,
            Self::Rotation => 1,
            Self::Recovery => 2,
            Self::Observation => 3,
        }
    }

    /// Returns true if some requests are kept for it.
    #[must_use]
    pub fn has_reserve(self) -> bool {
        matches!(self, Self::Deletion | Self::Create)
    }
}

/// The sender of requests, and their urgency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    /// The resource that they are sent for.
    pub key: ResourceKey,
    /// Their urgency.
    pub priority: Priority,
    /// The requests that it usually takes. It is not begun before all of them may be sent: a reconciliation that is stopped
    /// halfway has to begin again.
    pub requests: u64,
}

impl Purpose {
    /// Returns the purpose of a reconciliation of the resource `key`.
    #[must_use]
    pub fn new(case: &Case<'_>, key: &ResourceKey) -> Self {
        let priority = priority(case);
        Self {
            key: key.clone(),
            priority,
            requests: match priority {
                // A read, the list of dependents and the deletion.
                Priority::Deletion => 3,
                // A read or a search, and a write.
                Priority::Change | Priority::Rotation | Priority::Recovery => 2,
                Priority::Create | Priority::Observation => 1,
            },
        }
    }

    /// Returns the purpose of the check of a connection.
    #[must_use]
    pub fn of_check(connection: ResourceKey) -> Self {
        Self {
            key: connection,
            priority: Priority::Change,
            requests: 1,
        }
    }
}

/// Returns the urgency of the requests of a reconciliation.
#[must_use]
pub fn priority(case: &Case<'_>) -> Priority {
    let record = &case.record;
    let seen = record.observed_generation;
    let edited = seen.is_some_and(|seen| seen != case.generation);
    if case.terminating {
        return Priority::Deletion;
    }
    if record.shown_id().is_none() && !record.may_have_created() {
        return Priority::Create;
    }
    if edited {
        return Priority::Change;
    }
    // After a restart the outcome of every write is unknown; only a trace of one counts.
    if record.shown_id().is_none() || record.has_lost_write() {
        return Priority::Recovery;
    }
    if must_renew(case, &record.export) {
        return Priority::Rotation;
    }
    match case.desired {
        Ok(desired) if !case.observes() && !record.acknowledged(desired) => {
            let acknowledged = |name: &str| record.input(name);
            let mut inputs = desired.inputs.iter();
            if inputs.all(|input| acknowledged(input.field) == Some(&input.fingerprint)) {
                Priority::Change
            } else {
                Priority::Rotation
            }
        }
        _ => Priority::Observation,
    }
}
