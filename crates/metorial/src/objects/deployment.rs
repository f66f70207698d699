//! Deployments of a provider, and the previews of deployments and configs in other objects.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::catalog::ProviderVersion;
use super::id::{id, optional_id};
use super::null::null_as_default;
use super::object::object;
use super::status::Status;
use super::time::optional_time;
use super::tool_filter::ToolFilters;

/// `provider.deployment`: what configs, vaults and auth configs of a provider can belong to.
///
/// Its provider and its default config can't be changed. Archiving it archives its configs, vaults and auth configs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Deployment {
    /// `pde_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Status.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: Status,
    /// True for the provider's default deployment.
    pub is_default: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata. The server copies that of the create to the config that it makes with the deployment ◆.
    pub metadata: Option<Map<String, Value>>,
    /// Filter of the tools that may be used.
    pub tool_filter: Option<ToolFilters>,
    /// `pro_…`
    #[serde(deserialize_with = "id")]
    pub provider_id: String,
    /// Version that it is pinned to; `None` if it follows the current one.
    pub locked_version: Option<ProviderVersion>,
    /// Config that is used where no other is named. Where the provider needs no configuration, the server makes an empty
    /// one unasked ◆.
    pub default_config: Option<ConfigPreview>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last write by anyone.
    pub updated_at: Timestamp,
}

object!(Deployment, Deployments);

/// `provider.deployment#preview`: deployment as part of another object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct DeploymentPreview {
    /// `pde_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last write by anyone.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}

/// `provider.config#preview`: config as part of a deployment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct ConfigPreview {
    /// `pcf_…`
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// True if it was made with the deployment.
    pub is_default: Option<bool>,
    /// Display name.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Custom metadata.
    pub metadata: Option<Map<String, Value>>,
    /// `pro_…`
    #[serde(default, deserialize_with = "optional_id")]
    pub provider_id: Option<String>,
    /// Time of creation.
    #[serde(default, deserialize_with = "optional_time")]
    pub created_at: Option<Timestamp>,
    /// Time of the last write by anyone.
    #[serde(default, deserialize_with = "optional_time")]
    pub updated_at: Option<Timestamp>,
}
