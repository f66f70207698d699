//! The API's error object, as far as it may be read: codes, entities, ids and field paths, no messages, no values.

use serde::Deserialize;
use serde_json::Value;

use crate::guard::Guard;

/// `{"object":"error", …}`. `message`, `description`, `hint`, `reason` and `errors[].received` can echo the key or the
/// submitted values, so they are not even decoded.
#[derive(Deserialize)]
pub(crate) struct Refusal {
    object: String,
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub(crate) code: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub(crate) entity: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text_or_nothing", rename = "entityId")]
    entity_id: Option<String>,
    #[serde(default)]
    errors: Value,
}

impl Refusal {
    /// `None` if `body` is not an error of this API.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let refusal: Self = serde_json::from_slice(body).ok()?;
        (refusal.object == "error").then_some(refusal)
    }

    /// Whether the error is about the object `id` of `entity`. An error that names no id is about the one asked for.
    pub(crate) fn is_about(&self, entity: &str, id: &str) -> bool {
        let mut ids = [&self.id, &self.entity_id].into_iter().flatten().peekable();
        self.entity.as_deref() == Some(entity)
            && (ids.peek().is_none() || ids.any(|named| named == id))
    }

    /// The fields at fault, at most ten.
    pub(crate) fn field_paths(&self, guard: &Guard<'_>) -> Vec<String> {
        let errors = self
            .errors
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        errors
            .iter()
            .filter_map(|error| path(error.get("path")?, guard))
            .take(10)
            .collect()
    }
}

fn path(elements: &Value, guard: &Guard<'_>) -> Option<String> {
    let elements: Vec<String> = elements
        .as_array()?
        .iter()
        .take(32)
        .map(|element| match element {
            Value::String(name) => guard.keep(name).unwrap_or_else(|| "?".to_owned()),
            Value::Number(index) if index.is_u64() => index.to_string(),
            _ => "?".to_owned(),
        })
        .collect();
    (!elements.is_empty()).then(|| elements.join("."))
}

/// A member of a wrong type says nothing; it must not hide the others.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(value: &Value) -> Option<Refusal> {
        Refusal::read(value.to_string().as_bytes())
    }

    #[test]
    fn only_the_apis_own_error_object_is_one() {
        assert!(
            refusal(&json!({"object": "error", "code": 1, "entity": null, "errors": "none"}))
                .is_some()
        );
        for other in [
            json!({"object": "list"}),
            json!({"code": "not_found"}),
            json!("error"),
            json!([]),
        ] {
            assert!(refusal(&other).is_none(), "{other}");
        }
        assert!(Refusal::read(b"<html>404</html>").is_none());
    }

    #[test]
    fn an_error_is_about_an_object_only_if_entity_and_id_agree() {
        let entity = "provider.config";
        for (value, want) in [
            (
                json!({"object": "error", "entity": entity, "id": "pcf_1"}),
                true,
            ),
            (
                json!({"object": "error", "entity": entity, "entityId": "pcf_1"}),
                true,
            ),
            (json!({"object": "error", "entity": entity}), true),
            (
                json!({"object": "error", "entity": entity, "id": "pcf_2"}),
                false,
            ),
            (
                json!({"object": "error", "entity": "endpoint", "id": "pcf_1"}),
                false,
            ),
            (json!({"object": "error", "id": "pcf_1"}), false),
        ] {
            assert_eq!(
                refusal(&value).expect("an error").is_about(entity, "pcf_1"),
                want,
                "{value}"
            );
        }
    }

    #[test]
    fn field_paths_hold_names_and_indices_only() {
        let value = json!({"object": "error", "errors": [
            {"path": ["config", "scopes", 0], "received": "canary"},
            {"path": ["value", "a b", {"x": 1}, -1]},
            {"path": []},
            {"message": "no path"},
        ]});
        let paths = refusal(&value)
            .expect("an error")
            .field_paths(&Guard::new("metorial_sk_abc", None));
        assert_eq!(paths, ["config.scopes.0", "value.?.?.?"]);
    }
}
