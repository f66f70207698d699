//! Auth credentials (an OAuth app registration) and auth configs (an authenticated connection to a provider).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalog::AuthMethod;
use super::deployment::DeploymentPreview;
use super::id::id;
use super::null::null_as_default;
use super::object::object;
use super::status::Status;
use super::tool_filter::ToolFilters;

/// `provider.auth_credentials`. The client id and secret are never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthCredentials {
    /// `par_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// `oauth`
    pub r#type: Option<String>,
    /// Absent where these credentials are part of another object and the server is of some versions.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// True for the provider's default credentials.
    pub is_default: Option<bool>,
    /// True if they belong to Metorial, which rejects changes. Some builds leave it out ◆.
    pub is_managed: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// OAuth scopes to request. They read as `[]` for the credentials of some providers, and some builds leave them out ◆.
    pub scopes: Option<Vec<String>>,
    /// `pro_…`: the canonical id, even if an alias was used in the create ▲.
    #[serde(deserialize_with = "id")]
    pub provider_id: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last write by anyone.
    pub updated_at: Timestamp,
}

object!(AuthCredentials, AuthCredentials);

/// `provider.auth_config`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AuthConfig {
    /// `pac_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Type of authentication.
    #[serde(default, deserialize_with = "null_as_default")]
    pub r#type: AuthConfigType,
    /// Origin.
    #[serde(default, deserialize_with = "null_as_default")]
    pub source: AuthConfigSource,
    /// Status.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// True for the default auth config.
    pub is_default: Option<bool>,
    /// `pro_…`
    #[serde(deserialize_with = "id")]
    pub provider_id: String,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Filter of the tools it may use.
    pub tool_filter: Option<ToolFilters>,
    /// Deployment it belongs to; see [`AuthConfig::deployment_id`].
    pub deployment: Option<DeploymentPreview>,
    /// The same, where the auth config is part of an import, from servers that name it so.
    pub deployment_preview: Option<DeploymentPreview>,
    /// Credentials that authorized it, if it is an OAuth connection.
    pub credentials: Option<AuthCredentials>,
    /// Auth method.
    pub auth_method: Option<AuthMethod>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last write by anyone, imports included ▲.
    pub updated_at: Timestamp,
}

object!(AuthConfig, AuthConfigs);

impl AuthConfig {
    /// Returns the id of the deployment it belongs to, from whichever member the server sends.
    #[must_use]
    pub fn deployment_id(&self) -> Option<&str> {
        let deployment = self.deployment.as_ref();
        let deployment = deployment.or(self.deployment_preview.as_ref())?;
        Some(&deployment.id)
    }
}

/// Type of authentication of an auth config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthConfigType {
    /// With a value that was set through the API.
    Manual,
    /// Authorized by an end user through OAuth; can't be updated by an import.
    OauthAutomated,
    /// With OAuth tokens that were set through the API.
    OauthManual,
    /// Absent, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Origin of an auth config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthConfigSource {
    /// Created through the API or the dashboard.
    Manual,
    /// Created by an end user in a setup session.
    SetupSession,
    /// Created by Metorial.
    System,
    /// Absent, or a word that this client doesn't know.
    #[default]
    #[serde(other)]
    Unknown,
}
