//! `ProviderConfigVault`: stored settings that configs are created from.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, Replace, ResourceRef, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
use super::times::DurationText;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Saved settings that configs are created from.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ProviderConfigVault",
    plural = "providerconfigvaults",
    namespaced,
    shortname = "pvault",
    category = "metorial",
    status = "ProviderConfigVaultStatus",
    doc = "Saved settings for a provider that configs are created from. Changing the value replaces the remote object.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.deploymentRef) || !has(self.deploymentId)")
        .message("set at most one of deploymentRef and deploymentId"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe needs an existing object: set adopt.id")
)]
pub struct ProviderConfigVaultSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Name and description of the remote object.
    #[serde(flatten)]
    pub naming: Naming,
    /// Id, global identifier or slug of the provider. Changing it replaces the vault.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub provider_id: String,
    /// The ProviderDeployment that the vault is for. The operator waits until it is ready. Another deployment replaces the
    /// vault.
    pub deployment_ref: Option<ResourceRef>,
    /// Id of the provider deployment that the vault is for. Changing it replaces the vault.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, which must match the provider's config schema. Metorial never returns it. Changing it replaces the
    /// vault.
    pub value: ComposedValue,
    /// Permission to replace the vault when Metorial can't change it. Default `Allow`.
    pub replace: Option<Replace>,
    /// Time for which a replaced vault is kept. Default 0s.
    #[serde(default)]
    #[schemars(schema_with = "schema::grace")]
    pub replace_grace: Option<DurationText>,
    /// Check of the value before it is sent. Default `Schema`.
    pub validation: Option<Validation>,
}

/// The observed state of the vault.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigVaultStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the provider deployment that the vault belongs to.
    pub deployment_id: Option<String>,
}

resource_status!(ProviderConfigVaultStatus {
    provider_id,
    deployment_id
});
