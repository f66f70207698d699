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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ErrorKind::*;
    use super::*;

    const OBJECT: Option<(&str, &str)> = Some(("provider.config", "pcf_1"));

    fn asked(method: Method) -> Asked<'static> {
        let object = if method == Method::Post { None } else { OBJECT };
        Asked {
            method,
            object,
            shadow: None,
        }
    }

    fn error(body: Value) -> Said {
        let mut body = body;
        body["object"] = "error".into();
        Said::Refusal(Refusal::read(body.to_string().as_bytes()).expect("an error object"))
    }

    fn kinds(status: u16, said: &Said) -> (ErrorKind, ErrorKind) {
        let of = |method| refused(asked(method), status, false, said);
        (of(Method::Get), of(Method::Patch))
    }

    #[test]
    fn the_apis_own_errors_mean_what_their_status_says() {
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
            (500, Transient, Ambiguous),
            (503, Transient, Ambiguous),
            (504, Transient, Ambiguous),
        ] {
            assert_eq!(kinds(status, &error(json!({}))), (read, write), "{status}");
        }
    }

    #[test]
    fn what_a_proxy_says_is_about_the_way_and_never_about_an_object() {
        for (status, read, write) in [
            (301, Transient, Transient),
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
            (502, Transient, Ambiguous),
            (101, Transient, Ambiguous),
            (600, Transient, Ambiguous),
        ] {
            assert_eq!(kinds(status, &Said::Foreign), (read, write), "{status}");
        }
    }

    #[test]
    fn a_refusal_that_did_not_arrive_whole_was_still_a_refusal() {
        for (status, read, write) in [
            (400, Transient, Transient),
            (401, Unauthorized, Unauthorized),
            (404, Transient, Transient),
            (410, Transient, Transient),
            (500, Transient, Ambiguous),
        ] {
            assert_eq!(kinds(status, &Said::Cut), (read, write), "{status}");
        }
    }

    #[test]
    fn an_object_is_gone_only_if_the_api_names_it() {
        for (body, want) in [
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
            let said = error(body.clone());
            assert_eq!(kinds(404, &said), (want, want), "{body}");
        }
    }

    #[test]
    fn a_create_that_names_something_missing_is_refused() {
        let said = error(json!({"code": "not_found", "entity": "provider", "id": "pro_1"}));
        assert_eq!(refused(asked(Method::Post), 404, false, &said), Rejected);
    }

    #[test]
    fn a_use_of_an_archived_object_is_about_that_object() {
        let said = error(json!({"code": "use_after_delete"}));
        assert_eq!(kinds(400, &said), (Rejected, Rejected));
    }

    #[test]
    fn a_route_hidden_by_another_is_no_route() {
        let asked = Asked {
            method: Method::Get,
            object: None,
            shadow: Some("provider.auth_import"),
        };
        let hidden =
            error(json!({"code": "not_found", "entity": "provider.auth_import", "id": "schema"}));
        assert_eq!(refused(asked, 404, false, &hidden), NoSuchRoute);
        let missing = error(json!({"code": "not_found", "entity": "provider", "id": "pro_1"}));
        assert_eq!(refused(asked, 404, false, &missing), Rejected);
    }

    #[test]
    fn another_version_explains_every_refusal_but_those_that_any_version_gives() {
        let said = error(json!({"code": "not_found", "entity": "provider.config", "id": "pcf_1"}));
        for (status, want) in [
            (400, VersionUnsupported),
            (404, VersionUnsupported),
            (410, VersionUnsupported),
        ] {
            assert_eq!(
                refused(asked(Method::Get), status, true, &said),
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
                refused(asked(Method::Get), status, true, &said),
                want,
                "{status}"
            );
        }
        assert_eq!(foreign_success(Method::Get), VersionUnsupported);
        assert_eq!(foreign_success(Method::Post), Ambiguous);
    }
}
