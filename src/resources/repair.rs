//! Reads as much of an object as follows the schema. The API server checks what it is sent against the definition of that
//! moment, so an object may be stored that another version of the definition admitted.

use serde_json::{Map, Value};

/// Returns the part of a value that follows a schema, and the paths of everything else, none of whose values is shown. What
/// is wrong is left out; what is required and missing, or wrong, is blank. A value without anything wrong is returned as it is.
#[must_use]
pub fn repair(schema: &Value, path: &str, value: Value) -> (Value, Vec<String>) {
    let mut repair = Repair::default();
    let kept = repair.kept(schema, path, value.clone());
    if kept.is_some() && repair.wrong.is_empty() {
        return (value, Vec::new());
    }
    let kept = kept.unwrap_or_else(|| {
        repair.wrong = vec![path.to_owned()];
        blank(schema)
    });
    (kept, repair.wrong)
}

/// The paths of what was left out so far.
#[derive(Default)]
struct Repair {
    wrong: Vec<String>,
}

impl Repair {
    /// Returns the part of a value that follows its schema, or `None` where that is nothing. A null is an absent value.
    fn kept(&mut self, schema: &Value, path: &str, value: Value) -> Option<Value> {
        let kept = match (type_of(schema), value) {
            (_, Value::Null) => return None,
            ("object", Value::Object(members)) => {
                Value::Object(self.members(schema, path, members))
            }
            ("array", Value::Array(items)) => {
                let items = items.into_iter().enumerate();
                let kept = items.filter_map(|(at, item)| {
                    let path = format!("{path}[{at}]");
                    self.kept(&schema["items"], &path, item)
                });
                Value::Array(kept.collect())
            }
            (_, value) if follows(schema, &value) => value,
            _ => {
                self.wrong.push(path.to_owned());
                return None;
            }
        };
        Some(kept)
    }

    fn members(
        &mut self,
        schema: &Value,
        path: &str,
        members: Map<String, Value>,
    ) -> Map<String, Value> {
        let (fields, others) = (&schema["properties"], &schema["additionalProperties"]);
        let mut kept = Map::new();
        for (name, value) in members {
            let path = format!("{path}.{name}");
            let field = fields.get(&name).unwrap_or(others);
            let value = self.kept(field, &path, value);
            kept.extend(value.map(|value| (name, value)));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !kept.contains_key(name) {
                let path = format!("{path}.{name}");
                if !self.wrong.contains(&path) {
                    self.wrong.push(path);
                }
                kept.insert(name.to_owned(), blank(&fields[name]));
            }
        }
        kept
    }
}

/// Returns whether a value without members or items follows its schema, as far as reading it depends on that.
fn follows(schema: &Value, value: &Value) -> bool {
    let listed = schema["enum"]
        .as_array()
        .is_none_or(|all| all.contains(value));
    let bound = |name: &str| schema[name].as_f64();
    let within = |number: f64| {
        bound("minimum").is_none_or(|least| number >= least)
            && bound("maximum").is_none_or(|most| number <= most)
    };
    let of_type = match type_of(schema) {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() && value.as_f64().is_some_and(within),
        "number" => value.is_number(),
        "object" | "array" => false,
        // Free JSON.
        _ => true,
    };
    of_type && listed
}

/// Returns the value of a required field that says nothing.
fn blank(schema: &Value) -> Value {
    match type_of(schema) {
        "object" => Value::Object(Repair::default().members(schema, "", Map::new())),
        "array" => Value::Array(Vec::new()),
        "string" => match &schema["enum"][0] {
            Value::Null => Value::from(""),
            first => first.clone(),
        },
        "boolean" => Value::from(false),
        "integer" | "number" => match &schema["minimum"] {
            Value::Null => Value::from(0),
            least => Value::from(least.as_f64().unwrap_or_default().ceil() as i64),
        },
        _ => Value::Null,
    }
}

fn type_of(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::repair;
    use serde_json::{Value, json};

    fn repaired(value: Value) -> (Value, Vec<String>) {
        let text = json!({"type": "string"});
        let schema = json!({
            "type": "object",
            "required": ["name", "count"],
            "properties": {
                "name": text,
                "count": {"type": "integer", "minimum": 1.0, "maximum": 9.0},
                "on": {"type": "boolean"},
                "mode": {"type": "string", "enum": ["A", "B"]},
                "texts": {"type": "object", "additionalProperties": text},
                "list": {"type": "array", "items": {"type": "object", "required": ["key"], "properties": {"key": text}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
            }
        });
        repair(&schema, "spec", value)
    }

    #[test]
    fn what_follows_the_schema_is_kept_as_it_is() {
        let good = json!({
            "name": "a", "count": 9, "on": true, "mode": "B", "texts": {"a": "b"}, "list": [{"key": "a"}],
            "free": {"a": {"b": [1, null]}, "c": null}, "unknown": 7, "mode": null
        });
        assert_eq!(repaired(good.clone()), (good, Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_left_out_or_blank_where_it_is_required_and_its_path_is_returned() {
        for (wrong, kept, path) in [
            (json!({"on": "yes"}), json!({}), "spec.on"),
            (json!({"mode": "C"}), json!({}), "spec.mode"),
            (json!({"count": 10}), json!({"count": 1}), "spec.count"),
            (json!({"count": null}), json!({"count": 1}), "spec.count"),
            (json!({"name": {"a": 1}}), json!({"name": ""}), "spec.name"),
            (
                json!({"texts": {"a": 1, "b": "c"}}),
                json!({"texts": {"b": "c"}}),
                "spec.texts.a",
            ),
            (
                json!({"list": [{"key": "a"}, {}, {"key": "b"}]}),
                json!({"list": [{"key": "a"}, {"key": ""}, {"key": "b"}]}),
                "spec.list[1].key",
            ),
            (json!({"list": "a"}), json!({}), "spec.list"),
        ] {
            let whole = |members: &Value| {
                let mut whole = json!({"name": "a", "count": 1});
                for (name, value) in members.as_object().into_iter().flatten() {
                    whole[name] = value.clone();
                }
                whole
            };
            let (found, paths) = repaired(whole(&wrong));
            assert_eq!(found, whole(&kept), "{wrong}");
            assert_eq!(paths.join(", "), path, "{wrong}");
        }
        let blank = json!({"name": "", "count": 1});
        assert_eq!(repaired(json!(7)), (blank, vec!["spec".to_owned()]));
    }
}
