//! The collections of the API that the kinds have their remote objects in.

use super::kind::Kind;
use super::remote_kind::{RemoteKind, with_kind};
use metorial::{Collection, Object};

impl RemoteKind {
    /// Returns the collection of its remote objects.
    #[must_use]
    pub fn collection(self) -> Collection {
        with_kind!(self, K => <K as Kind>::Remote::COLLECTION)
    }

    /// Returns a kind whose remote objects are in this collection. Kinds that share one read its objects alike.
    #[must_use]
    pub fn find(collection: Collection) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.collection() == collection)
    }
}
