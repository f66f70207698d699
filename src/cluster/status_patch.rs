//! The smallest JSON patch between two statuses, and none where nothing changed.

use serde_json::{Map, Value, json};

/// Returns the RFC 6902 patch that turns the status `before` into `after`; `None` where they are equal.
///
/// It holds for the resource with this `uid` alone. A merge patch can't say that: below `/status`, the API server takes the
/// metadata from the stored object before it compares any of it but the `resourceVersion`. Fields of the status that this version
/// does not know, or can't read, are kept. It can be sent again after a response that was lost.
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

/// Returns the same patch for a resource that has no status at all, as with an older definition, which has no default for it.
#[must_use]
pub fn with_parent(patch: &Value) -> Value {
    let mut patch = patch.clone();
    if let Some(steps) = patch.as_array_mut() {
        steps.insert(1, json!({"op": "add", "path": "/status", "value": {}}));
    }
    patch
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
    fn a_status_that_can_not_be_read_is_not_replaced_as_a_whole() {
        assert_eq!(
            status_patch(Some("u"), &json!({}), &json!({"conditions": []})),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/status/conditions", "value": []},
            ]))
        );
    }

    #[test]
    fn where_there_is_no_status_it_is_added_after_the_uid_was_tested() {
        let patch = status_patch(Some("u"), &json!({}), &json!({"id": "a"}));
        assert_eq!(
            with_parent(&patch.unwrap()),
            json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/status", "value": {}},
                {"op": "add", "path": "/status/id", "value": "a"},
            ])
        );
    }
}
