//! Secret values, which leave the process only in the requests that need them.

use serde_json::Value;
use zeroize::Zeroize;

/// A secret in memory. It has no `Debug`, `Display`, `Serialize`, `PartialEq` or `Clone`, so that it can't get into a log,
/// an error or a status by accident, and it is overwritten when dropped. [`expose`](Sensitive::expose) is the only way to
/// read it, and easy to search for.
pub struct Sensitive<T: Wipe>(T);

impl<T: Wipe> Sensitive<T> {
    /// Wraps a secret.
    pub fn new(secret: T) -> Self {
        Self(secret)
    }

    /// Returns the secret, for a request body, a fingerprint or a check only.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

/// A value that can be overwritten in place.
pub trait Wipe {
    /// Overwrites the content with zeros.
    fn wipe(&mut self);
}

impl Wipe for String {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Vec<u8> {
    fn wipe(&mut self) {
        self.zeroize();
    }
}

impl Wipe for Value {
    fn wipe(&mut self) {
        match self {
            Value::String(text) => text.zeroize(),
            Value::Array(items) => items.iter_mut().for_each(Wipe::wipe),
            Value::Object(map) => map.values_mut().for_each(Wipe::wipe),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
