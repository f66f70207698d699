//! Ids in answers. Callers store them, show them and use them as keys, so that a text of any other form or size must not
//! pass for one.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer};

/// Longest text that is an id, in bytes. Those of the API have about 25.
const LONGEST: usize = 128;

/// Returns whether a text has the form of the API's ids: letters, digits, `_` and `-`, at most 128 of them.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(plain)
}

/// Decodes an id.
pub(crate) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    checked(String::deserialize(deserializer)?)
}

/// Decodes an id that may be null or empty, which both mean none.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.filter(|text| !text.is_empty())
        .map(checked)
        .transpose()
}

fn checked<E: Error>(text: String) -> Result<String, E> {
    match is_id(&text) {
        true => Ok(text),
        false => Err(E::invalid_value(Unexpected::Other("text"), &"an id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Instance;
    use serde_json::json;

    #[test]
    fn an_id_consists_of_a_few_plain_characters() {
        for text in [
            "par_0eikhQxhSPkskvczJfgO",
            "a",
            "1",
            "a-b_c",
            &"a".repeat(128),
        ] {
            assert!(is_id(text), "{text}");
        }
        for text in ["", "a b", "a/b", "..", "ä", "a\n", &"a".repeat(129)] {
            assert!(!is_id(text), "{text:?}");
        }
    }

    #[test]
    fn an_answer_with_another_text_in_place_of_an_id_does_not_decode() {
        let decodes = |id: &str, organization: &str| {
            let instance = json!({"id": id, "organization_id": organization});
            serde_json::from_value::<Instance>(instance).is_ok()
        };
        assert!(decodes("ins_1", "org_1") && decodes("ins_1", ""));
        assert!(!decodes("ins 1", "org_1") && !decodes("", "org_1"));
        assert!(!decodes("ins_1", &"o".repeat(900_000)) && !decodes("ins_1", "a\"} 1\nb{c=\""));
    }
}
