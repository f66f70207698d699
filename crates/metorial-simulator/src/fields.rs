//! Reading of a request body field by field, with all of its problems.

use serde_json::{Map, Value, json};

use crate::errors::{Problem, Result, refuse};
use crate::options::{Options, Quirk};

static NOTHING: Value = Value::Null;

/// Characters of a text, at most.
const LONGEST_TEXT: usize = 100_000;

/// JSON object of a body, or one nested in it.
pub(crate) struct Fields<'a> {
    body: Option<&'a Map<String, Value>>,
    path: Vec<&'a str>,
    nulls_are_absent: bool,
    problems: Vec<Problem>,
}

impl<'a> Fields<'a> {
    /// Reads a body. If it isn't an object, that is its only problem.
    pub(crate) fn of(body: &'a Value, options: &Options) -> Self {
        let mut fields = Fields {
            body: body.as_object(),
            path: Vec::new(),
            nulls_are_absent: !options.has(Quirk::PatchRefusesNull),
            problems: Vec::new(),
        };
        if fields.body.is_none() {
            fields
                .problems
                .push(Problem::type_of(&[], "object", Some(body)));
        }
        fields
    }

    /// Returns whether the field was sent, with any value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.body.is_some_and(|body| body.contains_key(name))
    }

    /// Returns whether the field was sent as null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.get(name).is_some_and(Value::is_null)
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.body?.get(name)
    }

    fn add_problem(&mut self, name: &'a str, expected: &str, received: Option<&Value>) {
        if self.body.is_none() {
            return;
        }
        let mut path = self.path.clone();
        path.push(name);
        self.problems
            .push(Problem::type_of(&path, expected, received));
    }

    pub(crate) fn required_text(&mut self, name: &'a str) -> String {
        match self.get(name) {
            Some(Value::String(text)) => self.limited(name, text),
            other => {
                self.add_problem(name, "string", other);
                String::new()
            }
        }
    }

    pub(crate) fn optional_text(&mut self, name: &'a str) -> Option<String> {
        match self.get(name) {
            None => None,
            Some(Value::Null) if self.nulls_are_absent => None,
            Some(Value::String(text)) => Some(self.limited(name, text)),
            other => {
                self.add_problem(name, "string", other);
                None
            }
        }
    }

    /// Copies a text, and adds a problem if it is too long.
    fn limited(&mut self, name: &'a str, text: &str) -> String {
        if text.chars().nth(LONGEST_TEXT).is_some() {
            self.refuse_value(name, "string of at most 100000 characters");
        }
        text.to_owned()
    }

    /// Reads a text that may be null. None if it wasn't sent.
    pub(crate) fn nullable_text(&mut self, name: &'a str) -> Option<Option<String>> {
        match self.get(name)? {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(self.limited(name, text))),
            other => {
                self.add_problem(name, "string", Some(other));
                None
            }
        }
    }

    /// Reads a text as a create stores it: trimmed, and null if it is blank ▲.
    pub(crate) fn trimmed(&mut self, name: &'a str) -> Value {
        let text = self.optional_text(name).unwrap_or_default();
        match js_trim(&text) {
            "" => Value::Null,
            text => text.into(),
        }
    }

    pub(crate) fn required_object(&mut self, name: &'a str) -> Map<String, Value> {
        match self.get(name) {
            Some(Value::Object(object)) => object.clone(),
            other => {
                self.add_problem(name, "object", other);
                Map::new()
            }
        }
    }

    /// Reads an object; null if it wasn't sent.
    pub(crate) fn optional_object(&mut self, name: &'a str) -> Value {
        match self.get(name) {
            None => Value::Null,
            Some(Value::Null) if self.nulls_are_absent => Value::Null,
            Some(object @ Value::Object(_)) => object.clone(),
            other => {
                self.add_problem(name, "object", other);
                Value::Null
            }
        }
    }

    /// Reads a list of strings.
    pub(crate) fn required_texts(&mut self, name: &'a str) -> Value {
        let list = self.get(name);
        match list.and_then(Value::as_array) {
            Some(texts) if texts.iter().all(Value::is_string) => json!(texts),
            _ => {
                self.add_problem(name, "string[]", list);
                Value::Null
            }
        }
    }

    /// Reads tool filters and returns them in the shape of answers: `allow_all`, or a list of filters. None if they weren't
    /// sent.
    pub(crate) fn tool_filter(&mut self, name: &'a str) -> Option<Value> {
        let sent = self.get(name)?;
        let filters = match sent {
            Value::Null => Vec::new(),
            Value::Array(filters) => filters.clone(),
            filter => vec![filter.clone()],
        };
        if !filters.iter().all(is_tool_filter) {
            self.add_problem(name, "tool_filters", Some(sent));
        }
        Some(if filters.is_empty() {
            allow_all()
        } else {
            json!({"type": "filter", "filters": filters})
        })
    }

    /// Reads an object nested in this one, if it was sent.
    pub(crate) fn optional_nested(&mut self, name: &'a str, read: impl FnOnce(&mut Fields<'a>)) {
        let absent = !self.has(name) || (self.is_null(name) && self.nulls_are_absent);
        if !absent {
            self.nested(name, read);
        }
    }

    /// Reads an object nested in this one.
    pub(crate) fn nested(&mut self, name: &'a str, read: impl FnOnce(&mut Fields<'a>)) {
        let value = self.get(name).unwrap_or(&NOTHING);
        if !value.is_object() {
            return self.add_problem(name, "object", self.get(name));
        }
        let mut path = self.path.clone();
        path.push(name);
        let mut nested = Fields {
            body: value.as_object(),
            path,
            nulls_are_absent: self.nulls_are_absent,
            problems: Vec::new(),
        };
        read(&mut nested);
        self.problems.append(&mut nested.problems);
    }

    /// Adds a problem for a field that has the right type and an invalid value.
    pub(crate) fn refuse_value(&mut self, name: &'a str, expected: &str) {
        let received = self.get(name);
        self.add_problem(name, expected, received);
    }

    /// Returns 400 if there is any problem.
    pub(crate) fn check(&self, options: &Options) -> Result<()> {
        refuse(&self.problems, "body", options)
    }
}

/// Returns a text as JavaScript's `trim` does: the byte order mark is white space there, and the control character NEL is not.
pub(crate) fn js_trim(text: &str) -> &str {
    text.trim_matches(|it: char| it == '\u{feff}' || (it.is_whitespace() && it != '\u{85}'))
}

/// Returns the tool filter of an object without filters, in the shape of answers.
pub(crate) fn allow_all() -> Value {
    json!({"type": "allow_all"})
}

fn is_tool_filter(filter: &Value) -> bool {
    let has_text = |field: &str| filter[field].is_string();
    let has_texts = |field: &str| {
        let texts = filter[field].as_array();
        texts.is_some_and(|texts| texts.iter().all(Value::is_string))
    };
    match filter["type"].as_str() {
        Some("tool_keys" | "prompt_keys") => has_texts("keys"),
        Some("resource_uris") => has_texts("uris"),
        Some("tool_regex" | "resource_regex" | "prompt_regex") => has_text("pattern"),
        _ => false,
    }
}

/// Returns whether any string of this JSON contains NUL.
pub(crate) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_filters_are_read_in_another_shape_than_written() {
        let read = |sent: Value| {
            let body = json!({"tool_filters": sent});
            let options = Options::default();
            let mut fields = Fields::of(&body, &options);
            let filter = fields.tool_filter("tool_filters");
            fields
                .check(&options)
                .map(|()| filter)
                .map_err(|error| error.status)
        };
        let keys = json!({"type": "tool_keys", "keys": ["a"]});
        assert_eq!(
            read(Value::Null).unwrap(),
            Some(json!({"type": "allow_all"}))
        );
        let filtered = json!({"type": "filter", "filters": [keys]});
        assert_eq!(read(keys.clone()).unwrap(), Some(filtered.clone()));
        assert_eq!(read(json!([keys])).unwrap(), Some(filtered));
        assert_eq!(read(json!({"type": "tool_keys"})).unwrap_err(), 400);
        assert_eq!(read(json!([{"type": "nonsense"}])).unwrap_err(), 400);
    }

    #[test]
    fn texts_are_trimmed_as_javascript_does_and_have_a_limit() {
        let options = Options::default();
        let read = |text: String| {
            let body = json!({"name": text});
            let mut fields = Fields::of(&body, &options);
            let name = fields.trimmed("name");
            let checked = fields.check(&options);
            checked.map(|()| name).map_err(|error| error.status)
        };
        assert_eq!(read("\u{feff} a\u{a0}".to_owned()).unwrap(), "a");
        assert_eq!(read("\u{feff}".to_owned()).unwrap(), Value::Null);
        assert_eq!(read("\u{85}".to_owned()).unwrap(), "\u{85}");
        assert!(read("ä".repeat(LONGEST_TEXT)).is_ok());
        assert_eq!(read("ä".repeat(LONGEST_TEXT + 1)).unwrap_err(), 400);
    }
}
