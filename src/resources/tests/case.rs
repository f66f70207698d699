//! A case of admission: a spec, and the messages that the rules give.

use serde_json::Value;

/// A kind, a spec, the spec before the change (for an update), and the messages of the rules that refuse it.
pub(super) type Case = (&'static str, Value, Option<Value>, &'static [&'static str]);

/// Returns cases that create a resource of one kind.
pub(super) fn created(
    kind: &'static str,
    cases: Vec<(Value, &'static [&'static str])>,
) -> Vec<Case> {
    let case = |(spec, messages)| (kind, spec, None, messages);
    cases.into_iter().map(case).collect()
}
