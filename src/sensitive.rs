//! Values that must not leave through anything but a request body.

use serde_json::Value;
use zeroize::Zeroize;

/// A secret in memory. It can't be printed, compared, cloned or serialized, and it is wiped when dropped;
/// [`expose`](Sensitive::expose) is the one way to it, and easy to search for.
pub struct Sensitive<T: Wipe>(T);

impl<T: Wipe> Sensitive<T> {
    /// Takes charge of a secret.
    pub fn new(secret: T) -> Self {
        Self(secret)
    }

    /// The secret itself: for a request body, a digest or a check, and for nothing else.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Wipe> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.wipe();
    }
}

/// What can be overwritten in place.
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
