//! Memory for secrets: a byte buffer that leaves no copy behind when it grows, and JSON values that are wiped.

use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// Secret JSON value: wiped when dropped, readable through [`SecretValue::expose`] only.
pub struct SecretValue(Value);

impl SecretValue {
    /// Wraps `value`.
    #[must_use]
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Returns the value. The caller is responsible for keeping it out of logs and messages.
    #[must_use]
    pub fn expose(&self) -> &Value {
        &self.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(redacted)")
    }
}

impl<'de> Deserialize<'de> for SecretValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self)
    }
}

/// Overwrites every string in `value` with zeros. Numbers, booleans and member names are not overwritten.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Byte buffer that is wiped when it is dropped and when it moves to a larger allocation.
pub(crate) struct Buffer(Zeroizing<Vec<u8>>);

impl Buffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let needed = self.0.len() + bytes.len();
        if needed > self.0.capacity() {
            // Growing the `Vec` itself would free the old allocation without wiping it.
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity() * 2));
            larger.extend_from_slice(&self.0);
            self.0 = Zeroizing::new(larger);
        }
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wiping_overwrites_every_string_of_a_value() {
        let mut value = json!({"a": "one", "b": ["two", {"c": "three"}], "d": 4});
        wipe(&mut value);
        assert_eq!(value, json!({"a": "", "b": ["", {"c": ""}], "d": 4}));
    }

    #[test]
    fn a_buffer_keeps_its_content_when_it_grows() {
        let mut buffer = Buffer::with_capacity(2);
        for _ in 0..100 {
            buffer.push(b"abc");
        }
        assert_eq!(&*buffer, b"abc".repeat(100));
    }

    #[test]
    fn a_secret_value_does_not_print() {
        let secret = SecretValue::new(json!({"access_token": "canary"}));
        assert!(!format!("{secret:?}").contains("canary"));
        assert_eq!(secret.expose()["access_token"], "canary");
    }
}
