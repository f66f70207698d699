//! Actions of a fault, and the gate that holds a request until a test opens it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::errors::ApiError;
use crate::lists::page_of;

/// Body of a scripted answer: JSON from a `Value`, anything else unchanged.
#[derive(Clone, Debug, Default)]
pub struct Content(pub(crate) Vec<u8>);

impl From<Value> for Content {
    fn from(json: Value) -> Self {
        Content(json.to_string().into_bytes())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Content(text.as_bytes().to_vec())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Content(text.into_bytes())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Content(bytes)
    }
}

/// Change of an answer's JSON before it is sent.
#[derive(Clone)]
pub struct Rewrite(Arc<dyn Fn(&mut Value) + Send + Sync>);

impl Rewrite {
    pub(crate) fn apply(&self, answer: &mut Value) {
        (self.0)(answer);
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rewrite")
    }
}

/// Action of a fault. *Applies* means that the request is processed as without the fault.
#[derive(Clone, Debug)]
pub enum Action {
    /// Answers with this; the request is neither applied nor counted.
    Answer {
        /// Status.
        status: u16,
        /// Headers besides `Date` and `Content-Length`. `Content-Type` is `application/json` unless it is one of them.
        headers: Vec<(String, String)>,
        /// Body.
        body: Content,
    },
    /// Answers with this, and with the API's own headers: its version, an id of the request, and the state of the rate limit;
    /// see [`Action::bare`]. The request is neither applied nor counted.
    ApiAnswer {
        /// Status. 401 and 429 have no state of the rate limit: that of a 429 would be one that the simulator doesn't have.
        status: u16,
        /// Headers besides these, or in their place.
        headers: Vec<(String, String)>,
        /// Body.
        body: Content,
    },
    /// Applies, then answers with this instead.
    AnswerAfterApply {
        /// Status.
        status: u16,
        /// See [`Action::Answer`].
        headers: Vec<(String, String)>,
        /// Body.
        body: Content,
    },
    /// Closes the connection; nothing is applied.
    CloseBefore,
    /// Applies, then closes the connection without an answer.
    CloseAfterApply,
    /// Answers 504 at once and applies after this time.
    ApplyLater(Duration),
    /// Waits for this time, then applies and answers.
    Delay(Duration),
    /// PATCH of credentials: applies id, secret and scopes, but neither texts nor metadata, and answers 500, as the server may
    /// do ◆. Other requests: answers 500; nothing is applied.
    FailHalfway,
    /// Never answers; nothing is applied.
    Hang,
    /// Applies, then never answers.
    HangAfterApply,
    /// Applies, sends the answer's head and this many bytes of its body, then closes the connection.
    CutAnswer(usize),
    /// Applies, sends the head of a longer answer and this as the beginning of its body, then closes the connection.
    CutShort(Content),
    /// Applies, then sends the answer at one byte a second.
    Drip,
    /// Applies, then sends this many bytes of white space before the JSON.
    Pad(u64),
    /// Applies, then sends this many headers before the JSON.
    PadHeaders(u64),
    /// Applies, then sends the answer with its JSON rewritten; see [`Action::rewrite`].
    Rewrite(Rewrite),
    /// Waits for the gate, then applies and answers.
    HoldBefore(Gate),
    /// PATCH: reads the object, waits for the gate, then writes. Other requests: like [`Action::HoldBefore`].
    HoldAfterRead(Gate),
    /// Applies, waits for the gate, then answers.
    HoldAfterApply(Gate),
    /// Applies, waits for the gate, then closes the connection without an answer.
    CloseAfterHold(Gate),
}

impl Action {
    /// Answers with this body and no further headers.
    pub fn answer(status: u16, body: impl Into<Content>) -> Action {
        Action::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Answers with the API's error object with this status and code, and with its headers.
    pub fn error(status: u16, code: &str) -> Action {
        let error = ApiError::new(status, code, "A scripted failure.");
        Action::of_api(status, error.body(), Vec::new())
    }

    fn of_api(status: u16, body: Value, headers: Vec<(String, String)>) -> Action {
        Action::ApiAnswer {
            status,
            headers,
            body: body.into(),
        }
    }

    /// Leaves the API's own headers out of a scripted answer.
    #[must_use]
    pub fn bare(self) -> Action {
        match self {
            Action::ApiAnswer {
                status,
                headers,
                body,
            } => Action::Answer {
                status,
                headers,
                body,
            },
            other => other,
        }
    }

    /// Answers 404 `endpoint`: the server has no such route.
    pub fn no_such_route() -> Action {
        let error = ApiError::not_found("endpoint", None);
        Action::of_api(404, error.body(), Vec::new())
    }

    /// Answers with an empty list.
    pub fn empty_list() -> Action {
        Action::of_api(200, page_of(Vec::new(), false, false), Vec::new())
    }

    /// Applies, then changes the JSON of the answer with `rewrite`.
    pub fn rewrite(rewrite: impl Fn(&mut Value) + Send + Sync + 'static) -> Action {
        Action::Rewrite(Rewrite(Arc::new(rewrite)))
    }

    /// Answers with a proxy's HTML page.
    pub fn html(status: u16) -> Action {
        Action::Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            body: "<!doctype html><html><body>Something went wrong.</body></html>".into(),
        }
    }

    /// Answers 429 with this `Retry-After`, unchanged.
    pub fn too_many_requests(retry_after: Option<&str>) -> Action {
        let body = ApiError::new(429, "rate_limit_exceeded", "Rate limit exceeded").body();
        let headers = retry_after
            .map(|value| ("Retry-After".to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        Action::of_api(429, body, headers)
    }
}

/// Gate that holds requests until a test opens it. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate {
    open: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            open: watch::Sender::new(false),
            arrived: watch::Sender::new(0),
        }
    }
}

impl Gate {
    /// Creates a closed gate.
    pub fn new() -> Self {
        Gate::default()
    }

    /// Opens the gate for the requests at it and for all later ones.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Returns the number of requests that have arrived at the gate.
    pub fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until this many requests have arrived at the gate; false after the timeout.
    pub async fn wait_for_arrivals(&self, count: usize, timeout: Duration) -> bool {
        let mut arrived = self.arrived.subscribe();
        let enough = arrived.wait_for(|&so_far| so_far >= count);
        matches!(tokio::time::timeout(timeout, enough).await, Ok(Ok(_)))
    }

    pub(crate) async fn wait(&self) {
        self.arrived.send_modify(|count| *count += 1);
        // The sender lives as long as the gate, so this ends only when the gate opens.
        let _ = self.open.subscribe().wait_for(|&open| open).await;
    }
}
