//! What a resource wants and what is there, in one form for all kinds: a list of fields, each with the rule of how it
//! is sent, compared and changed.

use super::export::Exporting;
use super::fingerprint::{Fingerprint, MacKey};
use super::marker::{Marker, Owner};
use crate::resources::Reason;
use crate::sensitive::Sensitive;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

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
    /// What an empty value means.
    pub blank: Blank,
}

/// What an empty value (null, an empty text or list) means on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// It is sent like any other.
    Value,
    /// It is left out of a create, and clears the field in a PATCH.
    Clears,
    /// It is left out of a create, and null clears the field in a PATCH.
    ClearsByNull,
    /// It is left out of a create, and the API ignores it in a PATCH: so it is no difference.
    Ignored,
}

/// Whether a value is empty.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// How a field is compared with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It can be read back.
    Readable,
    /// It can't be read back, or only in another form: the fingerprint tells.
    WriteOnly,
    /// It can be read back only in another form; it never changes.
    Never,
}

/// How a difference is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// By a PATCH, under this key.
    Patch(&'static str),
    /// By an import that names the object.
    Import,
    /// Only by another object in its place.
    Replace,
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

    /// Whether the value may not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.value, FieldValue::Secret { .. })
    }

    /// Whether only a fingerprint can tell it from another.
    #[must_use]
    pub fn is_write_only(&self) -> bool {
        self.rule.compare == Compare::WriteOnly
    }
}

/// Where the wanted remote object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// It is made in its collection.
    Own,
    /// It is made by an import.
    OwnByImport,
    /// It exists already and is somebody else's: only values go into it.
    Borrowed(String),
}

/// What an import of this resource says about itself.
#[derive(Clone)]
pub struct Importing {
    /// The note, without the tag.
    pub note: String,
    /// Whether one import is all there is ever to be.
    pub once: bool,
    key: Arc<MacKey>,
    base: Fingerprint,
}

impl Importing {
    /// The tag of the import that brings in the wanted value after the import `previous`: so the same value twice in
    /// a row of changes has two tags.
    #[must_use]
    pub fn tag(&self, previous: Option<&str>) -> String {
        let previous = previous.unwrap_or_default();
        let parts = [
            b"import",
            self.base.as_str().as_bytes(),
            previous.as_bytes(),
        ];
        let mac = self.key.fingerprint(&parts);
        mac.as_str().chars().rev().take(12).collect()
    }
}

/// What a kind says of a resource besides its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Where the remote object comes from.
    pub target: Target,
    /// The note of imports, without the tag; `None` for kinds that never import.
    pub note: Option<String>,
    /// Whether one import is all there is ever to be.
    pub once: bool,
    /// How exports are made; `None` for kinds that never export.
    pub exporting: Option<Exporting>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            target: Target::Own,
            note: None,
            once: false,
            exporting: None,
        }
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
    /// Where it comes from.
    pub target: Target,
    /// How its imports are told; `None` for kinds that never import.
    pub importing: Option<Importing>,
    /// How its exports are made; `None` for kinds that never export.
    pub exporting: Option<Exporting>,
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
        manner: Manner,
        owner: &Owner,
        key: &Arc<MacKey>,
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
        let place = match &manner.target {
            Target::Borrowed(id) => id.as_bytes(),
            Target::Own | Target::OwnByImport => &[],
        };
        let base = digest("import", &mut fields.iter().filter(secret), place);
        let importing = manner.note.map(|note| Importing {
            note,
            once: manner.once,
            key: key.clone(),
            base,
        });
        let revision = digest(
            "revision",
            &mut fields.iter(),
            &[bytes(&Value::Object(metadata.clone())), place.to_vec()].concat(),
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
            target: manner.target,
            importing,
            exporting: manner.exporting,
        }
    }

    /// Whether the object is somebody else's.
    #[must_use]
    pub fn borrowed(&self) -> Option<&String> {
        match &self.target {
            Target::Borrowed(id) => Some(id),
            Target::Own | Target::OwnByImport => None,
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.rule.name == name)
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
    /// Whether it belongs to a person's consent, so that nobody else may write it.
    pub consent: bool,
    /// The auth method that its value follows, for auth configs.
    pub auth_method: Option<String>,
}

/// One import as the API lists it, seen from one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSeen {
    /// Its id.
    pub id: String,
    /// The tag in its note, if the note says that it is ours.
    pub tag: Option<String>,
    /// Whether it is ours by the metadata that a create left in it.
    pub of_create: bool,
    /// When it was made, by the API's clock.
    pub created_at: Timestamp,
    /// When its value expires.
    pub expires_at: Option<Timestamp>,
}

/// One export of ours as the API lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportSeen {
    /// Its id.
    pub id: String,
    /// When it was made, by the API's clock.
    pub created_at: Timestamp,
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
