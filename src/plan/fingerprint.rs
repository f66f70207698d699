//! Fingerprints: keyed digests of values that can't be read back. Equal values are recognized by them, and without the key
//! nothing can be guessed from them.

use crate::sensitive::Sensitive;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

/// The key of the fingerprints, made once for a cluster.
pub struct MacKey {
    id: String,
    key: Sensitive<Vec<u8>>,
}

impl MacKey {
    /// Returns a key of at least 32 bytes; `None` for a shorter one.
    #[must_use]
    pub fn new(key: Vec<u8>) -> Option<Self> {
        let key = Sensitive::new(key);
        (key.expose().len() >= 32).then(|| Self {
            id: hex(&Sha256::digest(key.expose())[..4]),
            key,
        })
    }

    /// Returns the fingerprint of `parts` in that order. It depends on the length of each, so that no two lists have the same.
    #[must_use]
    pub fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.expose())
            .expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        Fingerprint(format!("v1:{}:{}", self.id, hex(&digest[..16])))
    }
}

/// A fingerprint as it is stored: `v1:<key id>:<mac>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Reads a stored fingerprint; anything may stand there, so anything is accepted.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Returns true if both were made with the same key, so that they can be compared.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        let key = |of: &Self| of.0.rsplit_once(':').map(|(key, _)| key.to_owned());
        key(self) == key(other)
    }

    /// Returns it as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns a number that distinguishes public texts. It needs no key.
#[must_use]
pub fn short_digest(text: &str) -> u32 {
    let digest = Sha256::digest(text.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// Returns bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        use fmt::Write;
        write!(text, "{byte:02x}").expect("writing to a String");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_key_order_and_bounds_of_the_parts() {
        let key = MacKey::new(vec![1; 32]).unwrap();
        let other = MacKey::new(vec![2; 32]).unwrap();
        let of = |parts: &[&[u8]]| key.fingerprint(parts);
        assert_eq!(of(&[b"a", b"b"]), of(&[b"a", b"b"]));
        assert_ne!(of(&[b"a", b"b"]), of(&[b"ab"]));
        assert_ne!(of(&[b"a", b"b"]), of(&[b"b", b"a"]));
        assert_ne!(of(&[b"a"]), other.fingerprint(&[b"a"]));
        assert!(MacKey::new(vec![0; 31]).is_none());
    }
}
