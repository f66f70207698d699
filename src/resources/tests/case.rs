//! A case of admission: a spec, and the messages that the rules give.

use serde_json::Value;

/// A spec, the one before it, and the messages that admission gives.
pub(super) type Case = (&'static str, Value, Option<Value>, &'static [&'static str]);

/// Cases of creates of one kind.
pub(super) fn made(kind: &'static str, cases: Vec<(Value, &'static [&'static str])>) -> Vec<Case> {
    let case = |(spec, messages)| (kind, spec, None, messages);
    cases.into_iter().map(case).collect()
}
