//! Ids like the API's: prefixed, opaque, sorted by creation.

use std::fmt;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) String);

        impl $name {
            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Id of an organization, whose keys share the rate limit.
    OrganizationId
);
id!(
    /// Id of an instance, the environment of a project that a key belongs to.
    InstanceId
);

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Generator of ids that sort by creation.
pub(crate) struct Ids {
    last: u64,
    random: StdRng,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let last = random.random_range(1 << 52..1 << 53);
        Ids { last, random }
    }

    /// Returns a new id with this prefix (`par`, `pac`, …).
    pub(crate) fn next(&mut self, prefix: &str) -> String {
        self.last += self.random.random_range(1..1 << 20);
        let mut rest = self.last;
        let mut digits = [b'0'; 10];
        for digit in digits.iter_mut().rev() {
            *digit = ALPHABET[(rest % 62) as usize];
            rest /= 62;
        }
        let ordered: String = digits.iter().map(|&digit| char::from(digit)).collect();
        format!("{prefix}_{ordered}{}", self.text(10))
    }

    /// Returns a new secret with this prefix.
    pub(crate) fn secret(&mut self, prefix: &str) -> String {
        format!("{prefix}_{}", self.text(48))
    }

    fn text(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(ALPHABET[self.random.random_range(0..ALPHABET.len())]))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation_and_repeat_with_the_seed() {
        let mut ids = Ids::new(7);
        let created: Vec<String> = (0..1000).map(|_| ids.next("par")).collect();
        assert!(created.is_sorted());
        assert_eq!(Ids::new(7).next("par"), created[0]);
        assert_ne!(Ids::new(8).next("par"), created[0]);
    }
}
