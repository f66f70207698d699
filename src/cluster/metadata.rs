//! An object as lists and watches read it: a few fields of its metadata. Everything else is skipped while it is read, so
//! that it costs no memory and can't make the object unreadable, however large or deep somebody made it.

use crate::resources::{ResourceKey, is_own_annotation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

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
    /// Its annotations that are the operator's own.
    #[serde(default, deserialize_with = "own_annotations")]
    pub annotations: BTreeMap<String, String>,
    /// Its finalizers.
    #[serde(default)]
    pub finalizers: Vec<String>,
    deletion_timestamp: Option<IgnoredAny>,
}

impl Metadata {
    /// Returns the key of the object, which is of this kind.
    #[must_use]
    pub fn key(&self, kind: &'static str) -> ResourceKey {
        ResourceKey::new(kind, &self.namespace, &self.name)
    }

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

/// Reads the operator's own annotations; those of others mean nothing to it. They are not kept: up to 256 KiB of annotations
/// are anybody's to set, and one may repeat the content of a Secret.
fn own_annotations<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let all = Option::<BTreeMap<String, String>>::deserialize(deserializer)?;
    let mut own = all.unwrap_or_default();
    own.retain(|key, _| is_own_annotation(key));
    Ok(own)
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
    fn only_the_annotations_of_the_operator_are_kept() {
        let own = |annotations: &str| {
            let found = object(&format!(r#","annotations":{annotations}"#));
            Vec::from_iter(found.metadata.annotations)
        };
        assert!(object("").metadata.annotations.is_empty());
        for foreign in [
            "null",
            "{}",
            r#"{"a":"b"}"#,
            r#"{"metorial.community/a":"b"}"#,
        ] {
            assert!(own(foreign).is_empty(), "{foreign}");
        }
        let kept = [("metorial.com/c", "d"), ("metorial.com/e", "f")];
        let kept = kept.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(
            own(r#"{"a":"b","metorial.com/c":"d","metorial.com/e":"f"}"#),
            kept
        );
    }
}
