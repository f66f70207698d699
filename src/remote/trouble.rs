//! Why a call to the API did not bring what was asked for, and what that means for a resource.

use crate::plan::Verdict;
use crate::resources::Reason;
use metorial::{EmptyFilter, Error, ErrorKind};
use std::time::Duration;

/// A call that failed or was not sent.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// The API, or the way to it.
    Api(Error),
    /// The budget is spent: nothing was sent.
    Spent(Duration),
    /// This process may not write: nothing was sent.
    NotLeader,
    /// A list that would have been taken for "everything": nothing was sent.
    Unbounded(EmptyFilter),
    /// An export was made, and its answer does not hold the value.
    NoValue,
}

/// The same words whether the API or the books say so: an object that waits is written once.
const RATE_LIMITED: &str = "the API's rate limit is reached: goes on when requests come free";

const NO_VALUE: &str = "the export was made, but its answer has no value: Metorial may have lost it; the Secret is left as it is; bring the value in again";

impl From<EmptyFilter> for Trouble {
    fn from(error: EmptyFilter) -> Self {
        Self::Unbounded(error)
    }
}

impl Trouble {
    /// Whether a write that failed so may have been applied, now or later.
    #[must_use]
    pub fn maybe_applied(&self) -> bool {
        matches!(self, Self::Api(error) if error.kind() == ErrorKind::Ambiguous)
    }

    /// Whether the key, rather than this object, is the trouble.
    #[must_use]
    pub fn concerns_connection(&self) -> bool {
        matches!(self, Self::Api(error) if matches!(
            error.kind(),
            ErrorKind::Unauthorized | ErrorKind::VersionUnsupported | ErrorKind::Transient | ErrorKind::NoSuchRoute
        ))
    }

    /// Whether only a person can lift it, so that trying again soon is useless.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::NoValue)
            || matches!(self, Self::Api(error) if matches!(
                error.kind(),
                ErrorKind::Rejected
                    | ErrorKind::Unauthorized
                    | ErrorKind::Forbidden
                    | ErrorKind::PaymentRequired
                    | ErrorKind::VersionUnsupported
                    | ErrorKind::NoSuchRoute
            ))
    }

    /// How long the server, or the budget, asks to wait.
    #[must_use]
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Spent(wait) => Some(*wait),
            Self::Api(error) => error.retry_after(),
            Self::NotLeader | Self::Unbounded(_) | Self::NoValue => None,
        }
    }

    /// What a resource says about it. Texts about trouble that passes hold nothing that changes from try to try.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Self::Api(error) = self else {
            return match self {
                Self::Spent(_) => Verdict::new(Reason::RateLimited, RATE_LIMITED),
                Self::Unbounded(error) => Verdict::new(Reason::InternalError, error.to_string()),
                Self::NoValue => Verdict::new(Reason::RemoteRejected, NO_VALUE),
                _ => Verdict::new(Reason::RemoteUnavailable, "another replica took over"),
            };
        };
        let operation = error.operation();
        match error.kind() {
            ErrorKind::Transient | ErrorKind::Malformed | ErrorKind::Conflict => {
                let cause = match (error.cause(), error.status()) {
                    (Some(cause), _) => cause.to_owned(),
                    (None, Some(status)) => format!("the API answered {status}"),
                    (None, None) => error.kind().to_string(),
                };
                Verdict::new(
                    Reason::RemoteUnavailable,
                    format!("{operation}: {cause}; trying again"),
                )
            }
            ErrorKind::Ambiguous => Verdict::new(
                Reason::RemoteUnavailable,
                format!("{operation}: the answer was lost; looking before anything is sent again"),
            ),
            ErrorKind::Throttled => Verdict::new(Reason::RateLimited, RATE_LIMITED),
            ErrorKind::Unauthorized => Verdict::new(
                Reason::ConnectionNotReady,
                "the API refuses the connection's key: see the connection",
            ),
            ErrorKind::VersionUnsupported => {
                Verdict::new(Reason::ApiVersionUnsupported, error.to_string())
            }
            ErrorKind::Forbidden => Verdict::new(Reason::Forbidden, error.to_string()),
            ErrorKind::PaymentRequired => Verdict::new(Reason::PaymentRequired, error.to_string()),
            ErrorKind::NoSuchRoute => Verdict::new(
                Reason::ApiVersionUnsupported,
                format!(
                    "{operation}: this server does not know the route; check baseUrl and the server's version"
                ),
            ),
            ErrorKind::Rejected | ErrorKind::Gone => {
                Verdict::new(Reason::RemoteRejected, error.to_string())
            }
        }
    }
}
