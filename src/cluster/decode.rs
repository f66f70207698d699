//! Decodes objects, however deep somebody nested them.

use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// The deepest level that is decoded. It is far beyond what any field of ours may have, and far below the recursion limit
/// of the parser, which makes the whole text unreadable.
const MAX_DEPTH: usize = 64;

/// Returns the object in a text; what is nested deeper than any field may be is read as null.
#[must_use]
pub fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(&shallow(text)).ok()
}

/// Replaces what is nested deeper than [`MAX_DEPTH`] with null. A loop and not a recursion, so no depth is too much for it.
fn shallow(text: &str) -> Cow<'_, str> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    let (mut kept, mut from, mut cut) = (String::new(), 0, 0);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            (escaped, in_string) = match (escaped, byte) {
                (true, _) => (false, true),
                (false, b'\\') => (true, true),
                (false, other) => (false, other != b'"'),
            };
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth == MAX_DEPTH + 1 {
                    cut = at;
                }
            }
            b'}' | b']' => {
                if depth == MAX_DEPTH + 1 {
                    kept.push_str(&text[from..cut]);
                    kept.push_str("null");
                    from = at + 1;
                }
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    match from {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(kept + &text[from..]),
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, decode, shallow};
    use serde_json::{Value, json};

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn what_is_nested_no_deeper_than_a_field_may_be_is_left_as_it_is() {
        for text in [
            r#"{"a":[1,{"b":"}]\"{[\\"}],"ü":"\\\""}"#,
            "null",
            "",
            &nested(MAX_DEPTH),
        ] {
            assert_eq!(shallow(text), text);
        }
    }

    #[test]
    fn what_is_nested_deeper_is_null_and_what_is_beside_it_is_kept() {
        let inner = "null";
        let expected = format!("{}{inner}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(shallow(&nested(MAX_DEPTH + 1)), expected);
        let text = format!(
            r#"{{"a":{},"b":"]","c":[{}]}}"#,
            nested(1_000_000),
            nested(200)
        );
        let found: Value = decode(&text).unwrap();
        assert_eq!(found["b"], json!("]"));
        assert!(found["a"].is_array() && found["c"][0].is_array());
        assert_eq!(decode::<Value>(&text[..text.len() - 1]), None, "cut");
    }
}
