//! What a resource wants and what is there, in one form for all kinds: a list of fields, each with the rule of how it
//! is sent, compared and changed.

use super::fingerprint::{Fingerprint, MacKey};
use super::marker::{Marker, Owner};
use crate::resources::Reason;
use crate::sensitive::Sensitive;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How one field of a kind travels and is compared. Rules are constants of the kind.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Path in the spec, as users know it.
    pub name: &'static str,
    /// Where it stands in the body of a create, as keys from the root.
    pub create: &'static [&'static str],
    /// How it is compared.
    pub compare: Compare,
    /// How a difference is brought in.
    pub remedy: Remedy,
}

/// How a field is compared with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It can be read back.
    Readable,
    /// It can't be read back: the fingerprint tells.
    WriteOnly,
    /// It can be read back only in another form; it never changes.
    Never,
}

/// How a difference is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// By a PATCH, under this key.
    Patch(&'static str),
    /// Not at all: the field can't be changed, which admission already said.
    Fixed,
}

/// A wanted value.
pub enum FieldValue {
    /// In the form that reading gives: trimmed, sorted.
    Plain(Value),
    /// With the place that it came from.
    Secret {
        /// The value.
        value: Sensitive<Value>,
        /// `Secret/name/key`, `ConfigMap/name/key` or `spec`.
        source: String,
    },
}

/// One wanted field.
pub struct Field {
    /// Its rule.
    pub rule: &'static FieldRule,
    /// Its value.
    pub value: FieldValue,
}

impl Field {
    /// A field that can be read back.
    #[must_use]
    pub fn plain(rule: &'static FieldRule, value: impl Into<Value>) -> Self {
        Self {
            rule,
            value: FieldValue::Plain(value.into()),
        }
    }

    /// A write-only field.
    #[must_use]
    pub fn secret(rule: &'static FieldRule, (value, source): (Sensitive<Value>, String)) -> Self {
        Self {
            rule,
            value: FieldValue::Secret { value, source },
        }
    }

    /// The value, for a body or a digest.
    #[must_use]
    pub fn expose(&self) -> &Value {
        match &self.value {
            FieldValue::Plain(value) => value,
            FieldValue::Secret { value, .. } => value.expose(),
        }
    }

    /// Whether only a fingerprint can tell it from another.
    #[must_use]
    pub fn is_write_only(&self) -> bool {
        self.rule.compare == Compare::WriteOnly
    }
}

/// The wanted remote object.
pub struct Desired {
    /// Its fields.
    pub fields: Vec<Field>,
    /// The user's metadata, without the marker.
    pub metadata: Map<String, Value>,
    /// The marker to be carried.
    pub marker: Marker,
    /// Digest of everything here: what is acknowledged under the same revision needs no write.
    pub revision: Fingerprint,
    /// Digests of the write-only fields, one each.
    pub inputs: Vec<Input>,
}

/// The digest of one write-only field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The spec field.
    pub field: &'static str,
    /// Where the value came from.
    pub source: String,
    /// Its digest.
    pub fingerprint: Fingerprint,
}

impl Desired {
    /// Signs fields and metadata for `owner`. Digests are bound to the resource's kind, namespace and name: the same
    /// value elsewhere has another digest, a restored resource has the same.
    #[must_use]
    pub fn new(
        fields: Vec<Field>,
        metadata: Map<String, Value>,
        owner: &Owner,
        key: &MacKey,
    ) -> Self {
        let scope = [&owner.kind, &owner.namespace, &owner.name].map(|part| part.as_bytes());
        let digest = |tag: &str, fields: &mut dyn Iterator<Item = &Field>, extra: &[u8]| {
            let texts: Vec<Sensitive<Vec<u8>>> = fields
                .flat_map(|field| [field.rule.name.as_bytes().to_vec(), bytes(field.expose())])
                .map(Sensitive::new)
                .collect();
            let mut parts: Vec<&[u8]> = vec![tag.as_bytes()];
            parts.extend(scope);
            parts.extend(texts.iter().map(|text| text.expose().as_slice()));
            parts.push(extra);
            key.fingerprint(&parts)
        };
        let secret = |field: &&Field| field.is_write_only();
        let inputs = fields
            .iter()
            .filter(secret)
            .map(|field| Input {
                field: field.rule.name,
                source: match &field.value {
                    FieldValue::Secret { source, .. } => source.clone(),
                    FieldValue::Plain(_) => "spec".to_owned(),
                },
                fingerprint: digest("input", &mut std::iter::once(field), &[]),
            })
            .collect();
        let fingerprint = digest("inputs", &mut fields.iter().filter(secret), &[]);
        let revision = digest(
            "revision",
            &mut fields.iter(),
            &bytes(&Value::Object(metadata.clone())),
        );
        Self {
            fields,
            metadata,
            marker: Marker {
                owner: owner.clone(),
                fingerprint: Some(fingerprint),
            },
            revision,
            inputs,
        }
    }
}

/// serde_json keeps object keys sorted, so equal values have equal bytes.
fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value serializes")
}

/// The readable part of a remote object, in one form for all kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteView {
    /// Its id.
    pub id: String,
    /// Whether it is there (archived and deleted objects are not).
    pub live: bool,
    /// Readable fields by the names of the kind's rules, in the same form as [`FieldValue::Plain`].
    pub fields: BTreeMap<&'static str, Value>,
    /// All of its metadata.
    pub metadata: Map<String, Value>,
    /// The operator's marker in it.
    pub marker: Option<Marker>,
    /// When it was made, by the API's clock.
    pub created_at: Timestamp,
    /// When it was last written, by the API's clock.
    pub updated_at: Timestamp,
    /// What the kind shows of it in its own part of the status.
    pub status: Map<String, Value>,
}

/// A spec or a value that can't be used: says which field and why, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// `InvalidValue` or `InvalidSpec`.
    pub reason: Reason,
    /// For a person.
    pub message: String,
}

impl Invalid {
    /// A value that the API can't take.
    #[must_use]
    pub fn value(message: impl Into<String>) -> Self {
        Self {
            reason: Reason::InvalidValue,
            message: message.into(),
        }
    }
}
