//! The desired remote object, in one form for all kinds: its fields, signed, and where it comes from.

use super::children::ChildSpec;
use super::fields::{Compare, Field, FieldValue, Remedy, Role};
use super::fingerprint::{Fingerprint, MacKey};
use super::import_tag;
use super::ownership::{Marker, Owner};
use super::schema::ValueSchema;
use crate::resources::{Reason, Workload};
use crate::sensitive::Sensitive;
use jiff::{SignedDuration, Timestamp};
use metorial::Collection;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Where the remote object comes from, and which audit records are written for it. Combinations that the API does not
/// know can't be expressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Created in its collection.
    Create,
    /// Created in its collection; later values go in by imports.
    CreateThenImport(Imports),
    /// Created by the first import.
    Import(Imports),
    /// An existing auth config of somebody else's, which values are imported into.
    ImportInto(External, Imports),
    /// An existing auth config of somebody else's, whose value is exported.
    ExportFrom(External, Exports),
}

/// An object that a resource uses and that is not its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Its id.
    pub id: String,
    /// The uid of the resource that the spec refers to; `None` where the spec names the id itself.
    pub owner: Option<String>,
}

/// An object that a create names and that is not the resource's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Its collection.
    pub collection: Collection,
    /// The field of the spec that names it by its id.
    pub field: &'static str,
    /// The object.
    pub object: External,
}

impl Source {
    /// Returns the object that belongs to somebody else.
    #[must_use]
    pub fn external(&self) -> Option<&External> {
        match self {
            Self::ImportInto(external, _) | Self::ExportFrom(external, _) => Some(external),
            Self::Create | Self::CreateThenImport(_) | Self::Import(_) => None,
        }
    }

    /// Returns how imports are made.
    #[must_use]
    pub fn imports(&self) -> Option<&Imports> {
        match self {
            Self::CreateThenImport(imports)
            | Self::Import(imports)
            | Self::ImportInto(_, imports) => Some(imports),
            Self::Create | Self::ExportFrom(..) => None,
        }
    }

    /// Returns how exports are made.
    #[must_use]
    pub fn exports(&self) -> Option<&Exports> {
        match self {
            Self::ExportFrom(_, exports) => Some(exports),
            _ => None,
        }
    }
}

/// The settings of the imports of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imports {
    /// The note in the audit log, without the tag.
    pub note: String,
    /// True if there is only ever to be one.
    pub once: bool,
}

/// The settings of the exports of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exports {
    /// When one is due.
    pub when: When,
    /// The most in any 24 hours.
    pub max_per_day: usize,
    /// The note in the audit log.
    pub note: String,
    /// The deployment, for servers that have exports below deployments.
    pub deployment: Option<String>,
    /// The Secret that they are written to.
    pub secret: ChildSpec,
    /// The workloads that are restarted each time that the Secret holds another content.
    pub workloads: Vec<Workload>,
}

impl Exports {
    /// Returns what the Secret is to look like and when it gets another value, for the revision.
    fn form(&self) -> Vec<u8> {
        let secret = &self.secret;
        let when = match self.when {
            When::Once => "Once".to_owned(),
            When::OnChange => "OnChange".to_owned(),
            When::Every(period) => period.to_string(),
        };
        bytes(&json!({
            "name": secret.name,
            "type": secret.type_,
            "format": secret.format,
            "labels": secret.labels,
            "annotations": secret.annotations,
            "when": when,
        }))
    }

    /// Returns the time until the next export, where they are made periodically.
    #[must_use]
    pub fn due_in(&self, last: Timestamp, now: Timestamp) -> Option<Duration> {
        let When::Every(period) = self.when else {
            return None;
        };
        let left = period - now.duration_since(last);
        Some(Duration::try_from(left).unwrap_or_default())
    }
}

/// When an export is due besides those that replace expiring tokens, which only `Once` rules out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only once.
    Once,
    /// When another value was imported.
    OnChange,
    /// Again after this period.
    Every(SignedDuration),
}

/// The wishes of a kind for its remote object, before they are signed.
pub struct Wanted {
    /// Its fields.
    pub fields: Vec<Field>,
    /// Where it comes from.
    pub source: Source,
    /// The schema that the value has to follow, where it is to be checked.
    pub schema: Option<ValueSchema>,
    /// The objects that a create names.
    pub uses: Vec<Used>,
}

/// The desired remote object.
pub struct Desired {
    /// Its fields.
    pub fields: Vec<Field>,
    /// The user's metadata, without the marker.
    pub metadata: Map<String, Value>,
    /// The marker that it is to carry.
    pub marker: Marker,
    /// Fingerprint of everything here: what the API acknowledged under the same revision needs no write.
    pub revision: Fingerprint,
    /// Fingerprints of the write-only fields, one each.
    pub inputs: Vec<Input>,
    /// Fingerprints of the fields that can't be read back everywhere, one each.
    pub partly_readable: Vec<Input>,
    /// Where it comes from.
    pub source: Source,
    /// The schema that the value has to follow, where it is to be checked.
    pub schema: Option<ValueSchema>,
    /// The objects that a create names.
    pub uses: Vec<Used>,
    /// Digest of the state of the resources that the spec refers to.
    pub references: u64,
    key: Arc<MacKey>,
    import_base: Fingerprint,
}

/// The fingerprint of one write-only field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The spec field.
    pub field: &'static str,
    /// `Secret/name/key`, `ConfigMap/name/key` or `spec`.
    pub source: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

impl Desired {
    /// Returns the message of a resource whose desired state the API has acknowledged.
    #[must_use]
    pub fn synced_message(&self) -> &'static str {
        if self.inputs.is_empty() {
            "Metorial has this generation"
        } else {
            "Metorial has this generation and these secret values"
        }
    }

    /// Signs what a kind wants for `owner`. Fingerprints are bound to the resource's kind, namespace and name: the same value
    /// elsewhere has another fingerprint, and a restored resource has the same.
    #[must_use]
    pub fn new(
        wanted: Wanted,
        metadata: Map<String, Value>,
        owner: &Owner,
        key: &Arc<MacKey>,
    ) -> Self {
        let Wanted {
            fields,
            source,
            schema,
            uses,
        } = wanted;
        let signer = Signer { owner, key };
        let write_only = || fields.iter().filter(|field| field.is_write_only());
        let external = source
            .external()
            .map_or(&b""[..], |external| external.id.as_bytes())
            .to_vec();
        let own_keys = metadata.keys().filter(|_| external.is_empty());
        let inputs: Vec<Input> = write_only().map(|field| signer.input(field)).collect();
        let partly_readable = |field: &&Field| field.rule.compare == Compare::PartlyReadable;
        let partly_readable = fields.iter().filter(partly_readable);
        // A status shows the revision, so the secret values in it, those included that are never compared, are represented by
        // fingerprints that depend on their origin.
        let mut rest = [bytes(&Value::Object(metadata.clone())), external.clone()].concat();
        for input in &inputs {
            rest.extend(input.fingerprint.as_str().as_bytes());
        }
        let readable = || fields.iter().filter(|field| !field.is_write_only());
        for field in readable().filter(|field| field.is_secret()) {
            rest.extend(b"only created with");
            rest.extend(signer.input(field).fingerprint.as_str().as_bytes());
        }
        if let Some(exports) = source.exports() {
            rest.extend(exports.form());
        }
        let readable = readable().filter(|field| !field.is_secret());
        Self {
            marker: Marker {
                owner: owner.clone(),
                fingerprint: Some(signer.fingerprint("inputs", write_only(), &[])),
                keys: own_keys.cloned().collect(),
            },
            revision: signer.fingerprint("revision", readable, &rest),
            partly_readable: partly_readable.map(|field| signer.input(field)).collect(),
            inputs,
            import_base: signer.fingerprint("import", write_only(), &external),
            key: key.clone(),
            fields,
            metadata,
            source,
            schema,
            uses,
            references: 0,
        }
    }

    /// Adds the state of the resources that the spec refers to.
    #[must_use]
    pub fn referring_to(self, references: u64) -> Self {
        Self { references, ..self }
    }

    /// Returns the input of that field: one that can't be read back, or not everywhere.
    #[must_use]
    pub fn input(&self, name: &str) -> Option<&Input> {
        self.all_inputs().find(|input| input.field == name)
    }

    /// Returns the inputs of all fields that can't be read back, or not everywhere.
    pub fn all_inputs(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().chain(&self.partly_readable)
    }

    /// Returns the field with this role.
    #[must_use]
    pub fn role(&self, role: Role) -> Option<&Field> {
        self.fields.iter().find(|field| field.rule.role == role)
    }

    /// Returns the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.rule.name == name)
    }

    /// Returns the remedy of a difference in the field of that name.
    #[must_use]
    pub fn remedy(&self, name: &str) -> Option<Remedy> {
        self.field(name).map(|field| field.rule.remedy)
    }

    /// Returns the fingerprint of the value that imports carry, as statuses show it.
    #[must_use]
    pub fn value_fingerprint(&self) -> Option<&Fingerprint> {
        let name = self.role(Role::Value)?.rule.name;
        let input = self.inputs.iter().find(|input| input.field == name);
        input.map(|input| &input.fingerprint)
    }

    /// Returns the tag of the import of the desired value that follows the import `previous`, so that a value that
    /// returns after another one has two tags.
    #[must_use]
    pub fn import_tag(&self, previous: Option<&str>) -> String {
        let previous = previous.unwrap_or_default();
        let parts = [
            b"import",
            self.import_base.as_str().as_bytes(),
            previous.as_bytes(),
        ];
        import_tag::sign(&self.key, &self.marker.owner, &self.key.fingerprint(&parts))
    }
}

struct Signer<'a> {
    owner: &'a Owner,
    key: &'a MacKey,
}

impl Signer<'_> {
    fn fingerprint<'f>(
        &self,
        tag: &str,
        fields: impl Iterator<Item = &'f Field>,
        extra: &[u8],
    ) -> Fingerprint {
        let texts: Vec<Sensitive<Vec<u8>>> = fields
            .flat_map(|field| [field.rule.name.as_bytes().to_vec(), bytes(field.expose())])
            .map(Sensitive::new)
            .collect();
        let mut parts: Vec<&[u8]> = vec![tag.as_bytes()];
        let owner = self.owner;
        parts.extend([&owner.kind, &owner.namespace, &owner.name].map(|part| part.as_bytes()));
        parts.extend(texts.iter().map(|text| text.expose().as_slice()));
        parts.push(extra);
        self.key.fingerprint(&parts)
    }

    fn input(&self, field: &Field) -> Input {
        let (source, origin) = match &field.value {
            FieldValue::Secret(secret) => (secret.source.clone(), secret.origin.clone()),
            FieldValue::Plain(_) => ("spec".to_owned(), "spec".to_owned()),
        };
        Input {
            field: field.rule.name,
            source,
            fingerprint: self.fingerprint("input", std::iter::once(field), origin.as_bytes()),
        }
    }
}

/// Serializes a value; serde_json keeps object keys sorted, so equal values have equal bytes.
fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value serializes")
}

/// A spec or a value that can't be used. The message names the field and the cause, never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// `InvalidValue` or `InvalidSpec`.
    pub reason: Reason,
    /// The condition message.
    pub message: String,
}

impl Invalid {
    /// Returns a refusal of a spec.
    #[must_use]
    pub fn spec(message: impl Into<String>) -> Self {
        Self {
            reason: Reason::InvalidSpec,
            message: message.into(),
        }
    }

    /// Returns a refusal of a value that the API can't take.
    #[must_use]
    pub fn value(message: impl Into<String>) -> Self {
        Self {
            reason: Reason::InvalidValue,
            message: message.into(),
        }
    }
}
