//! Values from Secrets and ConfigMaps, once they are read.

use super::remote_kind::RemoteKind;
use crate::plan::attempt::digest;
use crate::plan::desired::{External, Invalid};
use crate::plan::fields::Sourced;
use crate::resources::free_json::NUL;
use crate::resources::{
    KeyRef, NamespacedKeyRef, ResourceKey, ResourceRef, SecretSource, ValueSource,
};
use crate::sensitive::Sensitive;
use metorial::SecretValue;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use zeroize::Zeroizing;

/// A reference of a resource to a key of an object. Only objects of our own kinds, and what ClusterConnections refer to, can
/// be in another namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The kind of what is referred to.
    pub kind: SourceKind,
    /// Its namespace; `None` for that of the resource.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// The key in it.
    pub key: String,
}

impl Reference {
    /// Returns the key of the object that a resource in this namespace refers to.
    #[must_use]
    pub fn resource_key(&self, namespace: &str) -> ResourceKey {
        ResourceKey::new(
            self.kind.as_str(),
            self.namespace_from(namespace),
            &self.name,
        )
    }

    /// Returns the namespace of the object that a resource in `namespace` refers to.
    #[must_use]
    pub fn namespace_from<'a>(&'a self, namespace: &'a str) -> &'a str {
        self.namespace.as_deref().unwrap_or(namespace)
    }
}

/// The places that values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A resource of ours, whose status is read: the key `id` is its remote id.
    Resource(RemoteKind),
}

impl SourceKind {
    /// Returns the Kubernetes kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::Resource(kind) => kind.as_str(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.as_str(), self.place(), self.key)
    }
}

impl From<&SecretSource> for Reference {
    fn from(source: &SecretSource) -> Self {
        Self::to_key(SourceKind::Secret, &source.secret_key_ref)
    }
}

impl Reference {
    /// Returns the reference to what another resource shows under `key`.
    #[must_use]
    pub fn to(kind: SourceKind, resource: &ResourceRef, key: &str) -> Self {
        Self {
            kind,
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
            key: key.to_owned(),
        }
    }

    /// Returns the reference to a key of a Secret or ConfigMap.
    #[must_use]
    pub fn to_key(kind: SourceKind, key: &KeyRef) -> Self {
        Self {
            kind,
            namespace: None,
            name: key.name.clone(),
            key: key.key.clone(),
        }
    }

    /// Returns the reference to a key of a Secret or ConfigMap in the namespace that it names.
    #[must_use]
    pub fn to_namespaced_key(kind: SourceKind, key: &NamespacedKeyRef) -> Self {
        Self {
            kind,
            namespace: Some(key.namespace.clone()),
            name: key.name.clone(),
            key: key.key.clone(),
        }
    }

    /// Returns the reference to the one key that is given, if there is one.
    #[must_use]
    pub fn to_one_of(secret: Option<&KeyRef>, config_map: Option<&KeyRef>) -> Option<Self> {
        let secret = secret.map(|key| Self::to_key(SourceKind::Secret, key));
        secret.or_else(|| Some(Self::to_key(SourceKind::ConfigMap, config_map?)))
    }

    /// Returns what has to be read of another resource whose object is used.
    #[must_use]
    pub fn to_external(kind: SourceKind, resource: &ResourceRef) -> [Self; 2] {
        ["id", "uid"].map(|key| Self::to(kind, resource, key))
    }

    /// Returns the name, prefixed by the namespace if it differs.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns the reference of a value source, if it has one.
    #[must_use]
    pub fn from_source(source: &ValueSource) -> Option<Self> {
        Self::to_one_of(
            source.secret_key_ref.as_ref(),
            source.config_map_key_ref.as_ref(),
        )
    }
}

impl External {
    /// Returns the object that a spec refers to, or names by its id.
    ///
    /// # Errors
    /// The reference was not read.
    pub fn resolve(
        kind: SourceKind,
        reference: Option<&ResourceRef>,
        id: Option<&String>,
        inputs: &Inputs,
    ) -> Result<Option<Self>, Invalid> {
        let Some(reference) = reference else {
            let by_id = |id: &String| Self {
                id: id.clone(),
                owner: None,
            };
            return Ok(id.map(by_id));
        };
        let [id, uid] = Reference::to_external(kind, reference);
        Ok(Some(Self {
            id: inputs.get(&id)?.to_owned(),
            owner: Some(inputs.get(&uid)?.to_owned()),
        }))
    }
}

/// The values of all references of one resource: UTF-8, not empty, without NUL; each with the uid of the object that it was
/// read from.
#[derive(Default)]
pub struct Inputs {
    values: BTreeMap<Reference, (Sensitive<String>, String)>,
    /// Digests of the state of the custom resources among them.
    states: Vec<u64>,
}

/// The longest text that is sent, in characters: the API is known to take one of this length (▲).
pub const LONGEST_TEXT: usize = 100_000;
/// The refusal of a longer one.
pub const TOO_LONG: &str = "is longer than 100000 characters, the most that the operator sends";

impl Inputs {
    /// Checks and keeps the bytes of one reference.
    ///
    /// # Errors
    /// The bytes can't be a value at the API; the message names the source only.
    pub fn insert(
        &mut self,
        reference: Reference,
        bytes: impl Into<Zeroizing<Vec<u8>>>,
        uid: &str,
    ) -> Result<(), Invalid> {
        let refuse = |why: &str| Err(Invalid::value(format!("{reference} {why}")));
        let bytes = bytes.into();
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return refuse("is not UTF-8 text: store the value as text");
        };
        if text.is_empty() {
            return refuse("is empty: put a value there");
        }
        if text.contains('\0') {
            return refuse(NUL);
        }
        let text = Sensitive::new(text.to_owned());
        self.values.insert(reference, (text, uid.to_owned()));
        Ok(())
    }

    /// Adds the values of other references.
    pub fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
        self.states.extend(other.states);
    }

    /// Adds the state of a custom resource that is referred to, besides the values that are read from it.
    pub fn observe(&mut self, state: u64) {
        self.states.push(state);
    }

    /// Returns a digest of the state of all custom resources that are referred to.
    #[must_use]
    pub fn state(&self) -> u64 {
        digest(&self.states)
    }

    /// Returns the value of a secret source and where it came from.
    ///
    /// # Errors
    /// It was not read.
    pub fn secret(&self, source: &SecretSource) -> Result<Sourced, Invalid> {
        self.referenced(&source.into())
    }

    /// Returns the value of a value source and where it came from.
    ///
    /// # Errors
    /// It was not read, or the source names nothing.
    pub fn value(&self, source: &ValueSource) -> Result<Sourced, Invalid> {
        match (Reference::from_source(source), &source.value) {
            (Some(reference), _) => self.referenced(&reference),
            (None, Some(value)) => Ok(Sourced {
                value: SecretValue::new(value.as_str().into()),
                source: "spec".to_owned(),
                origin: "spec".to_owned(),
                names: BTreeSet::new(),
            }),
            (None, None) => Err(Invalid::value(
                "set exactly one of value, configMapKeyRef and secretKeyRef",
            )),
        }
    }

    /// Returns the text behind a reference.
    ///
    /// # Errors
    /// It was not read.
    pub fn get(&self, reference: &Reference) -> Result<&str, Invalid> {
        let text = self
            .values
            .get(reference)
            .map(|(text, _)| text.expose().as_str());
        text.ok_or_else(|| Invalid::value(format!("{reference} was not read")))
    }

    /// Returns a reference with the uid of the object that was read.
    #[must_use]
    pub fn origin(&self, reference: &Reference) -> String {
        let uid = self.values.get(reference).map_or("", |(_, uid)| uid);
        format!("{reference}@{uid}")
    }

    fn referenced(&self, reference: &Reference) -> Result<Sourced, Invalid> {
        let text = self.get(reference)?;
        if text.chars().count() > LONGEST_TEXT {
            return Err(Invalid::value(format!("{reference} {TOO_LONG}")));
        }
        Ok(Sourced {
            value: SecretValue::new(text.into()),
            source: reference.to_string(),
            origin: self.origin(reference),
            names: BTreeSet::new(),
        })
    }
}
