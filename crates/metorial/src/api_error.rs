//! Error object of the API. Only codes, entities, ids and field paths are decoded, no messages and no values.

use serde::Deserialize;
use serde_json::Value;

use crate::objects::is_id;
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
    #[serde(default)]
    data: Value,
}

impl ApiError {
    /// Decodes `body`, or returns `None` if it isn't an error object of the API.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let error_object: Self = serde_json::from_slice(body).ok()?;
        (error_object.object == "error").then_some(error_object)
    }

    /// Returns the ids of the object that the error is about.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        let ids = [self.id.as_deref(), self.entity_id.as_deref()];
        ids.into_iter().flatten().filter(|id| !id.is_empty())
    }

    /// Returns whether the error is about the object `id` of `entity`. If it has an id, only that counts: the entity is
    /// another one in some builds ◆. Without an id the entity decides, which early builds spell with underscores ◆.
    pub(crate) fn is_about(&self, entity: &str, id: &str) -> bool {
        let mut ids = self.ids().peekable();
        if ids.peek().is_some() {
            return ids.any(|named| named == id);
        }
        let named = self.entity.as_deref().unwrap_or_default();
        named.replace('_', ".") == entity.replace('_', ".")
    }

    /// Returns the ids in `data` other than that of the object itself: what blocks an archiving ◆. At most ten; names and
    /// other texts are left out.
    pub(crate) fn blockers(&self, redactor: &Redactor<'_>) -> Vec<String> {
        let own = self.data.get("id").and_then(Value::as_str);
        let members = self.data.as_object().into_iter().flatten();
        let texts = members
            .filter(|(name, _)| names_ids(name))
            .flat_map(|(_, value)| match value {
                Value::Array(values) => values.as_slice(),
                value => std::slice::from_ref(value),
            })
            .filter_map(Value::as_str);
        let mut blockers: Vec<String> = Vec::new();
        for text in texts.filter(|text| is_id(text) && Some(*text) != own) {
            let kept = redactor.keep(text);
            blockers.extend(kept.filter(|id| blockers.len() < 10 && !blockers.contains(id)));
        }
        blockers
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

/// Returns whether a member of this name holds one or several ids: `integrationId`, `identity_id`, `ids`.
fn names_ids(name: &str) -> bool {
    let name = name.trim_end_matches('s');
    name == "id" || name.ends_with("Id") || name.ends_with("_id")
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
    fn the_id_says_what_an_error_is_about_and_the_entity_does_without_one() {
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
                json!({"object": "error", "entity": "provider_tool", "id": "pcf_1"}),
                true,
            ),
            (
                json!({"object": "error", "entity": "provider_tool", "entityId": "pcf_2"}),
                false,
            ),
            (json!({"object": "error", "id": "pcf_1"}), true),
            (json!({"object": "error", "entity": entity, "id": ""}), true),
            (
                json!({"object": "error", "entity": "provider_config"}),
                true,
            ),
            (json!({"object": "error", "entity": "provider_tool"}), false),
            (json!({"object": "error"}), false),
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
    fn blockers_are_the_ids_in_the_data_and_no_names() {
        let value = json!({"object": "error", "data": {
            "id": "pde_1",
            "integrationInstanceProviderId": "iip_1",
            "integrationInstanceProviderName": "canary",
            "identity_id": "idn_1",
            "ids": ["int_1", "iip_1", 5, "two words"],
            "hint": "canary",
        }});
        let redactor = Redactor::new("metorial_sk_abc", None);
        let mut blockers = error_object(&value).expect("an error").blockers(&redactor);
        blockers.sort();
        assert_eq!(blockers, ["idn_1", "iip_1", "int_1"]);
        for data in [json!(null), json!("iip_1"), json!([{"id": "iip_1"}])] {
            let value = json!({"object": "error", "data": data});
            let error = error_object(&value).expect("an error");
            assert!(error.blockers(&redactor).is_empty());
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
