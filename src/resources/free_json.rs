//! The limits of fields that hold any JSON. A schema can't express them.

use serde_json::{Map, Value};

/// The limits of one field.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The field, from the resource on.
    pub field: &'static str,
    /// The most bytes, as JSON without spaces.
    pub kibibytes: usize,
    /// The most levels of objects and lists, the field itself included.
    pub levels: usize,
}

/// The limits of the remote object's metadata.
pub const METADATA: Limits = Limits {
    field: "spec.metadata",
    kibibytes: 16,
    levels: 8,
};

/// The limits of the literal part of a composed value.
pub const LITERAL: Limits = Limits {
    field: "spec.value.literal",
    kibibytes: 64,
    levels: 16,
};

impl Limits {
    /// Checks a field.
    ///
    /// # Errors
    /// The field is too deep or too large, or has something that JSON does not keep everywhere: returns the field and the limit,
    /// and how to stay below it.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), String> {
        let (field, levels, kibibytes) = (self.field, self.levels, self.kibibytes);
        if is_deeper(object, levels) {
            return Err(format!(
                "{field} has more than {levels} levels: nest it less deep"
            ));
        }
        let bytes = serde_json::to_vec(object).map_or(usize::MAX, |bytes| bytes.len());
        if bytes > kibibytes * 1024 {
            return Err(format!(
                "{field} is larger than {kibibytes} KiB of JSON: make it smaller"
            ));
        }
        match object.iter().find_map(|(name, value)| {
            let of_name = name.contains('\0').then_some(NUL);
            of_name.or_else(|| unfit(value))
        }) {
            Some(why) => Err(format!("{field} {why}")),
            None => Ok(()),
        }
    }
}

/// The largest integer that every reader of JSON keeps exactly: 2^53 - 1 (RFC 8259, section 6).
const LARGEST_INTEGER: u64 = (1 << 53) - 1;
/// The refusal of a NUL character, to which the API responds with 500 (▲).
pub const NUL: &str = "contains a NUL character, which Metorial can't store; remove it";
/// The refusal of a number of which another may be read back.
pub const INEXACT: &str = "has a number that can't be kept exactly: write it as a text";

/// Returns why JSON can't be sent, if it can't. It names nothing of it.
#[must_use]
pub fn unfit(value: &Value) -> Option<&'static str> {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::String(text) if text.contains('\0') => return Some(NUL),
            Value::Object(members) if members.keys().any(|name| name.contains('\0')) => {
                return Some(NUL);
            }
            Value::Number(number) => {
                let size = number
                    .as_u64()
                    .or_else(|| number.as_i64().map(i64::unsigned_abs));
                if size.is_some_and(|size| size > LARGEST_INTEGER) {
                    return Some(INEXACT);
                }
            }
            _ => {}
        }
        rest.extend(children(value));
    }
    None
}

/// Returns whether an object has more levels than this: a loop over what is on one level after the other, because a
/// recursion could exhaust the stack.
fn is_deeper(object: &Map<String, Value>, levels: usize) -> bool {
    let mut level: Vec<&Value> = object.values().collect();
    for _ in 1..levels {
        level = level.into_iter().flat_map(children).collect();
    }
    level
        .into_iter()
        .any(|value| value.is_object() || value.is_array())
}

/// Returns the members of an object, or the items of a list.
#[must_use]
pub fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{INEXACT, LITERAL, Limits, METADATA, NUL, unfit};
    use serde_json::{Map, Value, json};

    fn nested(levels: usize, around: fn(Value) -> Value) -> Map<String, Value> {
        let inner = (2..levels).fold(around(json!(1)), |value, _| around(value));
        Map::from_iter([("a".to_owned(), inner)])
    }

    fn of_bytes(bytes: usize) -> Map<String, Value> {
        let text = "x".repeat(bytes - r#"{"a":""}"#.len());
        Map::from_iter([("a".to_owned(), text.into())])
    }

    #[test]
    fn a_field_may_have_as_many_levels_and_bytes_as_its_limits_say_and_no_more() {
        for limits @ Limits {
            field,
            kibibytes,
            levels,
        } in [METADATA, LITERAL]
        {
            assert_eq!(limits.check(&Map::new()), Ok(()));
            for around in [|value| json!({"a": value}), |value| json!([value])] {
                assert_eq!(limits.check(&nested(levels, around)), Ok(()));
                let deeper = limits.check(&nested(levels + 1, around)).unwrap_err();
                let expected = format!("{field} has more than {levels} levels");
                assert!(deeper.starts_with(&expected), "{deeper}");
            }
            let bytes = kibibytes * 1024;
            assert_eq!(limits.check(&of_bytes(bytes)), Ok(()));
            let larger = limits.check(&of_bytes(bytes + 1)).unwrap_err();
            let expected = format!("{field} is larger than {kibibytes} KiB");
            assert!(larger.starts_with(&expected), "{larger}");
        }
    }

    #[test]
    fn a_message_holds_nothing_of_the_field() {
        let mut object = of_bytes(1024 * 1024);
        object.insert("canary".to_owned(), json!("canary"));
        let message = LITERAL.check(&object).unwrap_err();
        assert!(!message.contains("canary"), "{message}");
    }

    #[test]
    fn what_is_not_kept_everywhere_is_refused_and_not_shown() {
        let largest = 9_007_199_254_740_991_i64;
        for (value, refused) in [
            (json!(largest), None),
            (json!(-largest), None),
            (json!(largest + 1), Some(INEXACT)),
            (json!([{"a": -largest - 1}]), Some(INEXACT)),
            (json!(u64::MAX), Some(INEXACT)),
            (json!(1.5), None),
            (json!("a\0b"), Some(NUL)),
            (json!({"a": ["\0"]}), Some(NUL)),
            (json!({"a\0": 1}), Some(NUL)),
        ] {
            assert_eq!(unfit(&value), refused, "{value}");
            let mut object = Map::new();
            object.insert("a".to_owned(), value);
            assert_eq!(METADATA.check(&object).is_err(), refused.is_some());
        }
    }
}
