//! Meaning of an answer or of its absence, as an [`ErrorKind`]. Pure functions, tested by tables.

use crate::api_error::ApiError;
use crate::collection::Method;
use crate::error::ErrorKind;

/// Target of a request, as far as the meaning of the answer depends on it.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) method: Method,
    /// Entity and id of the object that the path names; `None` for creates, lists and routes without an id.
    pub(crate) object: Option<(&'static str, &'a str)>,
    /// Entity whose item route shadows this route on some servers, which then take the last segment for an id ▲.
    pub(crate) shadowed_by: Option<&'static str>,
}

impl<'a> Target<'a> {
    /// Creates the target of a request whose path names no object.
    pub(crate) fn unnamed(method: Method) -> Self {
        Self {
            method,
            object: None,
            shadowed_by: None,
        }
    }

    /// Creates the target of a request whose path names an object.
    pub(crate) fn object(method: Method, entity: &'static str, id: &'a str) -> Self {
        Self {
            object: Some((entity, id)),
            ..Self::unnamed(method)
        }
    }
}

/// Body of an answer that isn't a success.
pub(crate) enum ErrorBody {
    /// The API's own error object.
    Api(ApiError),
    /// Anything else: a proxy's page, an empty or too large body.
    Foreign,
    /// A body of which only a part arrived.
    Incomplete,
}

/// Returns the kind of a request that was sent and got no answer, or an answer that doesn't say whether it was applied.
pub(crate) fn no_answer(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::Transient
    }
}

/// Returns the kind of a failure that the API itself reports. The server has then done with the request.
fn failed_at_server(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Inconclusive
    } else {
        ErrorKind::Transient
    }
}

/// Returns the kind of a success whose body can't be used. A write was applied, but its result is unknown.
pub(crate) fn unreadable_success(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::Malformed
    }
}

/// Returns the kind of a success in another version of the API. A write was applied, but its result is unknown.
pub(crate) fn success_in_other_version(method: Method) -> ErrorKind {
    if method.is_write() {
        ErrorKind::Ambiguous
    } else {
        ErrorKind::VersionUnsupported
    }
}

/// Returns the kind of an answer that isn't a success (2xx). `other_version` is true if the answer names another version
/// of the API than the requested one.
pub(crate) fn failure(
    target: Target<'_>,
    status: u16,
    other_version: bool,
    body: &ErrorBody,
) -> ErrorKind {
    let api_error = match body {
        ErrorBody::Api(error) => Some(error),
        ErrorBody::Foreign | ErrorBody::Incomplete => None,
    };
    match status {
        // The answer to what was done is elsewhere (RFC 9110, 15.4.4).
        303 => no_answer(target.method),
        // The server answers with another redirect, 407 or 425 instead of doing the work, so nothing was applied.
        300..=399 | 407 | 425 => ErrorKind::Transient,
        401 => ErrorKind::Unauthorized,
        429 => ErrorKind::Throttled,
        // The old version of the API may not have these routes ▲: its refusals say nothing about the object.
        400..=499 if other_version => ErrorKind::VersionUnsupported,
        402 => ErrorKind::PaymentRequired,
        408 => no_answer(target.method),
        // A 4xx is a refusal even if its body is incomplete, but which one can't be known.
        400..=499 if matches!(body, ErrorBody::Incomplete) => ErrorKind::Transient,
        // A proxy's 403 says nothing about the key.
        403 if api_error.is_none() => ErrorKind::Transient,
        403 => ErrorKind::Forbidden,
        404 => api_error.map_or(ErrorKind::NoSuchRoute, |error| not_found(target, error)),
        405 => ErrorKind::NoSuchRoute,
        406 if api_error.is_some() => ErrorKind::VersionUnsupported,
        // A spec that names a deployment other than that of its vault never passes ◆.
        412 if has_code(api_error, "deployment_lock_mismatch") => ErrorKind::Rejected,
        409 | 412 => ErrorKind::Conflict,
        // The server sends 410 for a write to an archived object ▲, and names neither its entity nor its id ◆.
        410 if api_error.is_some() => ErrorKind::Gone,
        410 => ErrorKind::NoSuchRoute,
        400..=499 => ErrorKind::Rejected,
        500 if api_error.is_some() => failed_at_server(target.method),
        // The API's own 501 is a refusal: nothing was applied ◆.
        501 if api_error.is_some() => ErrorKind::Rejected,
        // What a gateway or a proxy answers says nothing about the server behind it, which may still be at work. The API's
        // own 504 means that it stopped waiting.
        _ => no_answer(target.method),
    }
}

fn has_code(error: Option<&ApiError>, code: &str) -> bool {
    error.and_then(|error| error.code.as_deref()) == Some(code)
}

/// Returns the kind of the API's own 404. Only one about the requested object means that the object is gone: an unknown
/// route is 404 with the entity `endpoint` ▲, and a create is 404 if it names an object that doesn't exist. Builds differ
/// in the entity that they name, but not in the id ◆.
fn not_found(target: Target<'_>, error: &ApiError) -> ErrorKind {
    let entity = error.entity.as_deref();
    let says_nothing = entity.is_none() && error.ids().next().is_none();
    let shadowed = entity.is_some() && entity == target.shadowed_by;
    if error.code.as_deref() != Some("not_found")
        || entity == Some("endpoint")
        || shadowed
        || says_nothing
    {
        return ErrorKind::NoSuchRoute;
    }
    match target.object {
        Some((entity, id)) if error.is_about(entity, id) => ErrorKind::Gone,
        _ => ErrorKind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ErrorKind::*;
    use super::*;

    const OBJECT: Option<(&str, &str)> = Some(("provider.config", "pcf_1"));

    fn target(method: Method) -> Target<'static> {
        let object = if method == Method::Post { None } else { OBJECT };
        Target {
            object,
            ..Target::unnamed(method)
        }
    }

    fn error(body: Value) -> ErrorBody {
        let mut body = body;
        body["object"] = "error".into();
        ErrorBody::Api(ApiError::read(body.to_string().as_bytes()).expect("an error object"))
    }

    fn kinds(status: u16, body: &ErrorBody) -> (ErrorKind, ErrorKind) {
        let of = |method| failure(target(method), status, false, body);
        (of(Method::Get), of(Method::Patch))
    }

    #[test]
    fn an_error_of_the_api_is_classified_by_its_status() {
        for (status, read, write) in [
            (400, Rejected, Rejected),
            (401, Unauthorized, Unauthorized),
            (402, PaymentRequired, PaymentRequired),
            (403, Forbidden, Forbidden),
            (405, NoSuchRoute, NoSuchRoute),
            (406, VersionUnsupported, VersionUnsupported),
            (408, Transient, Ambiguous),
            (409, Conflict, Conflict),
            (410, Gone, Gone),
            (412, Conflict, Conflict),
            (418, Rejected, Rejected),
            (422, Rejected, Rejected),
            (429, Throttled, Throttled),
            (431, Rejected, Rejected),
            (500, Transient, Inconclusive),
            (501, Rejected, Rejected),
            (502, Transient, Ambiguous),
            (503, Transient, Ambiguous),
            (504, Transient, Ambiguous),
        ] {
            assert_eq!(kinds(status, &error(json!({}))), (read, write), "{status}");
        }
    }

    #[test]
    fn an_error_of_a_proxy_never_says_anything_about_an_object() {
        for (status, read, write) in [
            (301, Transient, Transient),
            (303, Transient, Ambiguous),
            (304, Transient, Transient),
            (307, Transient, Transient),
            (400, Rejected, Rejected),
            (401, Unauthorized, Unauthorized),
            (403, Transient, Transient),
            (404, NoSuchRoute, NoSuchRoute),
            (407, Transient, Transient),
            (410, NoSuchRoute, NoSuchRoute),
            (413, Rejected, Rejected),
            (429, Throttled, Throttled),
            (500, Transient, Ambiguous),
            (501, Transient, Ambiguous),
            (502, Transient, Ambiguous),
            (101, Transient, Ambiguous),
            (600, Transient, Ambiguous),
        ] {
            assert_eq!(
                kinds(status, &ErrorBody::Foreign),
                (read, write),
                "{status}"
            );
        }
    }

    #[test]
    fn an_incomplete_refusal_of_a_write_means_that_it_was_not_applied() {
        for (status, read, write) in [
            (400, Transient, Transient),
            (401, Unauthorized, Unauthorized),
            (404, Transient, Transient),
            (410, Transient, Transient),
            (500, Transient, Ambiguous),
        ] {
            assert_eq!(
                kinds(status, &ErrorBody::Incomplete),
                (read, write),
                "{status}"
            );
        }
    }

    #[test]
    fn an_object_is_gone_only_if_the_api_names_it() {
        for (json, want) in [
            (
                json!({"code": "not_found", "entity": "provider.config", "id": "pcf_1"}),
                Gone,
            ),
            (
                json!({"code": "not_found", "entity": "provider.config"}),
                Gone,
            ),
            (
                json!({"code": "not_found", "entity": "provider.config", "id": "pcf_2"}),
                Rejected,
            ),
            (
                json!({"code": "not_found", "entity": "provider.deployment", "id": "pde_1"}),
                Rejected,
            ),
            (
                json!({"code": "not_found", "entity": "provider.auth_credentials", "id": "pcf_1"}),
                Gone,
            ),
            (
                json!({"code": "not_found", "entity": "provider_tool", "entityId": "pcf_1"}),
                Gone,
            ),
            (json!({"code": "not_found", "id": "pcf_1"}), Gone),
            (json!({"code": "not_found", "id": "pcf_2"}), Rejected),
            (
                json!({"code": "not_found", "entity": "provider_config"}),
                Gone,
            ),
            (
                json!({"code": "not_found", "entity": "provider.version"}),
                Rejected,
            ),
            (
                json!({"code": "not_found", "entity": "endpoint", "id": "pcf_1"}),
                NoSuchRoute,
            ),
            (
                json!({"code": "not_found", "entity": "endpoint"}),
                NoSuchRoute,
            ),
            (json!({"code": "not_found"}), NoSuchRoute),
            (
                json!({"code": "other", "entity": "provider.config", "id": "pcf_1"}),
                NoSuchRoute,
            ),
            (json!({}), NoSuchRoute),
        ] {
            let body = error(json.clone());
            assert_eq!(kinds(404, &body), (want, want), "{json}");
        }
    }

    #[test]
    fn a_create_that_names_a_missing_object_is_rejected() {
        let body = error(json!({"code": "not_found", "entity": "provider", "id": "pro_1"}));
        assert_eq!(failure(target(Method::Post), 404, false, &body), Rejected);
    }

    #[test]
    fn a_deployment_that_does_not_fit_is_rejected_and_not_a_conflict() {
        let body = error(json!({"code": "deployment_lock_mismatch"}));
        assert_eq!(kinds(412, &body), (Rejected, Rejected));
        let body = error(json!({"code": "precondition_failed"}));
        assert_eq!(kinds(412, &body), (Conflict, Conflict));
    }

    #[test]
    fn a_410_means_gone_although_it_names_nothing() {
        let body = error(json!({"code": "gone", "message": "Resource cannot be updated."}));
        assert_eq!(kinds(410, &body), (Gone, Gone));
    }

    #[test]
    fn a_reference_to_an_archived_object_is_rejected() {
        let body = error(json!({"code": "use_after_delete"}));
        assert_eq!(kinds(400, &body), (Rejected, Rejected));
    }

    #[test]
    fn a_shadowed_route_counts_as_missing() {
        let shadowed = Target {
            shadowed_by: Some("provider.auth_import"),
            ..Target::unnamed(Method::Get)
        };
        let hidden =
            error(json!({"code": "not_found", "entity": "provider.auth_import", "id": "schema"}));
        assert_eq!(failure(shadowed, 404, false, &hidden), NoSuchRoute);
        let missing = error(json!({"code": "not_found", "entity": "provider", "id": "pro_1"}));
        assert_eq!(failure(shadowed, 404, false, &missing), Rejected);
    }

    #[test]
    fn in_another_version_only_refusals_common_to_all_versions_keep_their_kind() {
        let body = error(json!({"code": "not_found", "entity": "provider.config", "id": "pcf_1"}));
        for (status, want) in [
            (400, VersionUnsupported),
            (404, VersionUnsupported),
            (410, VersionUnsupported),
        ] {
            assert_eq!(
                failure(target(Method::Get), status, true, &body),
                want,
                "{status}"
            );
        }
        for (status, want) in [
            (401, Unauthorized),
            (429, Throttled),
            (500, Transient),
            (302, Transient),
        ] {
            assert_eq!(
                failure(target(Method::Get), status, true, &body),
                want,
                "{status}"
            );
        }
        assert_eq!(success_in_other_version(Method::Get), VersionUnsupported);
        assert_eq!(success_in_other_version(Method::Post), Ambiguous);
    }
}
