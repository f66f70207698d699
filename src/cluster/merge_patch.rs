//! The smallest merge patch between two statuses, and none where nothing changed.

use serde_json::{Map, Value};

/// Returns the RFC 7386 patch that turns `before` into `after`; `None` where they are equal.
#[must_use]
pub fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    if before == after {
        return None;
    }
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return Some(after.clone());
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        let change = match old.get(key) {
            Some(former) => merge_patch(former, value),
            None => Some(value.clone()),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    Some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn equal_statuses_make_no_patch_and_others_the_smallest() {
        let before = json!({"id": "a", "drift": [1], "instance": {"id": "i", "name": "n"}});
        let after = json!({"id": "a", "instance": {"id": "i"}, "conditions": [2]});
        assert_eq!(merge_patch(&before, &before), None);
        assert_eq!(
            merge_patch(&before, &after),
            Some(json!({"drift": null, "instance": {"name": null}, "conditions": [2]}))
        );
    }
}
