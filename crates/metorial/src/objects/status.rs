//! Status of an object.

use serde::Deserialize;

/// Status of an object. A delete archives: the object stays readable as `Archived` for 14 days ▲.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// In use.
    Active,
    /// Deleted, permanently, and still readable.
    Archived,
    /// Deleted and not listed anymore.
    Deleted,
    /// Absent, or a word that this client doesn't know: nothing can be concluded.
    #[default]
    #[serde(other)]
    Unknown,
}

impl Status {
    /// Returns whether the object is permanently out of use. An unknown status is not.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Archived | Self::Deleted)
    }

    /// Returns the API's word for the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        }
    }
}
