//! Ways in which an answer of the API goes wrong.

use metorial_simulator::Action;
use serde_json::{Value, json};
use std::time::Duration;

/// How an answer gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    Closed,
    Cut,
    Hung,
    GatewayTimeout,
    InternalError,
    ProxyPage,
    /// The request is answered as failed, and carried out later.
    AppliedLater,
}

impl Loss {
    /// The losses of an answer whose request was carried out at once.
    pub const ALL: [Self; 6] = [
        Self::Closed,
        Self::Cut,
        Self::Hung,
        Self::GatewayTimeout,
        Self::InternalError,
        Self::ProxyPage,
    ];

    /// The request is carried out.
    pub fn after(self) -> Action {
        let error = |status: u16, body: &str| Action::AnswerAfterApply {
            status,
            headers: Vec::new(),
            body: body.into(),
        };
        match self {
            Self::Closed => Action::CloseAfterApply,
            Self::Cut => Action::CutAnswer(20),
            Self::Hung => Action::HangAfterApply,
            Self::GatewayTimeout => {
                error(504, r#"{"object":"error","status":504,"code":"timeout"}"#)
            }
            Self::InternalError => error(500, r#"{"object":"error","status":500}"#),
            Self::ProxyPage => error(502, "<html>Bad gateway</html>"),
            // Well within the settle time of an operator.
            Self::AppliedLater => Action::ApplyLater(Duration::from_millis(500)),
        }
    }

    /// The request is not carried out.
    pub fn before(self) -> Action {
        match self {
            Self::Closed | Self::Cut => Action::CloseBefore,
            Self::Hung => Action::Hang,
            Self::GatewayTimeout | Self::AppliedLater => Action::error(504, "timeout"),
            Self::InternalError => Action::error(500, "internal_server_error"),
            Self::ProxyPage => Action::html(502),
        }
    }
}

/// Answers every object in this state.
pub fn in_state(state: &Value) -> Action {
    let state = state.clone();
    Action::rewrite(move |answer| match answer["items"].as_array_mut() {
        Some(items) => items
            .iter_mut()
            .for_each(|item| item["status"] = state.clone()),
        None => answer["status"] = state.clone(),
    })
}

/// States of an object that this version of the operator does not know.
pub fn unknown_states() -> [Value; 2] {
    [Value::Null, json!("resting")]
}
