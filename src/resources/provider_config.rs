//! `ProviderConfig`: settings for a provider's deployments.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, Replace, ResourceRef, ToolFilter, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
use super::times::DurationText;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Settings for a provider's deployments.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ProviderConfig",
    plural = "providerconfigs",
    namespaced,
    shortname = "pconf",
    category = "metorial",
    status = "ProviderConfigStatus",
    doc = "Settings for a provider deployment, written here or taken from a vault. A change that Metorial cannot make replaces the remote object.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.value), has(self.vaultRef), has(self.vaultId)].filter(x, x).size() == 1")
        .message("set exactly one of value, vaultRef and vaultId"),
    validation = Rule::new("!has(self.deploymentRef) || !has(self.deploymentId)")
        .message("set at most one of deploymentRef and deploymentId"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe needs an existing object: set adopt.id")
)]
pub struct ProviderConfigSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Name and description of the remote object.
    #[serde(flatten)]
    pub naming: Naming,
    /// Id, global identifier or slug of the provider. Changing it replaces the config.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub provider_id: String,
    /// The ProviderDeployment that the config is for. The operator waits until it is ready. Another deployment replaces the
    /// config.
    pub deployment_ref: Option<ResourceRef>,
    /// Id of the provider deployment that the config is for. Changing it replaces the config.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, which must match the provider's config schema. Metorial never returns it. Changing it replaces the
    /// config.
    pub value: Option<ComposedValue>,
    /// A ProviderConfigVault. The operator waits until it is ready.
    pub vault_ref: Option<ResourceRef>,
    /// Id of a vault at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub vault_id: Option<String>,
    /// Filters for the tools, prompts and resources that may be used. If absent, all may be used.
    #[schemars(length(max = 50))]
    pub tool_filters: Option<Vec<ToolFilter>>,
    /// Permission to replace the config when Metorial can't change it. Default `Allow`.
    pub replace: Option<Replace>,
    /// Time for which a replaced config is kept. Default 0s.
    #[serde(default)]
    #[schemars(schema_with = "schema::grace")]
    pub replace_grace: Option<DurationText>,
    /// Check of the value before it is sent. Default `Schema`.
    pub validation: Option<Validation>,
}

/// The observed state of the config.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the provider deployment that the config belongs to.
    pub deployment_id: Option<String>,
    /// Id of the vault that the config was created from.
    pub vault_id: Option<String>,
}

resource_status!(ProviderConfigStatus {
    provider_id,
    deployment_id,
    vault_id
});
