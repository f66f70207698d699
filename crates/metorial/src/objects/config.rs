//! Configs (settings for a deployment) and config vaults (saved settings that configs are made from).

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Deployment, Status, ToolFilters, null_as_default, object};

/// `provider.config`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Config {
    /// `pcf_…`
    pub id: String,
    /// Whether it is in use.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Whether this is the default config.
    pub is_default: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// Which tools it may use.
    pub tool_filter: Option<ToolFilters>,
    /// `pro_…`
    pub provider_id: String,
    /// `psp_…`
    pub specification_id: Option<String>,
    /// The deployment it is bound to.
    pub deployment: Option<Deployment>,
    /// The vault it was made from.
    pub from_vault: Option<ConfigVault>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anybody last wrote to it.
    pub updated_at: Timestamp,
}

object!(Config, Configs);

/// `provider.config_vault`. The value is never returned.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigVault {
    /// `pcvt_…`
    pub id: String,
    /// Whether it is in use.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom members.
    pub metadata: Option<Map<String, Value>>,
    /// `pro_…`
    pub provider_id: String,
    /// The deployment it is bound to.
    pub deployment: Option<Deployment>,
    /// The id of that deployment, from servers that answer the id alone.
    pub provider_deployment_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anybody last wrote to it.
    pub updated_at: Timestamp,
}

object!(ConfigVault, ConfigVaults);

impl ConfigVault {
    /// The id of the deployment it is bound to, whichever way the server says it.
    #[must_use]
    pub fn deployment_id(&self) -> Option<&str> {
        let whole = self
            .deployment
            .as_ref()
            .map(|deployment| deployment.id.as_str());
        whole.or(self.provider_deployment_id.as_deref())
    }
}
