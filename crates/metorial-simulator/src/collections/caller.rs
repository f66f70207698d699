//! The caller of a request.

use crate::ids::InstanceId;

/// Caller of a request: the key's instance, and what audit records say about the client.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) instance: InstanceId,
    pub(crate) ip: String,
    pub(crate) user_agent: Option<String>,
}
