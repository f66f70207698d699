//! From an answer to what it means. Pure: a table can test it.

use crate::collection::Method;
use crate::error::ErrorKind;
use crate::refusal::Refusal;

/// The request, as far as its answer's meaning depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) method: Method,
    /// Entity and id of the object that the path names; `None` for creates, lists and fixed routes.
    pub(crate) object: Option<(&'static str, &'a str)>,
    /// The entity whose route some servers prefer to this one, taking a fixed word for an id.
    pub(crate) shadow: Option<&'static str>,
}

/// The body of an answer that is no success.
pub(crate) enum Said {
    /// The API's own error object.
    Refusal(Refusal),
    /// Something else: a proxy's page, nothing, too much.
    Foreign,
    /// It didn't arrive whole.
    Cut,
}

/// The meaning of a request that was sent and whose answer was lost or tells of trouble within the server.
pub(crate) fn lost(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::Transient
    }
}

/// The meaning of a success whose body can't be used.
pub(crate) fn unreadable(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::Malformed
    }
}

/// The meaning of a success in another version of the API. A write was applied all the same.
pub(crate) fn foreign_success(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::VersionUnsupported
    }
}

/// The meaning of an answer that is no success (2xx). `other_version`: it names another version than was asked for.
pub(crate) fn refused(
    asked: Asked<'_>,
    status: u16,
    other_version: bool,
    said: &Said,
) -> ErrorKind {
    let refusal = match said {
        Said::Refusal(refusal) => Some(refusal),
        Said::Foreign | Said::Cut => None,
    };
    match status {
        // A redirect is an answer in the place of the work, so nothing was applied.
        300..=399 | 407 | 425 => ErrorKind::Transient,
        401 => ErrorKind::Unauthorized,
        429 => ErrorKind::Throttled,
        400..=499 if other_version => ErrorKind::VersionUnsupported,
        402 => ErrorKind::PaymentRequired,
        408 => lost(asked.method),
        400..=499 if matches!(said, Said::Cut) => ErrorKind::Transient,
        403 if refusal.is_none() => ErrorKind::Transient,
        403 => ErrorKind::Forbidden,
        404 => refusal.map_or(ErrorKind::NoSuchRoute, |refusal| not_found(asked, refusal)),
        405 => ErrorKind::NoSuchRoute,
        406 if refusal.is_some() => ErrorKind::VersionUnsupported,
        409 | 412 => ErrorKind::Conflict,
        410 if refusal.is_some() => ErrorKind::Gone,
        410 => ErrorKind::NoSuchRoute,
        400..=499 => ErrorKind::Rejected,
        _ => lost(asked.method),
    }
}

/// A 404 of the API itself. Only one that names the very object means that it is gone.
fn not_found(asked: Asked<'_>, refusal: &Refusal) -> ErrorKind {
    let Some(entity) = refusal.entity.as_deref() else {
        return ErrorKind::NoSuchRoute;
    };
    if refusal.code.as_deref() != Some("not_found")
        || entity == "endpoint"
        || asked.shadow == Some(entity)
    {
        return ErrorKind::NoSuchRoute;
    }
    match asked.object {
        Some((entity, id)) if refusal.is_about(entity, id) => ErrorKind::Gone,
        _ => ErrorKind::Rejected,
    }
}
