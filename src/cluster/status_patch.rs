//! The smallest JSON patch between two statuses, and none where nothing changed.

use serde_json::{Map, Value, json};

/// Returns the RFC 6902 patch that turns the status `before` into `after`; `None` where they are equal.
///
/// It holds for the resource with this `uid` alone. A merge patch can't say that: below `/status`, the API server takes the
/// metadata from the stored object before it compares any of it but the `resourceVersion`. Fields that another version of the
/// operator wrote are kept. It can be sent again after a response that was lost.
#[must_use]
pub fn status_patch(uid: Option<&str>, before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let empty = Map::new();
    let (old, new) = (before.as_object(), after.as_object());
    let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
    let add = |path: &str, value: &Value| json!({"op": "add", "path": path, "value": value});
    let mut patch = vec![json!({"op": "test", "path": "/metadata/uid", "value": uid})];
    if old.is_empty() {
        patch.push(add("/status", &json!({})));
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        let path = format!("/status/{key}");
        // A field that is not there can't be removed.
        patch.push(add(&path, &Value::Null));
        patch.push(json!({"op": "remove", "path": path}));
    }
    for (key, value) in new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(*value))
    {
        patch.push(add(&format!("/status/{key}"), value));
    }
    Some(Value::Array(patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_statuses_make_no_patch_and_others_the_smallest() {
        let before = json!({"id": "a", "drift": [1], "instance": {"id": "i", "name": "n"}});
        let after = json!({"id": "a", "instance": {"id": "i"}});
        assert_eq!(status_patch(Some("u"), &before, &before), None);
        assert_eq!(
            status_patch(Some("u"), &before, &after),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/status/drift", "value": null},
                {"op": "remove", "path": "/status/drift"},
                {"op": "add", "path": "/status/instance", "value": {"id": "i"}},
            ]))
        );
    }

    #[test]
    fn the_first_status_is_added_with_its_parent() {
        assert_eq!(
            status_patch(Some("u"), &json!({}), &json!({"id": "a"})),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/status", "value": {}},
                {"op": "add", "path": "/status/id", "value": "a"},
            ]))
        );
    }
}
