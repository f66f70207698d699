//! The fault script: which requests go wrong, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::ids::InstanceId;

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
        let message = "A scripted failure.";
        Action::answer(
            status,
            json!({"object": "error", "ok": false, "status": status, "code": code, "message": message}),
        )
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
        let body = json!({
            "object": "error", "ok": false, "status": 429, "code": "rate_limit_exceeded",
            "message": "Rate limit exceeded", "hint": "Please try again later.",
        });
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

/// Which requests a fault is for.
#[derive(Clone, Debug)]
pub struct Fault {
    method: String,
    segments: Vec<String>,
    exact: bool,
    nth: u64,
    times: u64,
    chance: f64,
    instance: Option<InstanceId>,
}

impl Fault {
    /// Requests of this method (`*`: any) whose path begins with these segments; a segment `:id` or `*` stands for
    /// any. `/provider-auth-credentials` matches the collection and its objects, `/` matches everything.
    pub fn on(method: &str, path: &str) -> Fault {
        Fault {
            method: method.to_owned(),
            segments: segments(path).map(str::to_owned).collect(),
            exact: false,
            nth: 1,
            times: u64::MAX,
            chance: 1.0,
            instance: None,
        }
    }

    /// Every request.
    pub fn any() -> Fault {
        Fault::on("*", "/")
    }

    /// Only this very path, nothing below it.
    #[must_use]
    pub fn exactly(mut self) -> Fault {
        self.exact = true;
        self
    }

    /// Begins with the nth matching request after the fault was added, counted from 1.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Fault {
        self.nth = nth;
        self
    }

    /// Happens so many times; without it, until the script is cleared.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    /// Happens to a matching request only with this probability, by the simulator's seed.
    #[must_use]
    pub fn chance(mut self, chance: f64) -> Fault {
        self.chance = chance;
        self
    }

    /// Only requests that came with a key of this instance.
    #[must_use]
    pub fn instance(mut self, instance: &InstanceId) -> Fault {
        self.instance = Some(instance.clone());
        self
    }

    fn matches(&self, method: &str, path: &str, instance: Option<&InstanceId>) -> bool {
        let mut sent = segments(path);
        let begins = self.segments.iter().all(|wanted| {
            sent.next()
                .is_some_and(|got| wanted == got || wanted == "*" || wanted.starts_with(':'))
        });
        let ends = !self.exact || sent.next().is_none();
        let of_instance = self.instance.is_none() || self.instance.as_ref() == instance;
        (self.method == "*" || self.method == method) && begins && ends && of_instance
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// One line of the script, by which it can be looked up or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultId(u64);

struct Scripted {
    id: FaultId,
    fault: Fault,
    action: Action,
    seen: u64,
    happened: u64,
}

struct Script {
    last: u64,
    lines: Vec<Scripted>,
    random: StdRng,
}

/// The script. The first line that matches a request and is due decides; lines that match are counted all the same.
pub struct Faults(Mutex<Script>);

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Faults(Mutex::new(Script {
            last: 0,
            lines: Vec::new(),
            random: StdRng::seed_from_u64(seed),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the script.
    pub fn add(&self, fault: Fault, action: Action) -> FaultId {
        let mut script = self.lock();
        script.last += 1;
        let id = FaultId(script.last);
        script.lines.push(Scripted {
            id,
            fault,
            action,
            seen: 0,
            happened: 0,
        });
        id
    }

    /// How often a fault has happened.
    pub fn happened(&self, id: FaultId) -> u64 {
        let script = self.lock();
        let line = script.lines.iter().find(|line| line.id == id);
        line.map_or(0, |line| line.happened)
    }

    /// Takes one line out of the script.
    pub fn remove(&self, id: FaultId) {
        self.lock().lines.retain(|line| line.id != id);
    }

    /// Empties the script. Requests that are held or delayed already stay so.
    pub fn clear(&self) {
        self.lock().lines.clear();
    }

    /// What goes wrong with this request.
    pub(crate) fn strike(
        &self,
        method: &str,
        path: &str,
        instance: Option<&InstanceId>,
    ) -> Option<Action> {
        let mut script = self.lock();
        let Script { lines, random, .. } = &mut *script;
        let mut struck = None;
        for line in lines {
            if !line.fault.matches(method, path, instance) {
                continue;
            }
            line.seen += 1;
            let due = line.seen >= line.fault.nth && line.happened < line.fault.times;
            if due && struck.is_none() && random.random_bool(line.fault.chance.clamp(0.0, 1.0)) {
                line.happened += 1;
                struck = Some(line.action.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_from_its_nth_request_on_and_so_many_times() {
        let faults = Faults::new(1);
        let id = faults.add(
            Fault::on("POST", "/provider-configs").nth(2).times(1),
            Action::CloseBefore,
        );
        let strike = |method: &str, path: &str| faults.strike(method, path, None).is_some();
        assert!(!strike("POST", "/provider-configs"));
        assert!(!strike("GET", "/provider-configs"));
        assert!(!strike("POST", "/provider-config-vaults"));
        assert!(strike("POST", "/provider-configs"));
        assert!(!strike("POST", "/provider-configs"));
        assert_eq!(faults.happened(id), 1);
    }

    #[test]
    fn paths_match_by_whole_segments() {
        let below = Fault::on("*", "/provider-configs");
        assert!(below.matches("GET", "/provider-configs/pcf_1", None));
        assert!(
            !below
                .clone()
                .exactly()
                .matches("GET", "/provider-configs/pcf_1", None)
        );
        assert!(!below.matches("GET", "/provider-config", None));
        let one = Fault::on("GET", "/provider-configs/:id");
        assert!(one.matches("GET", "/provider-configs/pcf_1", None));
        assert!(!one.matches("GET", "/provider-configs", None));
        assert!(Fault::any().matches("DELETE", "/x/y", None));
    }
}
