//! Auth credentials (an OAuth app registration) and auth configs (an authenticated connection to a provider).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthMethod, Deployment, Status, ToolFilters, null_as_default, object};

/// `provider.auth_credentials`. The client id and secret are never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthCredentials {
    /// `par_…`
    pub id: String,
    /// `oauth`
    pub r#type: Option<String>,
    /// Not said where these credentials are part of another object of some server versions.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Whether these are the provider's default credentials.
    pub is_default: Option<bool>,
    /// Whether they belong to Metorial, which refuses changes to them.
    pub is_managed: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// OAuth scopes that are asked for.
    pub scopes: Option<Vec<String>>,
    /// `pro_…`: the canonical id, whatever name was used to create.
    pub provider_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anybody last wrote to it.
    pub updated_at: Timestamp,
}

object!(AuthCredentials, AuthCredentials);

/// `provider.auth_config`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthConfig {
    /// `pac_…`
    pub id: String,
    /// How it is authenticated.
    #[serde(default, deserialize_with = "null_as_default")]
    pub r#type: AuthConfigType,
    /// What made it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source: AuthConfigSource,
    /// Whether it is in use.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Whether this is the default auth config.
    pub is_default: Option<bool>,
    /// `pro_…`
    pub provider_id: String,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// Which tools it may use.
    pub tool_filter: Option<ToolFilters>,
    /// The deployment it is bound to; some answers call it `deployment_preview`.
    #[serde(alias = "deployment_preview")]
    pub deployment: Option<Deployment>,
    /// The credentials that authorised it, where it is an OAuth connection.
    pub credentials: Option<AuthCredentials>,
    /// How it authenticates.
    pub auth_method: Option<AuthMethod>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anybody last wrote to it, imports included.
    pub updated_at: Timestamp,
}

object!(AuthConfig, AuthConfigs);

/// How an auth config is authenticated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthConfigType {
    /// A value was given.
    Manual,
    /// A person's consent; can't be updated by an import.
    OauthAutomated,
    /// OAuth tokens were given.
    OauthManual,
    /// Not said, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// What made an auth config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthConfigSource {
    /// A call to the API, or the dashboard.
    Manual,
    /// A person who went through a setup session.
    SetupSession,
    /// Metorial itself.
    System,
    /// Not said, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}
