//! What a reconciliation reports about a resource: its conditions and its events.

use crate::resources::{DriftEntry, Reason};

/// The content of a resource's conditions.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The condition reason.
    pub reason: Reason,
    /// The condition message: the cause, and the next step.
    pub message: String,
    /// Differences at Metorial that are left as they are.
    pub drift: Vec<DriftEntry>,
    /// An event to record besides the conditions.
    pub event: Option<(EventReason, String)>,
    /// A value that expires soon.
    pub expiring: Option<Expiring>,
    /// True if a resource that is held by choice has no pending change.
    pub ready: bool,
    /// True if the conditions stay as they are: the failure says nothing about a resource without a pending change.
    pub keeps_conditions: bool,
}

/// A value that expires soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// The condition message.
    pub message: String,
    /// The expiry, which is part of the message: it distinguishes one value from the next.
    pub until: String,
}

/// A change that is worth an event although the conditions end up as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventReason {
    /// The remote object was created.
    Created,
    /// A remote object was deleted.
    Deleted,
    /// The ids were published.
    Published,
    /// A changed spec or Secret was applied.
    Updated,
    /// Somebody else's change was corrected.
    DriftCorrected,
    /// Somebody else's change was detected and left.
    DriftDetected,
    /// A remote object that was gone was created again.
    RemoteRecreated,
    /// An existing remote object was adopted.
    Adopted,
    /// A remote object was found whose creation was not recorded.
    Recovered,
    /// The remote object was left behind.
    Orphaned,
    /// The remote object was replaced.
    Replaced,
    /// A value was imported.
    Imported,
    /// A value was exported.
    Exported,
}

impl EventReason {
    /// Returns the event of fields that others changed and that are as they should be again.
    #[must_use]
    pub fn corrected(fields: &str) -> (Self, String) {
        let note = format!("{fields} changed at Metorial; corrected");
        (Self::DriftCorrected, note)
    }

    /// Returns the reason of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Deleted => "Deleted",
            Self::Published => "Published",
            Self::Updated => "Updated",
            Self::DriftCorrected => "DriftCorrected",
            Self::DriftDetected => "DriftDetected",
            Self::RemoteRecreated => "RemoteRecreated",
            Self::Adopted => "Adopted",
            Self::Recovered => "Recovered",
            Self::Orphaned => "Orphaned",
            Self::Replaced => "Replaced",
            Self::Imported => "Imported",
            Self::Exported => "Exported",
        }
    }
}

impl Verdict {
    /// Returns a verdict without drift or event.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            drift: Vec::new(),
            event: None,
            expiring: None,
            ready: false,
            keeps_conditions: false,
        }
    }

    /// Adds differences that are left at Metorial.
    #[must_use]
    pub fn with_drift(mut self, drift: Vec<DriftEntry>) -> Self {
        self.drift = drift;
        self
    }
}

/// Returns the text about differences that are left at Metorial, for a condition and an event.
#[must_use]
pub fn differs(drift: &[DriftEntry]) -> String {
    let fields: Vec<&str> = drift.iter().map(|entry| entry.field.as_str()).collect();
    format!("differs at Metorial: {}", fields.join(", "))
}
