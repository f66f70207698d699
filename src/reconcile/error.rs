//! Why a reconciliation could not go on, and what that means to a decision.

use crate::cluster::error::{Cause, ClusterError};
use crate::plan::case::{Failure, Rejection, RemoteFailure};
use crate::plan::desired::Desired;
use crate::remote::RemoteError;

/// A read or a step that failed.
#[derive(Debug)]
pub enum Error {
    /// A request to the API: decided upon like everything else.
    Remote(RemoteError),
    /// The API refuses to change these fields of the object: decided upon without them.
    FieldsRefused(Vec<&'static str>),
    /// A child object that Kubernetes refused, or that can't be written: decided upon as well.
    Failed(Failure),
    /// This process no longer leads: whoever does decides about the resource.
    NotLeader,
    /// The resource belongs to another shard by now, which decides about it.
    OfAnotherShard,
    /// Kubernetes refuses a change of the resource itself, which did not change meanwhile, or a write to another object.
    Denied(ClusterError),
    /// Kubernetes: nothing is concluded, and the reconciliation is repeated.
    Cluster(ClusterError),
}

impl Error {
    /// Returns what a failed write to another object than the resource means: that one was read right before, so a refusal is
    /// no sign of a change, and stays.
    #[must_use]
    pub fn of_other_object(error: ClusterError) -> Self {
        match error.cause {
            Cause::Refused(_) => Self::Denied(error),
            _ => error.into(),
        }
    }
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::NotLeader => Self::NotLeader,
            error => Self::Remote(error),
        }
    }
}

impl From<ClusterError> for Error {
    fn from(error: ClusterError) -> Self {
        match error.cause {
            Cause::NotLeader => Self::NotLeader,
            _ => Self::Cluster(error),
        }
    }
}

/// Returns what a failed request means to a decision about a resource that desires this.
#[must_use]
pub fn remote_failure(error: &RemoteError, desired: Option<&Desired>) -> Failure {
    let rejection = error.api().and_then(|error| Rejection::of(error, desired));
    Failure::Remote(RemoteFailure {
        reason: error.reason(),
        message: error.message(),
        applied: error.maybe_applied(),
        concerns_connection: error.concerns_connection(),
        needs_person: error.needs_person(),
        wait: error.wait(),
        rejection,
    })
}
