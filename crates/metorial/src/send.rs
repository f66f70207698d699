//! Sending: one request, one deadline for all of it, one answer of bounded size.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};

use crate::cause;
use crate::classify;
use crate::client::Client;
use crate::collection::Method;
use crate::error::{Error, ErrorKind};
use crate::incoming::{BodyError, Incoming, Received};
use crate::meta::{API_VERSION, Headers, Meta};
use crate::outcome;
use crate::redactor::Redactor;
use crate::reply::Reply;
use crate::request::Request;

impl Client {
    /// Sends a request. `Ok` is a success (2xx) in the requested version of the API, with its whole body.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Reply, Error> {
        let started = Instant::now();
        let result = self.exchange(&request, started + self.0.timeout).await;
        let elapsed_ms = started.elapsed().as_millis();
        let operation = request.operation();
        match &result {
            Ok(reply) => {
                let request_id = reply.meta.request_id.as_deref();
                tracing::debug!(%operation, status = reply.status, request_id, elapsed_ms, "answered");
            }
            Err(error) => {
                let (failure, status, cause) = (error.kind(), error.status(), error.cause());
                let (code, request_id) = (error.code(), error.request_id());
                tracing::debug!(%operation, status, request_id, elapsed_ms, %failure, code, cause, "failed");
            }
        }
        result
    }

    async fn exchange(&self, request: &Request<'_>, deadline: Instant) -> Result<Reply, Error> {
        let operation = request.operation();
        let fail = |kind, cause| Error::of(kind, operation, Meta::default(), cause);
        let rejected = |cause: &'static str| fail(ErrorKind::Rejected, cause.into()).not_sent();
        let body = match request.body {
            Some(body) => Some(
                body.bytes()
                    .ok_or_else(|| rejected("the body can't be written as JSON"))?,
            ),
            None => None,
        };
        let redactor = Redactor::new(self.0.key.expose(), body.as_deref());
        let http_request = self.http_request(request, body).map_err(rejected)?;
        let response = match timeout_at(deadline, self.0.http.execute(http_request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let kind = kind_without_response(&error, operation.method);
                let failure = fail(kind, cause::describe(&error));
                return Err(match error.is_builder() || error.is_connect() {
                    true => failure.not_sent(),
                    false => failure,
                });
            }
            Err(_) => {
                return Err(fail(
                    classify::no_answer(operation.method),
                    self.timed_out(),
                ));
            }
        };
        let keep = |word: &str| redactor.keep(word);
        let headers = Headers::read(response.headers(), keep, Timestamp::now());
        let status = response.status();
        let body = self.read(response, request, deadline).await;
        if status.is_success() {
            outcome::success(request, status.as_u16(), headers, body)
        } else {
            let status = status.as_u16();
            Err(outcome::failure(request, status, headers, body, &redactor))
        }
    }

    fn http_request(
        &self,
        request: &Request<'_>,
        body: Option<Bytes>,
    ) -> Result<reqwest::Request, &'static str> {
        let method = match request.target.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut url = self.0.base_url.clone();
        let prefix = self.0.base_url.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}{}", request.path));
        url.set_query(request.query.as_deref());
        let mut http_request = reqwest::Request::new(method, url);
        let headers: &mut HeaderMap = http_request.headers_mut();
        let mut bearer = HeaderValue::from_maybe_shared(self.0.key.bearer())
            .map_err(|_| "the key can't be sent in a header")?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        // Without this header the server answers in an older version, which may not have these routes ▲.
        headers.insert("metorial-version", HeaderValue::from_static(API_VERSION));
        if let Some(instance) = &self.0.instance_id {
            headers.insert("metorial-instance-id", instance.clone());
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            // Only with a body: the server answers 400 to a GET or DELETE with this header alone ▲.
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *http_request.body_mut() = Some(body.into());
        }
        Ok(http_request)
    }

    async fn read(
        &self,
        mut response: Response,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Received, BodyError> {
        let mut body = Incoming::new(request, response.content_length())?;
        loop {
            match timeout_at(deadline, response.chunk()).await {
                Ok(Ok(Some(chunk))) => body.push(&chunk)?,
                Ok(Ok(None)) => return Ok(body.end()),
                Ok(Err(error)) => return Err(BodyError::Incomplete(cause::describe(&error))),
                Err(_) => return Err(BodyError::Incomplete(self.timed_out())),
            }
        }
    }

    fn timed_out(&self) -> Cow<'static, str> {
        format!("timed out after {}s", self.0.timeout.as_secs_f64()).into()
    }
}

/// Returns the kind of a failure without a response. A write on a connection that was never established was not sent.
fn kind_without_response(error: &reqwest::Error, method: Method) -> ErrorKind {
    if error.is_builder() {
        ErrorKind::Rejected
    } else if error.is_connect() {
        ErrorKind::Transient
    } else {
        classify::no_answer(method)
    }
}
