//! Child objects: the Secret that an export is written to and the ConfigMap that ids are published in. What they should
//! hold, and how one that exists compares; `cluster::children` reads and writes them.

use super::fingerprint::MacKey;
use super::verdict::Verdict;
use crate::resources::{ExportFormat, ExportSecret, ExportStatus, Reason, RemoteDetails};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// The content of a child object. It wipes itself, whatever ends the reconciliation that holds it.
pub type Data = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The time in which the garbage collector of Kubernetes deletes what belonged to a deleted resource, on most clusters.
const GARBAGE_COLLECTION: Duration = Duration::from_secs(10);
/// The type of a Secret that has none of its own.
pub const OPAQUE: &str = "Opaque";
/// The annotation that records which export a Secret holds, so that a crash before the status write loses nothing.
pub const EXPORT_ANNOTATION: &str = "metorial.com/export";
/// The annotation with the time at which the tokens in a Secret expire, for users.
pub const EXPIRES_ANNOTATION: &str = "metorial.com/expires-at";

/// The kinds of child objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChildKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

impl ChildKind {
    /// Returns the Kubernetes kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }

    /// Returns the field of the spec that names the object.
    fn field(self) -> &'static str {
        match self {
            Self::Secret => "spec.secret",
            Self::ConfigMap => "spec.publish",
        }
    }

    /// Returns the reason of a resource whose object somebody else has, or changes.
    fn conflict(self) -> Reason {
        match self {
            Self::Secret => Reason::SecretNotOwned,
            Self::ConfigMap => Reason::OwnershipConflict,
        }
    }

    /// Returns the reason of a resource that waits until it can write the object.
    fn progress(self) -> Reason {
        match self {
            Self::Secret => Reason::Exporting,
            Self::ConfigMap => Reason::Updating,
        }
    }
}

/// Everything that is wanted of a child object but its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildSpec {
    /// Its kind.
    pub kind: ChildKind,
    /// Its name, in the namespace of the resource that owns it.
    pub name: String,
    /// The type of a Secret.
    pub type_: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The layout of an exported value.
    pub format: ExportFormat,
}

impl ChildSpec {
    /// Returns the Secret of an export.
    #[must_use]
    pub fn secret(wanted: &ExportSecret) -> Self {
        Self {
            kind: ChildKind::Secret,
            name: wanted.name.clone(),
            type_: wanted.type_.clone(),
            labels: wanted.labels.clone().unwrap_or_default(),
            annotations: wanted.annotations.clone().unwrap_or_default(),
            format: wanted.format.unwrap_or_default(),
        }
    }

    /// Returns the ConfigMap for published ids.
    #[must_use]
    pub fn config_map(name: &str) -> Self {
        Self {
            kind: ChildKind::ConfigMap,
            name: name.to_owned(),
            type_: None,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            format: ExportFormat::Fields,
        }
    }

    /// Returns the fingerprint of this content in this place. It is bound to the layout too: where another one is
    /// wanted, the object does not hold what it should.
    #[must_use]
    pub fn fingerprint(&self, key: &MacKey, namespace: &str, data: &Data) -> String {
        let kind: &[u8] = match self.kind {
            ChildKind::Secret => b"secret",
            ChildKind::ConfigMap => b"configmap",
        };
        let mut parts: Vec<&[u8]> = vec![kind, namespace.as_bytes(), self.name.as_bytes()];
        if self.format == ExportFormat::Json {
            parts.push(b"json");
        }
        for (key, value) in data {
            parts.extend([key.as_bytes(), value.as_slice()]);
        }
        key.fingerprint(&parts).to_string()
    }

    /// Returns the content for an exported value: strings as they are, everything else as JSON. Characters that a key of
    /// a Secret can't have become `_`.
    ///
    /// # Errors
    /// A property can't be a key, or two would have the same: nothing is left out or overwritten silently. The message names
    /// no property, because the names belong to the value.
    pub fn layout(&self, value: &Value) -> Result<Data, &'static str> {
        let (ExportFormat::Fields, Value::Object(members)) = (self.format, value) else {
            let json = Zeroizing::new(value.to_string().into_bytes());
            return Ok([("value.json".to_owned(), json)].into());
        };
        let mut data = Data::new();
        for (name, value) in members {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let key = key_of(name).ok_or("has a property whose name can't be a key of a Secret")?;
            let other = data.insert(key, Zeroizing::new(text.into_bytes()));
            if other.is_some() {
                return Err("has two properties that would be the same key of the Secret");
            }
        }
        Ok(data)
    }

    /// Returns the verdict on an object that the spec names and that is not the resource's own, and the time until it may be.
    #[must_use]
    pub fn not_owned(&self, state: &ChildState) -> Option<(Verdict, Option<Duration>)> {
        let (kind, name, field) = (self.kind.as_str(), &self.name, self.kind.field());
        match state {
            ChildState::Foreign => {
                let message = format!(
                    "{kind} {name} in {field} exists and was not created by this resource; choose another name or delete it"
                );
                Some((Verdict::new(self.kind.conflict(), message), None))
            }
            ChildState::OfPredecessor => {
                let message = format!(
                    "{kind} {name} in {field} still belongs to a deleted resource of this name; it is written once Kubernetes has deleted that"
                );
                let verdict = Verdict::new(self.kind.progress(), message);
                Some((verdict, Some(GARBAGE_COLLECTION)))
            }
            ChildState::Missing | ChildState::Owned { .. } => None,
        }
    }

    /// Returns the verdict on an object that somebody else changes each time that it is written.
    #[must_use]
    pub fn changed_by_others(&self) -> Verdict {
        let (kind, name, field) = (self.kind.as_str(), &self.name, self.kind.field());
        let message = format!(
            "{kind} {name} ({field}) is changed by another writer after every update; stop it (see metadata.managedFields) or choose another name; retrying in ten minutes"
        );
        Verdict::new(self.kind.conflict(), message)
    }

    /// Returns true if the same value is the same content there.
    #[must_use]
    pub fn has_layout_of(&self, other: &Self) -> bool {
        (self.kind, &self.name, self.format) == (other.kind, &other.name, other.format)
    }

    /// Returns content that stands for a value which is not known yet, for a dry run: the keys that the format or the
    /// Secret's type demands.
    #[must_use]
    pub fn placeholder(&self) -> Data {
        let keys: &[&str] = match (self.format, self.type_.as_deref()) {
            (ExportFormat::Json, _) => &["value.json"],
            (_, Some("kubernetes.io/tls")) => &["tls.crt", "tls.key"],
            (_, Some("kubernetes.io/basic-auth")) => &["username", "password"],
            (_, Some("kubernetes.io/ssh-auth")) => &["ssh-privatekey"],
            (_, Some("kubernetes.io/dockerconfigjson")) => &[".dockerconfigjson"],
            _ => &[],
        };
        blank(keys.iter().map(|key| (*key).to_owned()))
    }
}

/// An exported value, as far as this process remembers it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RememberedValue {
    /// Nothing.
    #[default]
    Nothing,
    /// The value.
    Value,
    /// The content of the Secret that it was written to.
    Content(ChildSpec),
}

impl RememberedValue {
    /// Returns true if that is enough for the content of this Secret.
    #[must_use]
    pub fn is_enough_for(&self, wanted: &ChildSpec) -> bool {
        match self {
            Self::Nothing => false,
            Self::Value => true,
            Self::Content(of) => of.has_layout_of(wanted),
        }
    }
}

/// Returns the key for a property of this name, if there is one: 1 to 253 of `A-Za-z0-9-._`, and no relative path.
fn key_of(name: &str) -> Option<String> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-._".contains(c) {
            c
        } else {
            '_'
        }
    };
    let key: String = name.chars().map(plain).collect();
    let path = key == "." || key.starts_with("..");
    ((1..=253).contains(&key.len()) && !path).then_some(key)
}

/// Returns content under these keys that shows nothing: an empty JSON object, which some types demand.
pub fn blank(keys: impl Iterator<Item = String>) -> Data {
    keys.map(|key| (key, Zeroizing::new(b"{}".to_vec())))
        .collect()
}

/// A child object as it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildState {
    /// There is none.
    Missing,
    /// It belongs to somebody else.
    Foreign,
    /// It belongs to a deleted resource of the same kind and name, and is deleted after it by Kubernetes.
    OfPredecessor,
    /// It belongs to the resource.
    Owned {
        /// Fingerprint of its content.
        fingerprint: String,
        /// True if type, labels and annotations are as wanted.
        in_shape: bool,
        /// The export that it holds, where nobody changed the content since.
        export: Option<Box<ExportStatus>>,
    },
}

impl ChildState {
    /// Returns true if it is the resource's own and holds this content, whatever its shape.
    #[must_use]
    pub fn has_content(&self, wanted: &str) -> bool {
        matches!(self, Self::Owned { fingerprint, .. } if fingerprint == wanted)
    }

    /// Returns true if it is the resource's own, holds this content and is in shape.
    #[must_use]
    pub fn holds(&self, wanted: &str) -> bool {
        matches!(self, Self::Owned { fingerprint, in_shape: true, .. } if fingerprint == wanted)
    }
}

/// The API server's refusal of a child object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Kind of the object.
    pub kind: ChildKind,
    /// Name of the object.
    pub name: String,
    /// True if it is a matter of rights or quotas, not of the object's form.
    pub forbidden: bool,
    /// True if the namespace is being deleted.
    pub terminating: bool,
    /// True if the resource has the object already, which stays as it is.
    pub kept: bool,
    /// The API server's message.
    pub message: String,
}

/// Returns the ids that are published of an object: what an application works with, not the ids of audit records.
#[must_use]
pub fn published_ids(id: &str, instance: &str, details: &RemoteDetails) -> Data {
    let own = [("id", id), ("instanceId", instance)];
    details
        .ids()
        .chain(own)
        .map(|(key, text)| (key.to_owned(), Zeroizing::new(text.as_bytes().to_vec())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_strings_as_they_are_and_json_holds_everything() {
        let secret = |format: &str| {
            let secret = serde_json::from_value(json!({"name": "s", "format": format}));
            ChildSpec::secret(&secret.unwrap())
        };
        let value = json!({"access_token": "a\n", "expires in": 3600, "scopes": ["x"]});
        let fields = secret("Fields").layout(&value).unwrap();
        assert_eq!(*fields["access_token"], b"a\n");
        assert_eq!(*fields["expires_in"], b"3600");
        assert_eq!(*fields["scopes"], br#"["x"]"#);
        let json = secret("Json").layout(&value).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&json["value.json"]).unwrap(),
            value
        );
    }

    #[test]
    fn what_would_be_lost_among_the_keys_of_a_secret_is_refused() {
        let secret = serde_json::from_value(json!({"name": "s", "format": "Fields"}));
        let secret = ChildSpec::secret(&secret.unwrap());
        for value in [
            json!({"a b": 1, "a_b": 2}),
            json!({"": 1}),
            json!({"..": 1}),
            json!({ "x".repeat(254): 1 }),
        ] {
            assert!(secret.layout(&value).is_err(), "{value}");
        }
    }
}
