//! `ProviderConfigVault`: saved settings that configs are made from.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, Grace, Replace, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// Saved settings that configs are made from.
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
    doc = "Saved settings for a provider that configs are made from. A changed value replaces it.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe looks at an existing object: name it in adopt.id")
)]
pub struct ProviderConfigVaultSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Remote name and description.
    #[serde(flatten)]
    pub naming: Naming,
    /// The provider: its id, global identifier or slug. A changed one replaces the vault.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub provider_id: String,
    /// The deployment that it is for. A changed one replaces the vault.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, by the provider's config schema. Can't be read back from Metorial; a changed one replaces the vault.
    pub value: ComposedValue,
    /// `Allow` (default) or `Never`: whether a field that Metorial can't change may lead to a new vault.
    pub replace: Option<Replace>,
    /// How long the old vault stays after it was replaced. Default 0s.
    #[serde(default)]
    #[schemars(schema_with = "schema::grace")]
    pub replace_grace: Option<Grace>,
    /// `Schema` (default) checks the value against the schema that Metorial publishes before anything is sent; `None` does not.
    pub validation: Option<Validation>,
}

/// What is known about the vault.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigVaultStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
}

resource_status!(ProviderConfigVaultStatus { provider_id });
