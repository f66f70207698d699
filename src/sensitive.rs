//! Secret values, which leave the process only in the requests that need them. Those in JSON are in a
//! [`SecretValue`](metorial::SecretValue).

use zeroize::Zeroize;

/// A secret in memory. It has no `Debug`, `Display`, `Serialize`, `PartialEq` or `Clone`, so that it can't get into a log,
/// an error or a status by accident, and it is overwritten when dropped. [`expose`](Sensitive::expose) is the only way to
/// read it, and easy to search for.
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Wraps a secret.
    pub fn new(secret: T) -> Self {
        Self(secret)
    }

    /// Returns the secret, for a request body, a fingerprint or a check only.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
