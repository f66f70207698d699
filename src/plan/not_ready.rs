//! The cause why a connection can't be used.

use crate::resources::{ConnectionKey, Reason};
use std::time::Duration;

/// The cause why a connection can't be used.
#[derive(Clone, Debug, PartialEq)]
pub struct NotReady {
    /// The reason that the conditions show.
    pub reason: Reason,
    /// The message that the conditions show.
    pub message: String,
    /// True if it is expected to pass by itself. Resources then keep using the last session, if the connection is as it was but
    /// for its key: a write that fails costs less than an operator that stands still because of one timeout.
    pub transient: bool,
    /// The time that the API asks to wait.
    pub wait: Option<Duration>,
}

impl NotReady {
    /// Returns true if the last good session may be used nevertheless: the cause passes by itself, or the connection or its Secret
    /// is gone.
    #[must_use]
    pub fn keeps_session(&self) -> bool {
        self.transient || self.is_gone()
    }

    /// Returns true if the connection or its key is gone: the last good key is still known then.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(
            self.reason,
            Reason::ConnectionNotFound | Reason::SecretNotFound | Reason::SecretKeyNotFound
        )
    }

    /// Returns why creates and changes can't be sent through a connection with this problem: one that passes by itself does not
    /// matter as long as the connection has a session.
    #[must_use]
    pub fn blocking(has_session: bool, problem: Option<&Self>) -> Option<Self> {
        match (has_session, problem) {
            (true, None) => None,
            (true, Some(problem)) if problem.transient => None,
            (_, Some(problem)) => Some(problem.clone()),
            (false, None) => Some(Self::unchecked()),
        }
    }

    /// Returns a cause that only a change in the cluster or at Metorial can remove.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            transient: false,
            wait: None,
        }
    }

    /// Returns a cause that is expected to pass by itself.
    #[must_use]
    pub fn transient(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            transient: true,
            ..Self::new(reason, message)
        }
    }

    /// Returns the cause for a connection that was not read yet.
    #[must_use]
    pub fn unchecked() -> Self {
        Self::transient(Reason::ConnectionNotReady, "not checked yet")
    }

    /// Returns the cause for a connection that does not exist.
    #[must_use]
    pub fn not_found(key: &ConnectionKey) -> Self {
        Self::new(
            Reason::ConnectionNotFound,
            format!("{key} not found; create it"),
        )
    }
}
