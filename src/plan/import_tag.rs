//! The tag in the note of an import: a fingerprint of the imported value, and the proof that this operator wrote it. Notes are
//! free text, so anybody who can import could write the prefix of another resource into one.

use super::fingerprint::{Fingerprint, MacKey};
use super::ownership::Owner;

/// Hexadecimal digits of each of the two fingerprints.
const DIGITS: usize = 12;

/// Returns the tag of a value with this fingerprint.
#[must_use]
pub fn sign(key: &MacKey, owner: &Owner, value: &Fingerprint) -> String {
    let value = shortened(value);
    let proof = proof(key, owner, &value);
    value + &proof
}

/// Returns true if `tag` was made by [`sign`] for `owner`.
#[must_use]
pub fn is_genuine(key: &MacKey, owner: &Owner, tag: &str) -> bool {
    let parts = tag.split_at_checked(DIGITS);
    parts.is_some_and(|(value, rest)| rest == proof(key, owner, value))
}

fn proof(key: &MacKey, owner: &Owner, value: &str) -> String {
    let Owner {
        kind,
        namespace,
        name,
        ..
    } = owner;
    let parts = ["import tag", kind, namespace, name, value].map(str::as_bytes);
    shortened(&key.fingerprint(&parts))
}

fn shortened(fingerprint: &Fingerprint) -> String {
    let text = fingerprint.as_str();
    text[text.len() - DIGITS..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::fixture::{mac, owner};

    #[test]
    fn a_tag_counts_only_for_its_owner_and_under_its_key() {
        let (key, owner) = (mac(), owner("uid"));
        let tag = sign(&key, &owner, &key.fingerprint(&[b"value"]));
        assert!(is_genuine(&key, &owner, &tag));
        let other = Owner {
            name: "slack".to_owned(),
            ..owner.clone()
        };
        assert!(!is_genuine(&key, &other, &tag));
        let other = MacKey::new(vec![9; 32]).unwrap();
        assert!(!is_genuine(&other, &owner, &tag));
        for forged in [
            "",
            "é",
            "0123456789ab",
            "0123456789abcdef01234567",
            &tag[1..],
        ] {
            assert!(!is_genuine(&key, &owner, forged), "{forged}");
        }
    }
}
