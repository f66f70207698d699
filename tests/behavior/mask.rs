//! Replaces what differs from run to run: ids, fingerprints, times and the namespace. The same text gets the same mask.

use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The masks that were given so far, by prefix.
pub struct Mask {
    namespace: String,
    known: BTreeMap<String, Vec<String>>,
}

impl Mask {
    /// Returns a mask for the records of this namespace.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            known: BTreeMap::new(),
        }
    }

    /// Masks every text in a value.
    pub fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(all) => all.iter().map(|value| self.value(value)).collect(),
            Value::Object(all) => Value::Object(self.members(all)),
            other => other.clone(),
        }
    }

    fn members(&mut self, all: &Map<String, Value>) -> Map<String, Value> {
        let mut masked = Map::new();
        for (key, value) in all {
            let value = match (key.as_str(), value) {
                ("hash", Value::String(hash)) => self.numbered("hash", hash).into(),
                ("nonce", Value::String(_)) => "<random>".into(),
                ("remaining", _) => "<number>".into(),
                ("message", _) => "<message>".into(),
                (_, value) => self.value(value),
            };
            masked.insert(key.clone(), value);
        }
        masked
    }

    /// Masks a text.
    pub fn text(&mut self, text: &str) -> String {
        if text.parse::<Timestamp>().is_ok() {
            return "<time>".to_owned();
        }
        // An annotation may hold a record of its own.
        if let Ok(Value::Object(members)) = serde_json::from_str(text) {
            return Value::Object(self.members(&members)).to_string();
        }
        if text.starts_with("v1:") {
            return self.numbered("fp", text);
        }
        let mut masked = String::new();
        for part in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let end = part.len()
                - part
                    .chars()
                    .last()
                    .filter(|c| !c.is_ascii_alphanumeric() && *c != '_')
                    .map_or(0, char::len_utf8);
            let (word, rest) = part.split_at(end);
            masked += &self.word(word);
            masked += rest;
        }
        masked.replace(&self.namespace, "<namespace>")
    }

    /// An id is a short prefix, an underscore and many letters and digits.
    fn word(&mut self, word: &str) -> String {
        match word.split_once('_') {
            Some((prefix, rest))
                if (2..=4).contains(&prefix.len())
                    && rest.len() >= 8
                    && rest.chars().all(|c| c.is_ascii_alphanumeric()) =>
            {
                self.numbered(prefix, word)
            }
            _ => word.to_owned(),
        }
    }

    fn numbered(&mut self, prefix: &str, text: &str) -> String {
        let known = self.known.entry(prefix.to_owned()).or_default();
        let number = known.iter().position(|it| it == text).unwrap_or_else(|| {
            known.push(text.to_owned());
            known.len() - 1
        });
        format!("{prefix}_{}", number + 1)
    }
}
