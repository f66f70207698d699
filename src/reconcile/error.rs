//! Why a reconciliation could not go on, and what that means to a decision.

use crate::cluster::error::{Cause, ClusterError};
use crate::connections::Unfinished;
use crate::plan::case::Failure;
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
    /// This process no longer leads: the leader decides about the resource.
    NotLeader,
    /// The resource belongs to another shard by now, which decides about it.
    OfAnotherShard,
    /// The resource is enqueued when one of the connections has been read that it depends on.
    Postponed,
    /// Kubernetes: nothing is concluded, and the reconciliation is repeated; immediately after a conflict, since something changed
    /// that the decision is based on.
    Cluster(ClusterError),
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::NotLeader => Self::NotLeader,
            error => Self::Remote(error),
        }
    }
}

impl From<Unfinished> for Error {
    fn from(unfinished: Unfinished) -> Self {
        match unfinished {
            Unfinished::Cluster(error) => error.into(),
            Unfinished::Postponed => Self::Postponed,
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
