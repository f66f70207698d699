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
    /// The field is too deep or too large: returns the field and the limit, and how to stay below it.
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
        Ok(())
    }
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

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(members) => members.values().collect(),
        Value::Array(items) => items.iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LITERAL, Limits, METADATA};
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
}
