//! Configs (settings for a deployment) and config vaults (saved settings that configs are created from).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::deployment::DeploymentPreview;
use super::id::{id, optional_id};
use super::null::null_as_default;
use super::object::object;
use super::status::Status;
use super::tool_filter::ToolFilters;

/// `provider.config`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Config {
    /// `pcf_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Status.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// True for the default config.
    pub is_default: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// Filter of the tools it may use.
    pub tool_filter: Option<ToolFilters>,
    /// `pro_…`
    #[serde(deserialize_with = "id")]
    pub provider_id: String,
    /// `psp_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub specification_id: Option<String>,
    /// Deployment it belongs to, perhaps because the vault does: a config takes over the deployment of its vault ◆.
    pub deployment: Option<DeploymentPreview>,
    /// Vault it was created from.
    pub from_vault: Option<ConfigVault>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last write by anyone.
    pub updated_at: Timestamp,
}

object!(Config, Configs);

/// `provider.config_vault`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigVault {
    /// `pcvt_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Status.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// `pro_…`
    #[serde(deserialize_with = "id")]
    pub provider_id: String,
    /// Deployment it belongs to.
    pub deployment: Option<DeploymentPreview>,
    /// Id of that deployment, from servers that return the id alone.
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_deployment_id: Option<String>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last write by anyone.
    pub updated_at: Timestamp,
}

object!(ConfigVault, ConfigVaults);

impl ConfigVault {
    /// Returns the id of the deployment it belongs to, from whichever member the server sends.
    #[must_use]
    pub fn deployment_id(&self) -> Option<&str> {
        let whole = self
            .deployment
            .as_ref()
            .map(|deployment| deployment.id.as_str());
        whole.or(self.provider_deployment_id.as_deref())
    }
}
