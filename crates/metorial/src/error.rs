//! Error of every call: its kind and details, without anything that could be a secret.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::cause::UNRESOLVED;
use crate::collection::{Method, Operation};
use crate::meta::Meta;

/// Failure of a call.
///
/// Neither `Display` nor `Debug` nor any accessor returns free text of the server, a value that was sent, or the key. A
/// code, id, entity or field path is kept only if it looks like one and doesn't repeat what was sent.
#[derive(Clone, Debug)]
pub struct Error(Box<Details>);

#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Operation,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) field_paths: Vec<String>,
    pub(crate) blockers: Vec<String>,
    pub(crate) named: Named,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) meta: Meta,
    pub(crate) cause: Option<Cow<'static, str>>,
    pub(crate) too_large: bool,
    /// True if the server may have another route for it, which later calls use.
    pub(crate) elsewhere: bool,
    /// True if the stream of pages that returns it continues.
    pub(crate) continues: bool,
    pub(crate) not_sent: bool,
}

impl Details {
    pub(crate) fn new(kind: ErrorKind, operation: Operation, meta: Meta) -> Self {
        Self {
            kind,
            operation,
            status: None,
            code: None,
            entity: None,
            field_paths: Vec::new(),
            blockers: Vec::new(),
            named: Named::default(),
            retry_after: None,
            meta,
            cause: None,
            too_large: false,
            elsewhere: false,
            continues: false,
            not_sent: false,
        }
    }
}

/// Ids that the API names, which may repeat what was sent. They are compared, and neither shown nor printed.
#[derive(Clone, Default)]
pub(crate) struct Named(Vec<String>);

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Named({})", self.0.len())
    }
}

impl<'a> FromIterator<&'a str> for Named {
    fn from_iter<I: IntoIterator<Item = &'a str>>(ids: I) -> Self {
        Self(ids.into_iter().map(str::to_owned).collect())
    }
}

/// Kind of a failure: the facts that a caller needs to decide what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Temporary failure of the network, a proxy or the server. A write with this kind was not applied.
    Transient,
    /// Too many requests; not applied. [`Error::retry_after`] and [`Meta::rate_limit`] say when to retry.
    Throttled,
    /// Invalid request; not applied. The same request will be rejected again.
    Rejected,
    /// The key is missing, invalid, expired or revoked, or not allowed from this address.
    Unauthorized,
    /// The key lacks a scope, or the project's settings don't allow the call.
    Forbidden,
    /// The account's plan doesn't include the call.
    PaymentRequired,
    /// Conflict with a concurrent change; not applied.
    Conflict,
    /// Write with an unknown outcome: it may have been applied, or be applied later, because there was no usable answer.
    Ambiguous,
    /// Write that the API answered with a failure of its own: it may have been applied in whole or in part, but is not in
    /// progress any more.
    Inconclusive,
    /// The requested object is archived or deleted, which is permanent ▲; of a create, an object that it refers to.
    Gone,
    /// The server has no such route. This never means that an object is gone.
    NoSuchRoute,
    /// The server answered in another version of the API than the requested one.
    VersionUnsupported,
    /// The answer to a read can't be decoded, is too large, or doesn't match the request.
    Malformed,
}

impl ErrorKind {
    /// Returns the kind as one word, for metric labels.
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
            Self::Inconclusive => "inconclusive",
            Self::Gone => "gone",
            Self::NoSuchRoute => "no_such_route",
            Self::VersionUnsupported => "version_unsupported",
            Self::Malformed => "malformed",
        }
    }

    const fn phrase(self) -> &'static str {
        match self {
            Self::Transient => "failed temporarily",
            Self::Throttled => "failed, the rate limit is reached",
            Self::Rejected => "was rejected",
            Self::Unauthorized => "was refused, the API key is not valid (anymore)",
            Self::Forbidden => {
                "was refused, the API key's scopes or the project's settings don't allow it"
            }
            Self::PaymentRequired => "was refused, the account's plan doesn't include it",
            Self::Conflict => "was refused, it conflicts with a concurrent change",
            Self::Ambiguous => "was sent, but it is unknown whether it was applied",
            Self::Inconclusive => "failed at the server, and it is unknown whether it was applied",
            Self::Gone => "failed, the object is archived or deleted",
            Self::NoSuchRoute => {
                "failed, the server has no such route: check the base URL and the server's version"
            }
            Self::VersionUnsupported => "was answered in another version of the API",
            Self::Malformed => "got an answer that is not valid",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    pub(crate) fn new(details: Details) -> Self {
        Self(Box::new(details))
    }

    /// Creates an error that this client found, rather than one that the API reported.
    pub(crate) fn of(
        kind: ErrorKind,
        operation: Operation,
        meta: Meta,
        cause: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Details {
            cause: Some(cause.into()),
            ..Details::new(kind, operation, meta)
        })
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn too_large(mut self) -> Self {
        self.0.too_large = true;
        self
    }

    pub(crate) fn elsewhere(mut self) -> Self {
        self.0.elsewhere = true;
        self
    }

    pub(crate) fn continues(mut self) -> Self {
        self.0.continues = true;
        self
    }

    pub(crate) fn not_sent(mut self) -> Self {
        self.0.not_sent = true;
        self
    }

    /// Returns whether the request certainly never reached the server: it can't be expressed in HTTP, or there was no
    /// connection to send it on.
    #[must_use]
    pub fn was_not_sent(&self) -> bool {
        self.0.not_sent
    }

    /// Returns whether the answer to a read was larger than this client reads. A page may fit with fewer items.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        self.0.too_large
    }

    /// Returns whether the server has no such route for exports, so that nothing was done, and may have another one, which
    /// every later call of this client and its clones uses. Then the same call may be made once more, at once.
    #[must_use]
    pub fn may_be_elsewhere(&self) -> bool {
        self.0.elsewhere
    }

    /// Returns whether the stream of pages that returned this error sends another request: for a smaller page, or for the same one
    /// at another location. After any other error it ends.
    #[must_use]
    pub fn is_followed_by_a_page(&self) -> bool {
        self.0.continues
    }

    /// Returns whether the API itself reports that it has no such route; a proxy's 404 doesn't count.
    pub(crate) fn is_unknown_endpoint(&self) -> bool {
        self.0.kind == ErrorKind::NoSuchRoute && self.entity() == Some("endpoint")
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the requested operation, without ids.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.0.operation
    }

    /// Returns the HTTP status, if there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the API's error code, for example `invalid_data`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Returns the request id, which Metorial's support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.meta.request_id.as_deref()
    }

    /// Returns the entity that the error is about, for example `provider.auth_config` or `body`.
    #[must_use]
    pub fn entity(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// Returns the paths of invalid fields, such as `config.scopes.0`; `?` replaces a part that may not be shown.
    #[must_use]
    pub fn field_paths(&self) -> &[String] {
        &self.0.field_paths
    }

    /// Returns the ids of what keeps the object from being archived: an integration or its instance, or an identity, with the
    /// part of it that refers to the object ◆. Empty for any other error.
    #[must_use]
    pub fn blockers(&self) -> &[String] {
        &self.0.blockers
    }

    /// Returns whether the error is about the object with this id, as the API names it: the requested one, or one that the
    /// request refers to. The entity of an error is unreliable, its id isn't ◆.
    #[must_use]
    pub fn names(&self, id: &str) -> bool {
        self.0.named.0.iter().any(|named| named == id)
    }

    /// Returns whether the project allows only OAuth methods, and the call was refused for that: a switch of the project,
    /// not the key's scopes ◆.
    #[must_use]
    pub fn allows_only_oauth(&self) -> bool {
        self.code() == Some("non_oauth_auth_method_not_allowed")
    }

    /// Returns whether a config was refused and the cause may be that the provider's specification is not discovered yet,
    /// which passes ◆. The same answer, which names no field, may have another cause.
    #[must_use]
    pub fn may_be_undiscovered(&self) -> bool {
        let Operation { method, template } = self.0.operation;
        let creates_config = method == Method::Post && template == "/provider-configs";
        let unnamed = self.code() == Some("bad_request") && self.field_paths().is_empty();
        creates_config && unnamed && self.0.kind == ErrorKind::Rejected
    }

    /// Returns the scope that the key may lack, for a call that was refused as [`Forbidden`](ErrorKind::Forbidden). Creates of
    /// imports and exports are refused in the same way if the project's switch for them is off ▲.
    #[must_use]
    pub fn scope(&self) -> Option<&'static str> {
        let may_lack = self.0.kind == ErrorKind::Forbidden && !self.allows_only_oauth();
        may_lack.then(|| self.0.operation.scope()).flatten()
    }

    /// Returns the time to wait that the server asks for (`Retry-After`), counted from the answer, at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the metadata of the answer's headers; empty without an answer.
    #[must_use]
    pub fn meta(&self) -> &Meta {
        &self.0.meta
    }

    /// Returns whether the host of the base URL has no address, or no name server answered.
    #[must_use]
    pub fn is_unresolved(&self) -> bool {
        self.cause() == Some(UNRESOLVED)
    }

    /// Returns the cause in this client's own words, for example `connection refused` or `timed out after 30s`.
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
            write!(f, ": {}", self.0.field_paths.join(", "))?;
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
    fn an_error_displays_operation_kind_fields_and_request_id() {
        let operation = Operation::on_collection(Method::Post, Collection::AuthCredentials);
        let meta = Meta {
            request_id: Some("req_1".to_owned()),
            ..Meta::default()
        };
        let error = Error::new(Details {
            status: Some(400),
            code: Some("invalid_data".to_owned()),
            entity: Some("body".to_owned()),
            field_paths: vec!["config.scopes.0".to_owned()],
            ..Details::new(ErrorKind::Rejected, operation, meta)
        });
        assert_eq!(
            error.to_string(),
            "POST /provider-auth-credentials was rejected: config.scopes.0 (400, invalid_data, body, request req_1)"
        );
    }
}
