//! Error object of the API. Only codes, entities, ids and field paths are decoded, no messages and no values.

use serde::Deserialize;
use serde_json::Value;

use crate::redactor::Redactor;

/// Error object `{"object":"error", …}`.
///
/// A 401's `description` can echo the whole key, and `errors[].received` echoes the submitted value ▲. These and the other
/// free texts (`message`, `hint`, `reason`) are not decoded.
#[derive(Deserialize)]
pub(crate) struct ApiError {
    object: String,
    #[serde(default, deserialize_with = "text_or_none")]
    pub(crate) code: Option<String>,
    #[serde(default, deserialize_with = "text_or_none")]
    pub(crate) entity: Option<String>,
    #[serde(default, deserialize_with = "text_or_none")]
    id: Option<String>,
    #[serde(default, deserialize_with = "text_or_none", rename = "entityId")]
    entity_id: Option<String>,
    #[serde(default)]
    errors: Value,
}

impl ApiError {
    /// Decodes `body`, or returns `None` if it isn't an error object of the API.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let error_object: Self = serde_json::from_slice(body).ok()?;
        (error_object.object == "error").then_some(error_object)
    }

    /// Returns whether the error is about the object `id` of `entity`. An error without an id is about the requested one.
    pub(crate) fn is_about(&self, entity: &str, id: &str) -> bool {
        let mut ids = [&self.id, &self.entity_id].into_iter().flatten().peekable();
        self.entity.as_deref() == Some(entity)
            && (ids.peek().is_none() || ids.any(|named| named == id))
    }

    /// Returns the paths of the invalid fields, at most ten. Some servers report only the first ▲.
    pub(crate) fn field_paths(&self, redactor: &Redactor<'_>) -> Vec<String> {
        let errors = self
            .errors
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        errors
            .iter()
            .filter_map(|error| path(error.get("path")?, redactor))
            .take(10)
            .collect()
    }
}

fn path(elements: &Value, redactor: &Redactor<'_>) -> Option<String> {
    let elements: Vec<String> = elements
        .as_array()?
        .iter()
        .take(32)
        .map(|element| match element {
            Value::String(name) => redactor.keep(name).unwrap_or_else(|| "?".to_owned()),
            Value::Number(index) if index.is_u64() => index.to_string(),
            _ => "?".to_owned(),
        })
        .collect();
    (!elements.is_empty()).then(|| elements.join("."))
}

/// Decodes a string, and anything else as `None`: a member of an unexpected type must not hide the others.
fn text_or_none<'de, D: serde::Deserializer<'de>>(
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

    fn error_object(value: &Value) -> Option<ApiError> {
        ApiError::read(value.to_string().as_bytes())
    }

    #[test]
    fn only_an_error_object_decodes_as_one() {
        assert!(
            error_object(&json!({"object": "error", "code": 1, "entity": null, "errors": "none"}))
                .is_some()
        );
        for other in [
            json!({"object": "list"}),
            json!({"code": "not_found"}),
            json!("error"),
            json!([]),
        ] {
            assert!(error_object(&other).is_none(), "{other}");
        }
        assert!(ApiError::read(b"<html>404</html>").is_none());
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
                error_object(&value)
                    .expect("an error")
                    .is_about(entity, "pcf_1"),
                want,
                "{value}"
            );
        }
    }

    #[test]
    fn field_paths_consist_of_names_and_indices_only() {
        let value = json!({"object": "error", "errors": [
            {"path": ["config", "scopes", 0], "received": "canary"},
            {"path": ["value", "a b", {"x": 1}, -1]},
            {"path": []},
            {"message": "no path"},
        ]});
        let paths = error_object(&value)
            .expect("an error")
            .field_paths(&Redactor::new("metorial_sk_abc", None));
        assert_eq!(paths, ["config.scopes.0", "value.?.?.?"]);
    }
}
