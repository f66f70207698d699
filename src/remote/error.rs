//! The failure of a call to the API, and what it means for the resource or connection that needed the call.

use super::budget::{Spent, Unreachable};
use super::explain::explain;
use crate::plan::backoff::Growth;
use crate::plan::case::{Rejection, RemoteFailure};
use crate::plan::desired::Desired;
use crate::plan::unknown_outcome::MaybeApplied;
use crate::resources::Reason;
use metorial::{EmptyFilter, Error, ErrorKind};
use std::time::Duration;

/// A call that failed or was not sent.
///
/// Messages contain nothing that changes from one attempt to the next (no request id, no remaining time) where the
/// operator retries by itself: a resource that waits would otherwise get a new status with every attempt.
#[derive(Clone, Debug)]
pub enum RemoteError {
    /// The request failed, or the response could not be used.
    Api(Error),
    /// The request budget is used up or others come first, so that nothing was sent; or the API refused the request with
    /// 429.
    BudgetSpent(Spent),
    /// The requests before had no response, so that nothing was sent.
    Unreachable(Unreachable),
    /// This process does not lead any more; nothing was sent.
    NotLeader,
    /// The connection has no session; nothing was sent.
    NotConnected,
    /// A list filter without values. The API ignores such a filter and returns everything (▲), so nothing was sent.
    EmptyFilter(EmptyFilter),
    /// An export was created, but its response has no value. Only the response to the create ever contains it.
    ExportWithoutValue,
    /// An export was created, but its response is too large. Every other export of the same value would be, too.
    ExportTooLarge,
    /// An item of a list may be this resource's, and can't be read.
    Unreadable {
        /// Its id.
        id: String,
        /// True for an import or export, which nobody can change or delete.
        is_record: bool,
    },
}

const EXPORT_WITHOUT_VALUE: &str = "the export was created, but its response has no value: Metorial may have lost it; the Secret is unchanged; import the value again";

const EXPORT_TOO_LARGE: &str = "the export was created, but its response is too large: the value does not fit into a Secret; the Secret is unchanged; import a smaller value";

impl From<EmptyFilter> for RemoteError {
    fn from(error: EmptyFilter) -> Self {
        Self::EmptyFilter(error)
    }
}

impl RemoteError {
    /// Returns what the failure means to a decision about a resource that desires this.
    #[must_use]
    pub fn failure(&self, desired: Option<&Desired>) -> RemoteFailure {
        RemoteFailure {
            reason: self.reason(),
            message: self.message(),
            applied: self.maybe_applied(),
            concerns_connection: self.concerns_connection(),
            growth: self.growth(),
            wait: self.wait(),
            rejection: self
                .api()
                .and_then(|error| Rejection::from_error(error, desired)),
        }
    }

    /// Returns whether a request that failed with this error was sent.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        match self {
            Self::Api(_)
            | Self::ExportWithoutValue
            | Self::ExportTooLarge
            | Self::Unreadable { .. } => true,
            Self::BudgetSpent(_)
            | Self::Unreachable(_)
            | Self::NotLeader
            | Self::NotConnected
            | Self::EmptyFilter(_) => false,
        }
    }

    /// Returns whether a write that failed with this error may have been applied, or may still be.
    #[must_use]
    pub fn maybe_applied(&self) -> MaybeApplied {
        match (self, self.kind()) {
            (_, Some(ErrorKind::Ambiguous)) => MaybeApplied::InFlight,
            (_, Some(ErrorKind::Inconclusive)) | (Self::ExportTooLarge, _) => {
                MaybeApplied::Answered
            }
            _ => MaybeApplied::No,
        }
    }

    /// Returns true if the connection, not this one object, is likely to be the cause.
    #[must_use]
    pub fn concerns_connection(&self) -> bool {
        let unreachable = matches!(self, Self::Unreachable(_));
        unreachable
            || matches!(
                self.kind(),
                Some(
                    ErrorKind::Unauthorized
                        | ErrorKind::VersionUnsupported
                        | ErrorKind::Transient
                        | ErrorKind::NoSuchRoute
                )
            )
    }

    /// Returns true if the API refuses the key.
    #[must_use]
    pub fn refuses_key(&self) -> bool {
        self.kind() == Some(ErrorKind::Unauthorized)
    }

    /// Returns true if only a person can remove the cause, so that retrying soon is useless.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::ExportWithoutValue | Self::ExportTooLarge => true,
            Self::BudgetSpent(_)
            | Self::Unreachable(_)
            | Self::NotLeader
            | Self::NotConnected
            | Self::EmptyFilter(_)
            | Self::Unreadable { .. } => false,
            Self::Api(error) if error.may_be_undiscovered() => false,
            Self::Api(error) => matches!(
                error.kind(),
                ErrorKind::Rejected
                    | ErrorKind::Unauthorized
                    | ErrorKind::Forbidden
                    | ErrorKind::PaymentRequired
                    | ErrorKind::VersionUnsupported
                    | ErrorKind::NoSuchRoute
            ),
        }
    }

    /// Returns the growth of the pauses after it. Only another attempt shows whether a conflict passes, or a provider is
    /// discovered.
    fn growth(&self) -> Growth {
        if self.needs_person() {
            Growth::Refused
        } else if self.kind() == Some(ErrorKind::Conflict) {
            Growth::TransientThenRefused
        } else if self.api().is_some_and(Error::may_be_undiscovered) {
            Growth::TransientThenSlow
        } else {
            Growth::Transient
        }
    }

    /// Returns the time to wait before the next attempt, where the server or the budget gives one.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::BudgetSpent(spent) => Some(spent.wait),
            Self::Unreachable(unreachable) => Some(unreachable.wait),
            Self::Api(error) => error.retry_after(),
            Self::NotLeader
            | Self::NotConnected
            | Self::EmptyFilter(_)
            | Self::Unreadable { .. }
            | Self::ExportWithoutValue
            | Self::ExportTooLarge => None,
        }
    }

    /// Returns the reason that a resource's conditions show.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::BudgetSpent(_) => Reason::RateLimited,
            Self::Unreachable(_) | Self::NotLeader | Self::Unreadable { .. } => {
                Reason::RemoteUnavailable
            }
            Self::NotConnected => Reason::ConnectionNotReady,
            Self::EmptyFilter(_) => Reason::InternalError,
            Self::ExportWithoutValue | Self::ExportTooLarge => Reason::RemoteRejected,
            Self::Api(error) if error.may_be_undiscovered() => Reason::RemoteUnavailable,
            Self::Api(error) => match error.kind() {
                ErrorKind::Transient
                | ErrorKind::Malformed
                | ErrorKind::Conflict
                | ErrorKind::Inconclusive
                | ErrorKind::Ambiguous => Reason::RemoteUnavailable,
                ErrorKind::Throttled => Reason::RateLimited,
                // Its resources can do nothing about the key: the connection says `Unauthorized` itself.
                ErrorKind::Unauthorized => Reason::ConnectionNotReady,
                ErrorKind::VersionUnsupported | ErrorKind::NoSuchRoute => {
                    Reason::ApiVersionUnsupported
                }
                ErrorKind::Forbidden => Reason::Forbidden,
                ErrorKind::PaymentRequired => Reason::PaymentRequired,
                ErrorKind::Rejected | ErrorKind::Gone => Reason::RemoteRejected,
            },
        }
    }

    /// Returns the message that a resource's conditions show.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::BudgetSpent(spent) => spent.message.clone(),
            Self::Unreachable(unreachable) => format!(
                "the API does not answer: {}; retrying",
                unreachable
                    .error
                    .cause()
                    .unwrap_or("the connection was lost")
            ),
            Self::NotLeader => {
                "another replica took over; it continues the reconciliation".to_owned()
            }
            Self::NotConnected => {
                "the connection is not ready: see its conditions; retrying".to_owned()
            }
            Self::EmptyFilter(error) => error.to_string(),
            Self::ExportWithoutValue => EXPORT_WITHOUT_VALUE.to_owned(),
            Self::ExportTooLarge => EXPORT_TOO_LARGE.to_owned(),
            Self::Unreadable { id, is_record } => {
                let next = match is_record {
                    true => {
                        "imports and exports can be neither changed nor deleted: use another auth config"
                    }
                    false => "repair or delete it at Metorial",
                };
                format!(
                    "{id} may belong to this resource and can't be read, because it is too large, too deep or malformed; retrying; {next}"
                )
            }
            Self::Api(error) => explain(error),
        }
    }

    /// Returns whether the failure is expected to pass by itself.
    #[must_use]
    pub fn passes(&self) -> bool {
        !self.needs_person() && self.kind() != Some(ErrorKind::Gone)
    }

    /// Returns whether the API refuses to change a field that it changes for other objects: it names none (◆).
    #[must_use]
    pub fn refuses_fields(&self) -> bool {
        let code = self.api().and_then(Error::code);
        self.kind() == Some(ErrorKind::Rejected) && code == Some("bad_request")
    }

    /// Returns the error of the API, or of the connection to it.
    #[must_use]
    pub fn api(&self) -> Option<&Error> {
        match self {
            Self::Api(error) => Some(error),
            _ => None,
        }
    }

    fn kind(&self) -> Option<ErrorKind> {
        self.api().map(Error::kind)
    }
}
