//! `ProviderConfig`: settings for a provider's deployments.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, Grace, LocalRef, Replace, ToolFilter, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
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
    doc = "Settings for a deployment, written here or taken from a vault. What Metorial can not change replaces it.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.value), has(self.vaultRef), has(self.vaultId)].filter(x, x).size() == 1")
        .message("set exactly one of value, vaultRef and vaultId"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe looks at an existing object: name it in adopt.id")
)]
pub struct ProviderConfigSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Remote name and description.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider: its id, global identifier or slug. A changed one replaces the config.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub provider_id: String,
    /// The deployment that it is for. A changed one replaces the config.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, by the provider's config schema. Can't be read back from Metorial; a changed one replaces the config.
    pub value: Option<ComposedValue>,
    /// A ProviderConfigVault of this namespace; waited for until it is ready.
    pub vault_ref: Option<LocalRef>,
    /// The id of a vault at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub vault_id: Option<String>,
    /// Tools, prompts and resources that are let through; absent: all.
    #[schemars(length(max = 50))]
    pub tool_filters: Option<Vec<ToolFilter>>,
    /// `Allow` (default) or `Never`: whether a field that Metorial can't change may lead to a new config.
    pub replace: Option<Replace>,
    /// How long the old config stays after it was replaced. Default 0s.
    #[serde(default)]
    #[schemars(schema_with = "schema::grace")]
    pub replace_grace: Option<Grace>,
    /// `Schema` (default) checks the value against the schema that Metorial publishes before anything is sent; `None` does not.
    pub validation: Option<Validation>,
}

/// What is known about the config.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// The vault that it was made from.
    pub vault_id: Option<String>,
}

resource_status!(ProviderConfigStatus {
    provider_id,
    vault_id
});
