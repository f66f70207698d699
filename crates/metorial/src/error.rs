//! The one error of every call: what kind it is, what the API said about it, and nothing that could be a secret.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::collection::Operation;
use crate::meta::Meta;

/// Why a call failed.
///
/// Neither `Display` nor `Debug` nor any accessor gives text that the server wrote, a value that was sent, or the key:
/// a code, an id, an entity and a field path are kept only if they look like one, and don't occur in what was sent.
#[derive(Clone, Debug)]
pub struct Error(Box<Facts>);

#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Operation,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) meta: Meta,
    pub(crate) cause: Option<Cow<'static, str>>,
}

/// What a failure means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Trouble on the way or at the server that will pass. A write with this kind was not applied.
    Transient,
    /// Too many requests; not applied. [`Error::retry_after`] and [`Meta::rate_limit`] say when to come back.
    Throttled,
    /// The API understood the request and refuses it; the same request will be refused again.
    Rejected,
    /// The key is missing, wrong, expired or revoked, or may not be used from this address.
    Unauthorized,
    /// The key lacks a right, or the project doesn't allow this.
    Forbidden,
    /// The account's plan doesn't include this.
    PaymentRequired,
    /// Somebody else changed something at the same time; not applied.
    Conflict,
    /// A write whose outcome is unknown: it may have been applied, or may still be.
    Ambiguous,
    /// The object that was asked for is gone for good; or, of a create, an object it builds on.
    Gone,
    /// The server has no such route. That never means that an object is gone.
    NoSuchRoute,
    /// The server answered in another version of the API than the one asked for.
    VersionUnsupported,
    /// The answer to a read can't be understood, is too large, or contradicts what was asked.
    Malformed,
}

impl ErrorKind {
    /// One word for it, for metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::PaymentRequired => "payment_required",
            Self::Conflict => "conflict",
            Self::Ambiguous => "ambiguous",
            Self::Gone => "gone",
            Self::NoSuchRoute => "no_such_route",
            Self::VersionUnsupported => "version_unsupported",
            Self::Malformed => "malformed",
        }
    }

    const fn phrase(self) -> &'static str {
        match self {
            Self::Transient => "failed for now, try again later",
            Self::Throttled => "was not served, too many requests were sent",
            Self::Rejected => "was refused",
            Self::Unauthorized => {
                "was refused, the API key is not accepted: check that it is current"
            }
            Self::Forbidden => "was refused, the API key or the project's settings don't allow it",
            Self::PaymentRequired => "was refused, the account's plan doesn't include it",
            Self::Conflict => "was refused, something else changed at the same time",
            Self::Ambiguous => {
                "was sent, but whether it was applied is unknown: look before trying again"
            }
            Self::Gone => "found the object gone",
            Self::NoSuchRoute => {
                "is not known to this server: check the base URL and the server's version"
            }
            Self::VersionUnsupported => "was answered in another version of the API",
            Self::Malformed => "got an answer that makes no sense",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub(crate) fn new(facts: Facts) -> Self {
        Self(Box::new(facts))
    }

    /// A failure without an answer, or one that the answer itself doesn't tell.
    pub(crate) fn of(
        kind: ErrorKind,
        operation: Operation,
        meta: Meta,
        cause: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Facts {
            kind,
            operation,
            status: None,
            code: None,
            entity: None,
            field_paths: Vec::new(),
            retry_after: None,
            meta,
            cause: Some(cause.into()),
        })
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The API itself says that it has no such route; a proxy's 404 doesn't count.
    pub(crate) fn is_unknown_endpoint(&self) -> bool {
        self.0.kind == ErrorKind::NoSuchRoute && self.entity() == Some("endpoint")
    }

    /// What the failure means.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was asked, without ids.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// The HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The API's code, for example `invalid_data`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The request id to give to Metorial's support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.meta.request_id.as_deref()
    }

    /// What the error is about, for example `provider.auth_config` or `body`.
    #[must_use]
    pub fn entity(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// The fields at fault, as `config.scopes.0`; `?` stands for a part that may not be shown.
    #[must_use]
    pub fn field_paths(&self) -> &[String] {
        &self.0.field_paths
    }

    /// How long the server asks to wait (`Retry-After`), from the moment of the answer; at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What the answer's headers said; empty without an answer.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// What went wrong on the way, in this client's own words: `connection refused`, `timed out after 30s`.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.operation, self.0.kind.phrase())?;
        if let Some(cause) = &self.0.cause {
            write!(f, ": {cause}")?;
        }
        if !self.0.field_paths.is_empty() {
            write!(f, ", at {}", self.0.field_paths.join(", "))?;
        }
        let status = self.0.status.map(|status| status.to_string());
        let request = self.request_id().map(|id| format!("request {id}"));
        let details = [status, self.0.code.clone(), self.0.entity.clone(), request];
        let details: Vec<String> = details.into_iter().flatten().collect();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::{Collection, Method};

    #[test]
    fn an_error_tells_what_was_asked_what_came_and_where() {
        let error = Error::new(Facts {
            kind: ErrorKind::Rejected,
            operation: Operation {
                method: Method::Post,
                template: Collection::AuthCredentials.path(),
            },
            status: Some(400),
            code: Some("invalid_data".to_owned()),
            entity: Some("body".to_owned()),
            field_paths: vec!["config.scopes.0".to_owned()],
            retry_after: None,
            meta: Meta {
                request_id: Some("req_1".to_owned()),
                ..Meta::default()
            },
            cause: None,
        });
        assert_eq!(
            error.to_string(),
            "POST /provider-auth-credentials was refused, at config.scopes.0 (400, invalid_data, body, request req_1)"
        );
    }
}
