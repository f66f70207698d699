//! The schemas that the API publishes for values, and the check of a value against one.

use serde_json::Value;

/// The schema that a value has to follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ValueSchema {
    /// The config schema of a provider, or of one of its deployments.
    Config {
        /// The provider.
        provider: String,
        /// The deployment.
        deployment: Option<String>,
    },
    /// The schema of imports that create an auth config.
    Auth {
        /// The auth method, if it is known.
        method: Option<String>,
        /// The provider, for an import that creates an auth config.
        provider: Option<String>,
    },
    /// The schema of imports into an existing auth config.
    AuthConfig {
        /// Its id.
        id: String,
        /// Its auth method.
        method: Option<String>,
    },
}

/// Returns where `value` violates `schema`, as JSON pointers and keywords, never a value; `None` where it does not, or
/// where the schema itself is unusable.
#[must_use]
pub fn violations(schema: &Value, value: &Value) -> Option<String> {
    let validator = jsonschema::validator_for(schema).ok()?;
    let found: Vec<String> = validator
        .iter_errors(value)
        .take(10)
        .map(|error| {
            let keyword = error.schema_path().to_string();
            let keyword = keyword.rsplit('/').next().unwrap_or_default();
            let pointer = error.instance_path().to_string();
            let place = match pointer.as_str() {
                "" => "the whole value",
                pointer => pointer,
            };
            format!("{place} ({keyword})")
        })
        .collect();
    (!found.is_empty()).then(|| found.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_violation_names_pointer_and_keyword_and_no_value() {
        let schema = json!({
            "type": "object",
            "required": ["host"],
            "properties": {"port": {"type": "integer"}, "mode": {"enum": ["a"]}}
        });
        let found = violations(&schema, &json!({"port": "canary", "mode": "canary"})).unwrap();
        for part in ["/port (type)", "/mode (enum)", "the whole value (required)"] {
            assert!(found.contains(part), "{found}");
        }
        assert!(!found.contains("canary"));
        assert_eq!(violations(&schema, &json!({"host": "h", "port": 1})), None);
    }
}
