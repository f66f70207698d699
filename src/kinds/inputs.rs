//! Values from Secrets and ConfigMaps, once they are read.

use crate::plan::desired::Invalid;
use crate::resources::{SecretSource, ValueSource};
use crate::sensitive::Sensitive;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// What a resource refers to in its own namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Secret or ConfigMap.
    pub kind: SourceKind,
    /// Its name.
    pub name: String,
    /// The key in it.
    pub key: String,
}

/// The places that values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
    /// A resource of ours, whose status is read: the key `id` is its remote id.
    ProviderAuthConfig,
    /// The same.
    ProviderConfigVault,
}

impl SourceKind {
    /// The Kubernetes kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::ProviderAuthConfig => "ProviderAuthConfig",
            Self::ProviderConfigVault => "ProviderConfigVault",
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind.as_str(), self.name, self.key)
    }
}

impl From<&SecretSource> for Reference {
    fn from(source: &SecretSource) -> Self {
        Self {
            kind: SourceKind::Secret,
            name: source.secret_key_ref.name.clone(),
            key: source.secret_key_ref.key.clone(),
        }
    }
}

impl Reference {
    /// What a value source refers to, if it refers to anything.
    #[must_use]
    pub fn of(source: &ValueSource) -> Option<Self> {
        let (kind, of) = match (&source.secret_key_ref, &source.config_map_key_ref) {
            (Some(of), _) => (SourceKind::Secret, of),
            (None, Some(of)) => (SourceKind::ConfigMap, of),
            (None, None) => return None,
        };
        Some(Self {
            kind,
            name: of.name.clone(),
            key: of.key.clone(),
        })
    }
}

/// The values of all references of one resource: UTF-8, not empty, without NUL.
#[derive(Default)]
pub struct Inputs(BTreeMap<Reference, Sensitive<String>>);

/// The longest text that the API takes.
const LONGEST: usize = 100_000;

impl Inputs {
    /// Checks and keeps the bytes of one reference.
    ///
    /// # Errors
    /// The bytes can't be a value at the API; the message names the source only.
    pub fn insert(
        &mut self,
        reference: Reference,
        bytes: impl Into<Zeroizing<Vec<u8>>>,
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
            return refuse("contains a NUL character, which Metorial can't store");
        }
        self.0.insert(reference, Sensitive::new(text.to_owned()));
        Ok(())
    }

    /// The value of a secret source and where it came from.
    ///
    /// # Errors
    /// It was not read.
    pub fn secret(&self, source: &SecretSource) -> Result<(Sensitive<Value>, String), Invalid> {
        self.referenced(&source.into())
    }

    /// The value of a value source and where it came from.
    ///
    /// # Errors
    /// It was not read, or the source names nothing.
    pub fn value(&self, source: &ValueSource) -> Result<(Sensitive<Value>, String), Invalid> {
        match (Reference::of(source), &source.value) {
            (Some(reference), _) => self.referenced(&reference),
            (None, Some(value)) => Ok((Sensitive::new(value.as_str().into()), "spec".to_owned())),
            (None, None) => Err(Invalid::value(
                "set exactly one of value, configMapKeyRef and secretKeyRef",
            )),
        }
    }

    /// The text behind a reference.
    ///
    /// # Errors
    /// It was not read.
    pub fn get(&self, reference: &Reference) -> Result<&str, Invalid> {
        let text = self.0.get(reference).map(|text| text.expose().as_str());
        text.ok_or_else(|| Invalid::value(format!("{reference} was not read")))
    }

    fn referenced(&self, reference: &Reference) -> Result<(Sensitive<Value>, String), Invalid> {
        let text = self.get(reference)?;
        if text.chars().count() > LONGEST {
            return Err(Invalid::value(format!(
                "{reference} is longer than 100000 characters, the most that Metorial takes"
            )));
        }
        Ok((Sensitive::new(text.into()), reference.to_string()))
    }
}
