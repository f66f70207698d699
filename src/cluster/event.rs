//! An event that is to be written.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::Event;

/// An event that is to be written.
pub struct Report {
    /// The resource.
    pub about: ObjectReference,
    /// Type, reason and note.
    pub event: Event,
    /// When it was reported.
    pub at: Timestamp,
}
