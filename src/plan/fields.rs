//! Fields of a remote object and the rules of how each is sent, compared and changed.

use metorial::SecretValue;
use serde_json::Value;
use std::collections::BTreeSet;

/// The rule by which one field of a kind is sent and compared. Rules are constants of the kind.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldRule {
    /// Path in the spec, as users know it.
    pub name: &'static str,
    /// The meaning of the field to decisions.
    pub role: Role,
    /// Where it stands in the body of a create, as keys from the root.
    pub create: &'static [&'static str],
    /// The comparison.
    pub compare: Compare,
    /// The remedy of a difference.
    pub remedy: Remedy,
    /// The meaning of an empty value.
    pub blank: Blank,
}

/// The fields that decisions need to know apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The provider.
    Provider,
    /// The provider deployment.
    Deployment,
    /// The auth method.
    AuthMethod,
    /// The config vault.
    Vault,
    /// The config.
    Config,
    /// The version of the provider.
    Version,
    /// The value that a schema describes and that imports carry.
    Value,
    /// Any other.
    Other,
}

impl Role {
    /// Returns the noun for the object that the field names by its id, for messages; `None` for a field that names none.
    #[must_use]
    pub fn noun(self) -> Option<&'static str> {
        match self {
            Self::Provider => Some("provider"),
            Self::Deployment => Some("deployment"),
            Self::AuthMethod => Some("auth method"),
            Self::Vault => Some("vault"),
            Self::Config => Some("config"),
            Self::Version => Some("provider version"),
            Self::Value | Self::Other => None,
        }
    }
}

/// The meaning of an empty value (null, an empty text or list) on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blank {
    /// It is sent like any other.
    Value,
    /// It is left out of a create, and clears the field in a PATCH.
    Clears,
    /// It is left out of a create, and null clears the field in a PATCH.
    ClearsByNull,
    /// It is left out of a create, and the API ignores it in a PATCH, so it is no difference.
    Ignored,
}

/// Returns true if a value is empty.
#[must_use]
pub fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The comparison of a field with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// It can be read back.
    Readable,
    /// It can be read back, but on some servers it reads as empty, or not at all, whatever it is (◆): then its fingerprint is
    /// compared.
    PartlyReadable,
    /// It can't be read back, or only in another form: its fingerprint is compared.
    WriteOnly,
    /// It can be read back only in another form; it never changes.
    Never,
}

/// The remedy of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// By a PATCH, under this key.
    Patch(&'static str),
    /// By a PATCH, under this key. The API refuses that for some objects (◆), which then can only be replaced.
    PatchOrReplace(&'static str),
    /// By a PATCH, under this key, which some builds ignore: whether it was applied shows in the response.
    TryPatch(&'static str),
    /// By an import that names the object.
    Import,
    /// Only by replacing the object.
    Replace,
    /// Not at all. Where the field can be read back, and the spec says something about it, a difference is reported.
    Fixed,
}

impl Remedy {
    /// Returns the key of the field in a PATCH, where a PATCH may apply it.
    #[must_use]
    pub fn patch_key(self) -> Option<&'static str> {
        match self {
            Self::Patch(key) | Self::PatchOrReplace(key) | Self::TryPatch(key) => Some(key),
            Self::Import | Self::Replace | Self::Fixed => None,
        }
    }
}

/// A desired value.
pub enum FieldValue {
    /// In the form that reading gives: trimmed, sorted.
    Plain(Value),
    /// A secret.
    Secret(Sourced),
}

/// A secret with the place that it came from.
pub struct Sourced {
    /// The value.
    pub value: SecretValue,
    /// `Secret/name/key`, `ConfigMap/name/key` or `spec`.
    pub source: String,
    /// The same with the uids of the objects. Fingerprints that users see depend on it: otherwise a guess that is written into
    /// the spec would show whether it equals the value of a Secret.
    pub origin: String,
    /// The names in the value that the spec itself contains: they are no secrets.
    pub names: BTreeSet<String>,
}

/// One desired field.
pub struct Field {
    /// Its rule.
    pub rule: &'static FieldRule,
    /// Its value.
    pub value: FieldValue,
}

impl Field {
    /// Returns a field that can be read back.
    #[must_use]
    pub fn plain(rule: &'static FieldRule, value: impl Into<Value>) -> Self {
        Self {
            rule,
            value: FieldValue::Plain(value.into()),
        }
    }

    /// Returns a write-only field.
    #[must_use]
    pub fn secret(rule: &'static FieldRule, secret: Sourced) -> Self {
        Self {
            rule,
            value: FieldValue::Secret(secret),
        }
    }

    /// Returns the value, for a body or a fingerprint.
    #[must_use]
    pub fn expose(&self) -> &Value {
        match &self.value {
            FieldValue::Plain(value) => value,
            FieldValue::Secret(secret) => secret.value.expose(),
        }
    }

    /// Returns the names in the value that are no secrets, because the spec itself contains them.
    #[must_use]
    pub fn public_names(&self) -> &BTreeSet<String> {
        static NONE: BTreeSet<String> = BTreeSet::new();
        match &self.value {
            FieldValue::Plain(_) => &NONE,
            FieldValue::Secret(secret) => &secret.names,
        }
    }

    /// Returns true if the value must not be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.value, FieldValue::Secret(_))
    }

    /// Returns true if only a fingerprint can distinguish it from another.
    #[must_use]
    pub fn is_write_only(&self) -> bool {
        self.rule.compare == Compare::WriteOnly
    }
}
