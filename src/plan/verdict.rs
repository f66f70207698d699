//! What is said about a resource at the end of a pass.

use super::Plan;
use crate::resources::{DriftEntry, Reason};

/// What a resource's conditions say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// From the closed list.
    pub reason: Reason,
    /// For a person: what is so, and what to do next.
    pub message: String,
    /// Differences that are left there.
    pub drift: Vec<DriftEntry>,
    /// An event to tell, beside the conditions.
    pub event: Option<(Happening, String)>,
    /// Whether a resource that is held by choice has nothing to be brought in.
    pub ready: bool,
}

/// What is worth an event although the conditions end up as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A changed spec or Secret was pushed.
    Updated,
    /// Somebody's change was pushed back.
    DriftCorrected,
    /// Somebody's change was seen and left.
    DriftDetected,
    /// A remote object that was gone was made again.
    RemoteRecreated,
    /// An existing remote object was taken over.
    Adopted,
    /// A create whose answer was lost was found.
    Recovered,
    /// The remote object was left behind.
    Orphaned,
    /// Another object took the place of the former.
    Replaced,
    /// A value was brought in by an import.
    Imported,
    /// A value was brought out by an export.
    Exported,
}

impl Happening {
    /// The reason of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
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
    /// A reason and what to say about it.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            drift: Vec::new(),
            event: None,
            ready: false,
        }
    }

    pub(super) fn with(mut self, event: Happening, note: impl Into<String>) -> Self {
        self.event = Some((event, note.into()));
        self
    }

    pub(super) fn alone(self) -> Plan {
        Plan {
            steps: Vec::new(),
            verdict: self,
            acknowledges: false,
        }
    }
}
