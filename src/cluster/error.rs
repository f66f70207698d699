//! Errors of calls to Kubernetes. They name the operation and the object, and hold no content of any object but what the API
//! server or an admission policy says where it refuses a change of the resource itself.

use super::verb::Verb;
use crate::resources::Reason;
use kube::core::Status;

/// A failed call: what was tried on which object, and why it failed, without any content of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} {object}: {cause}")]
pub struct ClusterError {
    /// Verb and kind.
    pub operation: String,
    /// The object.
    pub object: String,
    /// The cause.
    pub cause: Cause,
}

impl ClusterError {
    /// Returns the failure of a call.
    #[must_use]
    pub fn new(verb: Verb, kind: &str, name: &str, cause: Cause) -> Self {
        Self {
            operation: format!("{verb} {kind}"),
            object: name.to_owned(),
            cause,
        }
    }

    /// Returns whether a write may succeed after a fresh read of the object: it changed, or is being deleted by now, in which
    /// case the API server refuses what it would have accepted before.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(
            self.cause,
            Cause::Conflict | Cause::Refused(422) | Cause::Denied { code: 422, .. }
        )
    }

    /// Returns whether the same call may succeed a moment later, though nobody changes anything.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(
            self.cause,
            Cause::Server(_) | Cause::Timeout | Cause::Unreachable
        )
    }

    /// Returns the reason that the resource reports on whose behalf the call was made.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self.cause {
            Cause::Forbidden | Cause::Terminating | Cause::Denied { code: 403, .. } => {
                Reason::Forbidden
            }
            Cause::Denied { ref message, .. } if message.contains(DENIED) => Reason::Forbidden,
            Cause::Refused(_) | Cause::Denied { .. } | Cause::Undecodable => Reason::InvalidSpec,
            Cause::Conflict
            | Cause::NotFound
            | Cause::Server(_)
            | Cause::Timeout
            | Cause::Unreachable
            | Cause::NotLeader => Reason::ClusterUnavailable,
        }
    }
}

/// The word in every refusal by an admission policy.
pub(super) const DENIED: &str = " denied ";
/// The longest reason of a refusal that is shown.
const LONGEST_MESSAGE: usize = 500;

/// The cause of a failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The object changed, or is another one of the same name by now.
    #[error("it was changed by somebody else in the meantime")]
    Conflict,
    /// It is not there.
    #[error("not found")]
    NotFound,
    /// The ServiceAccount lacks a right.
    #[error("not permitted: check the operator's roles")]
    Forbidden,
    /// Nothing can be created in a namespace that is being deleted, with any rights.
    #[error("the namespace is being deleted")]
    Terminating,
    /// The API server refuses what was sent.
    #[error("refused with {0}")]
    Refused(u16),
    /// The API server, or an admission policy, refuses a change of the resource itself, and says why.
    #[error("refused with {code}: {message}")]
    Denied {
        /// The HTTP status.
        code: u16,
        /// The cause, cut to a bounded length.
        message: String,
    },
    /// Any other answer.
    #[error("the API server answered {0}")]
    Server(u16),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// No connection, or a response that isn't HTTP from the API server.
    #[error("the API server can't be reached")]
    Unreachable,
    /// Another process leads, or may: nothing was sent.
    #[error("this process does not lead any more")]
    NotLeader,
    /// An object that doesn't decode.
    #[error("the stored object doesn't fit its definition")]
    Undecodable,
}

impl Cause {
    /// Returns the cause of a refused change of the resource itself. What the API server says is shown: a person who reads it may
    /// read the resource.
    #[must_use]
    pub fn denied(error: &kube::Error) -> Option<Self> {
        match error {
            kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422) => {
                Some(Self::Denied {
                    code: status.code,
                    message: status.message.chars().take(LONGEST_MESSAGE).collect(),
                })
            }
            _ => None,
        }
    }
}

impl From<&kube::Error> for Cause {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                403 if is_terminating(status) => Self::Terminating,
                403 => Self::Forbidden,
                404 => Self::NotFound,
                409 => Self::Conflict,
                400..=499 if status.code != 429 && status.code != 401 => Self::Refused(status.code),
                code => Self::Server(code),
            },
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Undecodable,
            _ => Self::Unreachable,
        }
    }
}

/// Returns whether the API server refuses to create something because the namespace is being deleted.
pub(super) fn is_terminating(status: &Status) -> bool {
    let mut causes = status.details.iter().flat_map(|details| &details.causes);
    causes.any(|cause| cause.reason == "NamespaceTerminating")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn forbidden(details: &Value) -> Cause {
        let status = json!({"status": "Failure", "message": "secrets \"a\" is forbidden", "reason": "Forbidden", "details": details, "code": 403});
        Cause::from(&kube::Error::Api(serde_json::from_value(status).unwrap()))
    }

    #[test]
    fn a_namespace_that_is_being_deleted_is_no_matter_of_the_roles() {
        let cause =
            json!({"reason": "NamespaceTerminating", "message": "", "field": "metadata.namespace"});
        let terminating = forbidden(&json!({"name": "a", "causes": [cause]}));
        assert_eq!(terminating, Cause::Terminating);
        assert!(!terminating.to_string().contains("roles"));
        assert_eq!(forbidden(&json!({"name": "a"})), Cause::Forbidden);
    }
}
