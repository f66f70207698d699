//! Validation of values against the JSON Schemas of the catalog.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value};

use crate::errors::{Problem, Result, refuse};
use crate::options::Options;

/// Returns 400 `invalid_data` unless the value matches the schema. `entity` is the type of the object it belongs to.
pub(crate) fn check(
    schema: &Value,
    value: &Map<String, Value>,
    entity: &str,
    options: &Options,
) -> Result<()> {
    refuse(
        &problems(schema, &Value::Object(value.clone())),
        entity,
        options,
    )
}

fn problems(schema: &Value, value: &Value) -> Vec<Problem> {
    let Ok(validator) = jsonschema::validator_for(schema) else {
        return Vec::new();
    };
    validator
        .iter_errors(value)
        .map(|error| {
            let mut path: Vec<String> = error
                .instance_path()
                .as_str()
                .split('/')
                .skip(1)
                .map(str::to_owned)
                .collect();
            let mut received = Some(error.instance().clone().into_owned());
            if let ValidationErrorKind::Required { property } = error.kind() {
                path.extend(property.as_str().map(str::to_owned));
                received = None;
            }
            Problem {
                code: error.kind().keyword().to_owned(),
                message: "The value does not fit the schema".to_owned(),
                path,
                expected: None,
                received,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_has_the_path_and_the_keyword() {
        let schema = json!({
            "type": "object", "required": ["a"], "properties": {"b": {"properties": {"c": {"type": "string"}}}},
        });
        let found = problems(&schema, &json!({"b": {"c": 5}}));
        let listed: Vec<_> = found
            .iter()
            .map(|p| (p.code.as_str(), p.path.join(".")))
            .collect();
        assert!(listed.contains(&("required", "a".to_owned())), "{listed:?}");
        assert!(listed.contains(&("type", "b.c".to_owned())), "{listed:?}");
    }
}
