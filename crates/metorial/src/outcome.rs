//! Outcome of a request that got a response: a reply to decode, or an error.

use std::borrow::Cow;

use crate::api_error::ApiError;
use crate::classify::{self, ErrorBody};
use crate::error::{Details, Error, ErrorKind};
use crate::incoming::{BodyError, Received};
use crate::meta::{API_VERSION, Headers};
use crate::redactor::Redactor;
use crate::reply::Reply;
use crate::request::Request;

/// Returns the reply of a 2xx response, unless it is in another version of the API or its body could not be read.
pub(crate) fn success(
    request: &Request<'_>,
    status: u16,
    headers: Headers,
    body: Result<Received, BodyError>,
) -> Result<Reply, Error> {
    let operation = request.operation();
    let method = operation.method;
    let fail = |kind, cause| {
        Err(Error::of(kind, operation, headers.meta.clone(), cause).with_status(status))
    };
    if headers.other_version {
        return fail(
            classify::success_in_other_version(method),
            version_not_spoken(),
        );
    }
    match body {
        Ok(body) => Ok(Reply {
            operation,
            status,
            meta: headers.meta,
            body: body.bytes,
            shortened: body.shortened,
        }),
        Err(BodyError::TooLarge) => {
            let kind = classify::unreadable_success(method);
            fail(kind, larger_than(request.cap)).map_err(Error::too_large)
        }
        Err(BodyError::Incomplete(cause)) => fail(classify::no_answer(method), cause),
    }
}

/// Returns the error of a response that isn't 2xx.
pub(crate) fn failure(
    request: &Request<'_>,
    status: u16,
    headers: Headers,
    body: Result<Received, BodyError>,
    redactor: &Redactor<'_>,
) -> Error {
    let (body, body_error) = match body {
        Ok(body) => (
            ApiError::read(&body.bytes).map_or(ErrorBody::Foreign, ErrorBody::Api),
            None,
        ),
        Err(BodyError::TooLarge) => (ErrorBody::Foreign, Some(larger_than(request.cap))),
        Err(BodyError::Incomplete(cause)) => (ErrorBody::Incomplete, Some(cause)),
    };
    let kind = classify::failure(request.target, status, headers.other_version, &body);
    let cause = match (&body, status) {
        (_, 300..=399) => Some("redirect to another address, which is not followed".into()),
        (_, 407) => Some("the proxy requires credentials (407)".into()),
        _ if kind == ErrorKind::VersionUnsupported => Some(version_not_spoken()),
        (ErrorBody::Foreign | ErrorBody::Incomplete, _) => Some(
            body_error
                .unwrap_or_else(|| "the answer is not the API's own, perhaps a proxy's".into()),
        ),
        (ErrorBody::Api(_), _) => None,
    };
    let mut details = Details {
        status: Some(status),
        retry_after: headers.retry_after,
        cause,
        ..Details::new(kind, request.operation(), headers.meta)
    };
    if let ErrorBody::Api(error) = &body {
        let keep = |word: &Option<String>| word.as_deref().and_then(|word| redactor.keep(word));
        details.code = keep(&error.code);
        details.entity = keep(&error.entity);
        details.field_paths = error.field_paths(redactor);
        details.blockers = error.blockers(redactor);
        details.named = error.ids().collect();
    }
    Error::new(details)
}

fn larger_than(cap: usize) -> Cow<'static, str> {
    format!("the answer is larger than {} MiB", cap >> 20).into()
}

fn version_not_spoken() -> Cow<'static, str> {
    format!("the server does not speak version {API_VERSION}").into()
}
