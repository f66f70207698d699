//! The one place that sends. One request, one deadline over all of it, one bounded answer.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Request, Response};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::body::Body;
use crate::cause;
use crate::classify::{self, Asked, Said};
use crate::client::Client;
use crate::collection::{Method, Operation};
use crate::error::{Error, ErrorKind, Facts};
use crate::guard::Guard;
use crate::meta::{API_VERSION, Headers, Meta};
use crate::refusal::Refusal;
use crate::secret::Buffer;

/// The largest answer about one object.
pub(crate) const OBJECT_CAP: usize = 1 << 20;
/// The largest page of a list.
pub(crate) const LIST_CAP: usize = 32 << 20;

/// A value, and what the answer said besides.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// What the answer's headers said.
    pub meta: Meta,
}

/// One request to send.
pub(crate) struct Call<'a> {
    pub(crate) asked: Asked<'a>,
    pub(crate) template: &'static str,
    /// Below the base URL, with its ids encoded.
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) body: Option<&'a Body>,
    pub(crate) cap: usize,
}

impl Call<'_> {
    pub(crate) fn operation(&self) -> Operation {
        Operation {
            method: self.asked.method,
            template: self.template,
        }
    }
}

/// A success whose body is not decoded yet.
pub(crate) struct Reply {
    operation: Operation,
    status: u16,
    meta: Meta,
    body: Buffer,
}

/// Why a body could not be read whole.
enum Loss {
    TooLarge,
    Cut(Cow<'static, str>),
}

impl Client {
    /// Sends `call`. `Ok` is a success (2xx) in the version asked for, its body whole and within bounds.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Reply, Error> {
        let started = Instant::now();
        let result = self.exchange(&call, started + self.0.timeout).await;
        let elapsed_ms = started.elapsed().as_millis();
        let operation = call.operation();
        match &result {
            Ok(reply) => {
                let request_id = reply.meta.request_id.as_deref();
                tracing::debug!(%operation, status = reply.status, request_id, elapsed_ms, "answered");
            }
            Err(error) => {
                let (kind, status, cause) = (error.kind(), error.status(), error.cause());
                let (code, request_id) = (error.code(), error.request_id());
                tracing::debug!(%operation, status, request_id, elapsed_ms, %kind, code, cause, "failed");
            }
        }
        result
    }

    async fn exchange(&self, call: &Call<'_>, deadline: Instant) -> Result<Reply, Error> {
        let operation = call.operation();
        let fail = |kind, cause| Error::of(kind, operation, Meta::default(), cause);
        let body = call.body.map(Body::bytes);
        let body = match body {
            Some(None) => {
                return Err(fail(
                    ErrorKind::Rejected,
                    "the body can't be written as JSON".into(),
                ));
            }
            Some(bytes) => bytes,
            None => None,
        };
        let guard = Guard::new(self.0.key.expose(), body.as_deref());
        let request = self
            .request(call, body)
            .map_err(|cause| fail(ErrorKind::Rejected, cause.into()))?;
        let response = match timeout_at(deadline, self.0.http.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(fail(
                    kind_of_loss(&error, operation.method),
                    cause::of(&error),
                ));
            }
            Err(_) => return Err(fail(classify::lost(operation.method), self.timed_out())),
        };
        let headers = Headers::read(
            response.headers(),
            |word| guard.keep(word),
            Timestamp::now(),
        );
        let status = response.status();
        let body = self.read(response, call.cap, deadline).await;
        if status.is_success() {
            succeeded(call, status.as_u16(), headers, body)
        } else {
            Err(refused(call, status.as_u16(), headers, body, &guard))
        }
    }

    fn request(
        &self,
        call: &Call<'_>,
        body: Option<bytes::Bytes>,
    ) -> Result<Request, &'static str> {
        let method = match call.asked.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut url = self.0.base_url.clone();
        let prefix = self.0.base_url.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{}", call.path));
        url.set_query(call.query.as_deref());
        let mut request = Request::new(method, url);
        let headers: &mut HeaderMap = request.headers_mut();
        let mut bearer = HeaderValue::from_maybe_shared(self.0.key.bearer())
            .map_err(|_| "the key can't be sent in a header")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert("metorial-version", HeaderValue::from_static(API_VERSION));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            // Only with a body: the server answers 400 to the header alone.
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    async fn read(
        &self,
        mut response: Response,
        cap: usize,
        deadline: Instant,
    ) -> Result<Buffer, Loss> {
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > cap) {
            return Err(Loss::TooLarge);
        }
        let mut body = Buffer::with_capacity(4096);
        loop {
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) if body.len() + chunk.len() > cap => {
                    return Err(Loss::TooLarge);
                }
                Ok(Ok(Some(chunk))) => body.push(&chunk),
                Ok(Ok(None)) => return Ok(body),
                Ok(Err(error)) => return Err(Loss::Cut(cause::of(&error))),
                Err(_) => return Err(Loss::Cut(self.timed_out())),
            }
        }
    }

    fn timed_out(&self) -> Cow<'static, str> {
        format!("timed out after {}", seconds(self.0.timeout)).into()
    }
}

fn seconds(duration: Duration) -> String {
    format!("{}s", duration.as_secs_f64())
}

/// A connection that never came about carried nothing.
fn kind_of_loss(error: &reqwest::Error, method: Method) -> ErrorKind {
    if error.is_builder() {
        ErrorKind::Rejected
    } else if error.is_connect() {
        ErrorKind::Transient
    } else {
        classify::lost(method)
    }
}

fn too_large(cap: usize) -> Cow<'static, str> {
    format!("the answer is larger than {} MiB", cap >> 20).into()
}

fn succeeded(
    call: &Call<'_>,
    status: u16,
    headers: Headers,
    body: Result<Buffer, Loss>,
) -> Result<Reply, Error> {
    let operation = call.operation();
    let method = operation.method;
    let fail = |kind, cause| {
        Err(Error::of(kind, operation, headers.meta.clone(), cause).with_status(status))
    };
    if headers.other_version {
        return fail(classify::foreign_success(method), other_version());
    }
    match body {
        Ok(body) => Ok(Reply {
            operation,
            status,
            meta: headers.meta,
            body,
        }),
        Err(Loss::TooLarge) => fail(classify::unreadable(method), too_large(call.cap)),
        Err(Loss::Cut(cause)) => fail(classify::lost(method), cause),
    }
}

fn refused(
    call: &Call<'_>,
    status: u16,
    headers: Headers,
    body: Result<Buffer, Loss>,
    guard: &Guard<'_>,
) -> Error {
    let (said, loss) = match body {
        Ok(body) => (
            Refusal::read(&body).map_or(Said::Foreign, Said::Refusal),
            None,
        ),
        Err(Loss::TooLarge) => (Said::Foreign, Some(too_large(call.cap))),
        Err(Loss::Cut(cause)) => (Said::Cut, Some(cause)),
    };
    let kind = classify::refused(call.asked, status, headers.other_version, &said);
    let cause = match (&said, status) {
        (_, 300..=399) => Some("redirect to another address, which is not followed".into()),
        (_, 407) => Some("the proxy asks for credentials (407)".into()),
        _ if kind == ErrorKind::VersionUnsupported => Some(other_version()),
        (Said::Foreign | Said::Cut, _) => loss.or(Some(
            "the answer is not the API's own, perhaps a proxy's".into(),
        )),
        (Said::Refusal(_), _) => None,
    };
    let (code, entity, field_paths) = match &said {
        Said::Refusal(refusal) => {
            let keep = |word: &Option<String>| word.as_deref().and_then(|word| guard.keep(word));
            (
                keep(&refusal.code),
                keep(&refusal.entity),
                refusal.field_paths(guard),
            )
        }
        Said::Foreign | Said::Cut => (None, None, Vec::new()),
    };
    Error::new(Facts {
        kind,
        operation: call.operation(),
        status: Some(status),
        code,
        entity,
        field_paths,
        retry_after: headers.retry_after,
        meta: headers.meta,
        cause,
    })
}

fn other_version() -> Cow<'static, str> {
    format!("the server does not speak version {API_VERSION}").into()
}

impl Reply {
    pub(crate) fn operation(&self) -> Operation {
        self.operation
    }

    /// The value in the body; what isn't one is told from what `serde_json` makes of it, never in its words, which
    /// quote the body.
    pub(crate) fn decode<T: DeserializeOwned>(self) -> Result<Answer<T>, Error> {
        match serde_json::from_slice(&self.body) {
            Ok(value) => Ok(Answer {
                value,
                meta: self.meta,
            }),
            Err(error) => {
                let is_html = self.body.trim_ascii_start().starts_with(b"<");
                let cause = match error.classify() {
                    _ if is_html => "the answer is HTML, not JSON",
                    serde_json::error::Category::Eof => "the answer is cut short",
                    serde_json::error::Category::Data => {
                        "the answer lacks something, or has it in another form"
                    }
                    serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                        "the answer is not JSON"
                    }
                };
                // A proxy's page comes with 200 at times; unlike a broken API it passes.
                let method = self.operation.method;
                let kind = if is_html {
                    classify::lost(method)
                } else {
                    classify::unreadable(method)
                };
                Err(Error::of(kind, self.operation, self.meta, cause).with_status(self.status))
            }
        }
    }
}
