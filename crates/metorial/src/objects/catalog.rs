//! Read-only objects: the key's instance, providers, auth methods and schemas.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::id::{id, optional_id};
use super::null::null_as_default;
use super::status::Status;
use super::time::optional_time;

/// `organization.instance`: the environment that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// `ins_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Organization, whose keys share one rate limit ▲.
    #[serde(default, deserialize_with = "optional_id")]
    pub organization_id: Option<String>,
    /// Type of environment.
    #[serde(default, deserialize_with = "null_as_default")]
    pub r#type: InstanceType,
    /// Project it belongs to.
    pub project: Option<Project>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last write by anyone.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}

/// Type of an instance. The documented rate limit depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceType {
    /// Development.
    Development,
    /// Production.
    Production,
    /// Absent, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Project that an instance belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Project {
    /// Id.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
}

/// Provider of tools, for example GitHub.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Provider {
    /// `pro_…`: the canonical id, even if an alias was requested ▲.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Global identifier, the same in every account.
    pub identifier: Option<String>,
    /// Short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Status.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Who may use it, for example `public`.
    pub access: Option<String>,
    /// Publisher.
    pub publisher: Option<Publisher>,
    /// OAuth of the provider, if it has an OAuth method.
    pub oauth: Option<ProviderOauth>,
    /// Current version.
    pub current_version: Option<ProviderVersion>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last write by anyone.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}

impl Provider {
    /// Returns the callback URL, which has to be entered at the OAuth application ◆.
    #[must_use]
    pub fn callback_url(&self) -> Option<&str> {
        self.oauth.as_ref()?.callback_url.as_deref()
    }
}

/// Publisher of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Publisher {
    /// Id.
    #[serde(default, deserialize_with = "optional_id")]
    pub id: Option<String>,
    /// Display name.
    pub name: Option<String>,
}

/// OAuth of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProviderOauth {
    /// `enabled` or `disabled`.
    pub status: Option<String>,
    /// URL that has to be entered at the OAuth application ◆.
    pub callback_url: Option<String>,
    /// Registration of OAuth applications by Metorial itself.
    pub auto_registration: Option<AutoRegistration>,
}

/// Registration of OAuth applications by Metorial itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AutoRegistration {
    /// `supported` or `unsupported`.
    pub status: Option<String>,
}

/// `provider.version`: version of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProviderVersion {
    /// `pv_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Name of the version.
    pub version: Option<String>,
    /// True if deployments that are not pinned to a version follow this one.
    pub is_current: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// `psp_…`; `None` until the specification is discovered.
    #[serde(default, deserialize_with = "optional_id")]
    pub specification_id: Option<String>,
}

/// `provider.capabilities.auth_method`: method to authenticate with a provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthMethod {
    /// `pam_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Type, for example `oauth`, `token` or `service_account`.
    pub r#type: Option<String>,
    /// Key within the provider, for example `oauth2`.
    pub key: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Schema of the input, which the server checks values against unless the method is OAuth.
    pub input_schema: Option<JsonSchema>,
    /// Schema of the output, which the server checks values against if the method is OAuth.
    pub output_schema: Option<JsonSchema>,
    /// Available OAuth scopes.
    pub scopes: Option<Vec<AuthMethodScope>>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// `psp_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_specification_id: Option<String>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last write by anyone.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}

/// OAuth scope of an auth method.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AuthMethodScope {
    /// `pams_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub id: Option<String>,
    /// Scope, as OAuth names it.
    pub scope: String,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
}

/// JSON Schema with its type.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct JsonSchema {
    /// `json_schema`
    pub r#type: Option<String>,
    /// Schema.
    pub schema: Option<Value>,
}

/// Schema of the value of a config or an import.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigSchema {
    /// `None` if any value is accepted.
    pub schema: Option<JsonSchema>,
    /// Storage of the value.
    #[serde(default, deserialize_with = "null_as_default")]
    pub visibility: Visibility,
    /// `psp_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub specification_id: Option<String>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last change.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}

/// Storage of a value on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Plain text.
    Plain,
    /// Encrypted.
    Encrypted,
    /// Absent, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}
