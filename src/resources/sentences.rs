//! Messages of admission: a pattern of the schema becomes a rule with a message, because the API server answers
//! a violated pattern with the regular expression alone.

use super::schema;
use serde_json::{Map, Value, json};

/// The patterns of the schemas, and what is said about a text that does not match.
const SENTENCES: [(&str, &str); 12] = [
    (
        schema::NAME,
        "must be the name of an object: lower-case letters, digits, '-' and '.', such as my-app",
    ),
    (
        schema::NAMESPACE,
        "must be the name of a namespace: lower-case letters, digits and '-', such as team-a",
    ),
    (
        schema::KEY,
        "must be a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.', such as client-secret",
    ),
    (
        schema::LABEL_KEY,
        "must be the key of a label, such as team or example.com/team",
    ),
    (
        schema::LABEL_VALUE,
        "must be the value of a label: letters, digits, '-', '_' and '.', such as team-a",
    ),
    (
        schema::ID,
        "must be an id of Metorial: letters, digits, '-' and '_'",
    ),
    (schema::UID, "must be a uid: letters, digits and '-'"),
    (
        schema::ALIAS,
        "must be an id or alias of Metorial, such as github: letters, digits and '@._~:+-/'",
    ),
    (
        schema::DURATION,
        "must be a duration: use h, m and s, as in 24h or 1h30m",
    ),
    (
        schema::WHEN,
        "must be Once, OnChange or a duration: use h, m and s, as in 24h or 1h30m",
    ),
    (
        schema::POINTER,
        "must be a JSON pointer, such as /password or /database/password",
    ),
    (
        schema::URL,
        "must be an http or https URL without user info, such as https://api.metorial.com",
    ),
];

/// Replaces every pattern that there is a sentence for.
pub fn with_sentences(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            replace(members);
            members.values_mut().for_each(with_sentences);
        }
        Value::Array(items) => items.iter_mut().for_each(with_sentences),
        _ => {}
    }
}

fn replace(schema: &mut Map<String, Value>) {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let known = SENTENCES.iter().find(|(known, _)| Some(*known) == pattern);
    let Some((pattern, sentence)) = known else {
        return;
    };
    schema.remove("pattern");
    let matches = format!("self.matches(r'{pattern}')");
    let mut rules = vec![json!({"rule": matches, "message": sentence})];
    // The other rules say something about what matches.
    let others = schema.remove("x-kubernetes-validations");
    let others = others.as_ref().and_then(Value::as_array);
    for other in others.into_iter().flatten() {
        let rule = other["rule"].as_str().unwrap_or_default();
        let mut other = other.clone();
        other["rule"] = format!("!{matches} || ({rule})").into();
        rules.push(other);
    }
    schema.insert("x-kubernetes-validations".to_owned(), rules.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::definitions::definitions;

    #[test]
    fn a_pattern_becomes_a_rule_with_a_message_and_guards_the_other_rules() {
        let mut schema = json!({"type": "string", "pattern": schema::DURATION, "x-kubernetes-validations": [
            {"rule": "duration(self) > duration('1m')", "message": "too short"},
        ]});
        with_sentences(&mut schema);
        assert!(schema.get("pattern").is_none());
        let rules = schema["x-kubernetes-validations"].as_array().unwrap();
        assert_eq!(rules.len(), 2);
        let rule = rules[1]["rule"].as_str().unwrap();
        assert!(
            rule.starts_with("!self.matches(r'")
                && rule.ends_with("(duration(self) > duration('1m'))"),
            "{rule}"
        );
    }

    #[test]
    fn no_definition_answers_with_a_regular_expression() {
        for definition in definitions() {
            let kind = definition.spec.names.kind.clone();
            let definition = serde_json::to_value(definition).unwrap();
            let patterns = patterns(&definition);
            assert!(patterns.is_empty(), "{kind}: {patterns:?}");
        }
    }

    /// Returns the patterns that are left; a field of that name is an object.
    fn patterns(schema: &Value) -> Vec<&str> {
        match schema {
            Value::Object(members) => {
                let own = members.get("pattern").and_then(Value::as_str);
                own.into_iter()
                    .chain(members.values().flat_map(patterns))
                    .collect()
            }
            Value::Array(items) => items.iter().flat_map(patterns).collect(),
            _ => Vec::new(),
        }
    }
}
