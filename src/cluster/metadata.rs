//! An object as lists and watches read it: a few fields of its metadata. Everything else is skipped while it is read, so
//! that it costs no memory and can't make the object unreadable, however large or deep somebody made it.

use crate::resources::is_own_annotation;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// An object with nothing but its metadata, as in a PartialObjectMetadata.
#[derive(Clone, Debug, Deserialize)]
pub struct PartialObject {
    /// Its metadata.
    pub metadata: Metadata,
}

/// The part of an object's metadata that matters to anybody here.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// Its name.
    pub name: String,
    /// Its namespace; empty for a cluster-wide kind.
    #[serde(default)]
    pub namespace: String,
    /// Its uid.
    pub uid: Option<String>,
    /// The version of its spec.
    pub generation: Option<i64>,
    /// Its version.
    #[serde(default)]
    pub resource_version: String,
    /// Its annotations.
    #[serde(default, deserialize_with = "own_annotations")]
    pub annotations: Digest,
    /// Its finalizers.
    #[serde(default)]
    pub finalizers: Vec<String>,
    deletion_timestamp: Option<IgnoredAny>,
}

impl Metadata {
    /// Returns whether it is being deleted.
    #[must_use]
    pub fn terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// Returns whether it has this finalizer.
    #[must_use]
    pub fn has_finalizer(&self, name: &str) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == name)
    }
}

/// A digest of the operator's own annotations; those of others mean nothing to it. The texts themselves are not kept: up to
/// 256 KiB of annotations are anybody's to set. The API server sends them sorted, so equal annotations have equal digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(DefaultHasher::new().finish())
    }
}

fn own_annotations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    Option::<Digest>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut texts: A) -> Result<Digest, A::Error> {
                let mut hasher = DefaultHasher::new();
                while let Some(entry) = texts.next_entry::<String, String>()? {
                    if is_own_annotation(&entry.0) {
                        entry.hash(&mut hasher);
                    }
                }
                Ok(Digest(hasher.finish()))
            }
        }
        deserializer.deserialize_map(Texts)
    }
}

#[cfg(test)]
mod tests {
    use super::PartialObject;

    fn object(rest: &str) -> PartialObject {
        let text = format!(r#"{{"metadata":{{"name":"a"{rest}}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn managed_fields_of_any_depth_and_other_fields_of_any_type_are_skipped() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let found = object(&format!(r#","managedFields":{deep},"labels":7"#));
        assert_eq!(found.metadata.name, "a");
        assert!(!found.metadata.terminating());
        assert!(
            object(r#","deletionTimestamp":"2026-01-01T00:00:00Z""#)
                .metadata
                .terminating()
        );
    }

    #[test]
    fn only_the_annotations_of_the_operator_are_in_the_digest() {
        let digest = |annotations: &str| {
            let found = object(&format!(r#","annotations":{annotations}"#));
            found.metadata.annotations
        };
        let none = object("").metadata.annotations;
        for foreign in [
            "null",
            "{}",
            r#"{"a":"b"}"#,
            r#"{"metorial.community/a":"b"}"#,
        ] {
            assert_eq!(digest(foreign), none, "{foreign}");
        }
        let first = digest(r#"{"a":"b","metorial.com/c":"d","metorial.com/e":"f"}"#);
        assert_eq!(
            digest(r#"{"metorial.com/c":"d","metorial.com/e":"f"}"#),
            first
        );
        for other in [
            "null",
            r#"{"metorial.com/c":"d"}"#,
            r#"{"metorial.com/c":"df","metorial.com/e":""}"#,
            r#"{"metorial.com/c":"d","metorial.com/e":"g"}"#,
        ] {
            assert_ne!(digest(other), first, "{other}");
        }
    }
}
