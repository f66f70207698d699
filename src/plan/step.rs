//! What a decision consists of: steps to take, and what to say once they are taken.

use super::{Differences, ImportSeen, RemoteView, Verdict};

/// One effect on the API or on the resource's finalizer.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Make the remote object; the finalizer is set first.
    Create,
    /// Put the finalizer on: from here on the remote object can't be forgotten.
    Hold,
    /// Record this object; nothing is sent.
    Bind {
        /// The object as it was seen.
        remote: Box<RemoteView>,
        /// An import of ours that is recorded with it.
        import: Option<Box<ImportSeen>>,
    },
    /// Bring the value of the object that was bound out, into the Secret.
    Export {
        /// The newest import of the object, so that the next one is recognised.
        newest: Option<String>,
        /// How many exports went before it whose value is lost.
        lost: usize,
    },
    /// Put the value of the last export into the Secret again.
    Deliver,
    /// Bring the value into an object by an import.
    Import {
        /// The object's id.
        id: String,
        /// The tag of the import.
        tag: String,
    },
    /// Bring differences into an object.
    Update {
        /// The object as it was seen.
        remote: Box<RemoteView>,
        /// What to bring in.
        differences: Differences,
    },
    /// Note that an object is to be deleted like a replaced one, once nothing needs it.
    Retire {
        /// Its id.
        id: String,
    },
    /// Delete an object.
    Delete {
        /// Its id.
        id: String,
    },
    /// Take the finalizer off: the resource may go.
    Release,
}

/// The steps to take and what to say once they are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In order.
    pub steps: Vec<Step>,
    /// What to say.
    pub verdict: Verdict,
    /// Whether the API then has all that is wanted.
    pub acknowledges: bool,
}

impl Plan {
    /// Whether it sends a PATCH, which replaces what it names with what was seen plus what is wanted.
    #[must_use]
    pub fn changes_an_object(&self) -> bool {
        let updates = |step: &Step| matches!(step, Step::Update { .. });
        self.steps.iter().any(updates)
    }
}
