//! What can go wrong with a request, and the gate that holds one until a test lets it go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::errors::ApiError;
use crate::lists::page_of;

/// The body of a scripted answer: JSON from a `Value`, anything else as it is.
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

/// What a test makes of an answer's JSON before it is sent.
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

/// What goes wrong. *Apply* means that the request is carried out as if nothing were the matter.
#[derive(Clone, Debug)]
pub enum Action {
    /// Answers this; nothing is applied or counted.
    Answer {
        /// The status.
        status: u16,
        /// Headers beside `Date` and `Content-Length`; `Content-Type: application/json` unless named here.
        headers: Vec<(String, String)>,
        /// The body.
        body: Content,
    },
    /// Applies, then answers this instead.
    AnswerAfterApply {
        /// The status.
        status: u16,
        /// As in [`Action::Answer`].
        headers: Vec<(String, String)>,
        /// The body.
        body: Content,
    },
    /// Closes the connection; nothing is applied.
    CloseBefore,
    /// Applies, then closes the connection without an answer.
    CloseAfterApply,
    /// Answers 504 at once and applies so much later.
    ApplyLater(Duration),
    /// Waits so long, then goes on as always.
    Delay(Duration),
    /// Never answers; nothing is applied.
    Hang,
    /// Applies, then never answers.
    HangAfterApply,
    /// Applies, sends the answer's head and so many bytes of its body, then closes the connection.
    CutAnswer(usize),
    /// Applies, then sends the answer at one byte a second.
    Drip,
    /// Applies, then sends a body of so many bytes of white space before the JSON.
    Pad(u64),
    /// Applies, then sends so many header lines before the JSON.
    PadHeaders(u64),
    /// Applies, then sends the answer with its JSON rewritten; see [`Action::rewrite`].
    Rewrite(Rewrite),
    /// Waits for the gate, then goes on as always.
    HoldBefore(Gate),
    /// PATCH: reads the object, waits for the gate, then writes. Other requests: as [`Action::HoldBefore`].
    HoldAfterRead(Gate),
    /// Applies, waits for the gate, then answers.
    HoldAfterApply(Gate),
}

impl Action {
    /// An answer with a JSON body and no further headers.
    pub fn answer(status: u16, body: impl Into<Content>) -> Action {
        Action::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The API's own error object with this status and code.
    pub fn error(status: u16, code: &str) -> Action {
        Action::answer(
            status,
            ApiError::new(status, code, "A scripted failure.").body(),
        )
    }

    /// 404 `endpoint`: the server has no such route.
    pub fn no_such_route() -> Action {
        let error = ApiError::not_found("endpoint", None);
        Action::answer(404, error.body())
    }

    /// A list with nothing in it.
    pub fn empty_list() -> Action {
        Action::answer(200, page_of(Vec::new(), false, false))
    }

    /// Applies, and lets `rewrite` change the JSON of the answer.
    pub fn rewrite(rewrite: impl Fn(&mut Value) + Send + Sync + 'static) -> Action {
        Action::Rewrite(Rewrite(Arc::new(rewrite)))
    }

    /// A proxy's HTML page.
    pub fn html(status: u16) -> Action {
        Action::Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            body: "<!doctype html><html><body>Something went wrong.</body></html>".into(),
        }
    }

    /// 429 with this `Retry-After`, as it is.
    pub fn too_many_requests(retry_after: Option<&str>) -> Action {
        let body = ApiError::new(429, "rate_limit_exceeded", "Rate limit exceeded").body();
        let headers = retry_after
            .map(|value| ("Retry-After".to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        Action::Answer {
            status: 429,
            headers,
            body: body.into(),
        }
    }
}

/// A gate that holds requests until the test opens it. Clones are the same gate.
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
    /// A closed gate.
    pub fn new() -> Self {
        Gate::default()
    }

    /// Lets everybody through, those to come too.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// How many requests have come to the gate.
    pub fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// Waits until so many requests have come to the gate; false after the timeout.
    pub async fn wait_for_arrivals(&self, count: usize, timeout: Duration) -> bool {
        let mut arrived = self.arrived.subscribe();
        let enough = arrived.wait_for(|&so_far| so_far >= count);
        matches!(tokio::time::timeout(timeout, enough).await, Ok(Ok(_)))
    }

    pub(crate) async fn pass(&self) {
        self.arrived.send_modify(|count| *count += 1);
        // The sender lives as long as the gate, so this ends only when the gate opens.
        let _ = self.open.subscribe().wait_for(|&open| open).await;
    }
}
