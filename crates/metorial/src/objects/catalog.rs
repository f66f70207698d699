//! What is only read: the instance a key opens, providers, deployments, auth methods and schemas.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Status, null_as_default};

/// `organization.instance`: the environment that a key belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// `ins_…`
    pub id: String,
    /// The short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// The organisation whose keys share one request budget.
    pub organization_id: Option<String>,
    /// Which sort of environment this is.
    #[serde(default, deserialize_with = "null_as_default")]
    pub r#type: InstanceType,
    /// The project it belongs to.
    pub project: Option<Project>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When anybody last wrote to it.
    pub updated_at: Option<Timestamp>,
}

/// Which sort of environment an instance is; the documented rate limit depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceType {
    /// For development.
    Development,
    /// For production.
    Production,
    /// Not said, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The project that an instance belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Project {
    /// The project's id.
    pub id: String,
    /// The short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
}

/// A provider: what is connected to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Provider {
    /// `pro_…`: the canonical id, whatever name was asked for.
    pub id: String,
    /// The identifier that is the same in every account.
    pub identifier: Option<String>,
    /// The short name in URLs.
    pub slug: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When anybody last wrote to it.
    pub updated_at: Option<Timestamp>,
}

/// A deployment of a provider, whole or as the preview that is part of other objects.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// `pde_…`
    pub id: String,
    /// Whether it is in use; previews don't say.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// `pro_…`
    pub provider_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When anybody last wrote to it.
    pub updated_at: Option<Timestamp>,
}

/// `provider.capabilities.auth_method`: one way to authenticate at a provider.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthMethod {
    /// `pam_…`
    pub id: String,
    /// For example `oauth`.
    pub r#type: Option<String>,
    /// The method's key within the provider, for example `oauth2`.
    pub key: Option<String>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// What a person enters; the server checks values of all but OAuth methods against it.
    pub input_schema: Option<JsonSchema>,
    /// What comes out; the server checks values of OAuth methods against it.
    pub output_schema: Option<JsonSchema>,
    /// The OAuth scopes there are.
    pub scopes: Option<Vec<AuthMethodScope>>,
    /// `pro_…`
    pub provider_id: Option<String>,
    /// `psp_…`
    pub provider_specification_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When anybody last wrote to it.
    pub updated_at: Option<Timestamp>,
}

/// One OAuth scope of an auth method.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct AuthMethodScope {
    /// `pams_…`
    pub id: Option<String>,
    /// The scope as OAuth names it.
    pub scope: String,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
}

/// A JSON Schema in its wrapping.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct JsonSchema {
    /// `json_schema`
    pub r#type: Option<String>,
    /// The schema itself.
    pub schema: Option<Value>,
}

/// The schema that a config's or an import's value must follow.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigSchema {
    /// `None`: any value is taken.
    pub schema: Option<JsonSchema>,
    /// How the server keeps the value.
    #[serde(default, deserialize_with = "null_as_default")]
    pub visibility: Visibility,
    /// `psp_…`
    pub specification_id: Option<String>,
    /// `pro_…`
    pub provider_id: Option<String>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// How the server keeps a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// As it is.
    Plain,
    /// Encrypted.
    Encrypted,
    /// Not said, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}
