//! Changes that a PATCH requests.

use serde_json::{Map, Value};

/// Changes of a PATCH.
#[derive(Default)]
pub(crate) struct Changes {
    pub(super) fields: Map<String, Value>,
    pub(super) write_only: Map<String, Value>,
    /// Version that a deployment is to be pinned to; null to follow the current one.
    pub(super) locked_version: Option<Option<String>>,
}
