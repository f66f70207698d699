//! The verbs of calls to Kubernetes.

use std::fmt;

/// The verb of a call, as errors, metrics and traces show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads an object.
    Get,
    /// Reads the objects of a collection.
    List,
    /// Follows the changes of a collection.
    Watch,
    /// Creates an object.
    Create,
    /// Changes an object.
    Patch,
    /// Deletes an object.
    Delete,
    /// Sends a write that the API server checks and doesn't persist.
    DryRun,
}

impl Verb {
    /// Returns true if a call with this verb needs an open fence.
    #[must_use]
    pub fn is_write(self) -> bool {
        match self {
            Self::Get | Self::List | Self::Watch => false,
            Self::Create | Self::Patch | Self::Delete | Self::DryRun => true,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DryRun => "try",
        })
    }
}
