//! `ProviderDeployment`: a provider as an application uses it, which configs, vaults and auth configs can belong to.

use super::common::{CommonSpec, Naming};
use super::composed::{ResourceRef, ToolFilter};
use super::schema;
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A deployment of a provider.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ProviderDeployment",
    plural = "providerdeployments",
    namespaced,
    shortname = "pdeploy",
    category = "metorial",
    status = "ProviderDeploymentStatus",
    validation = schema::fixed("providerId", "provider"),
    doc = "A deployment of a provider: what agents connect to, and what configs, vaults and auth configs can belong to.",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.providerId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.defaultConfigRef) || !has(self.defaultConfigId)")
        .message("set at most one of defaultConfigRef and defaultConfigId"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe needs an existing object: set adopt.id")
)]
pub struct ProviderDeploymentSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Name and description of the remote object.
    #[serde(flatten)]
    pub naming: Naming,
    /// Id, global identifier or slug of the provider. Can't be changed once the deployment exists at Metorial.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub provider_id: String,
    /// Filters for the tools, prompts and resources that may be used. If absent, all may be used.
    #[schemars(length(max = 50))]
    pub tool_filters: Option<Vec<ToolFilter>>,
    /// Id of the provider's version that the deployment is locked to. If absent, it follows the current version. Some
    /// Metorial servers can lock a deployment only when it is created.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub locked_version_id: Option<String>,
    /// The ProviderConfig that is used where no other config is named. The operator waits until it is ready. Metorial can't
    /// change it once the deployment exists.
    pub default_config_ref: Option<ResourceRef>,
    /// Id of the config at Metorial that is used where no other config is named. Metorial can't change it once the
    /// deployment exists.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub default_config_id: Option<String>,
}

/// The observed state of the deployment.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderDeploymentStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the deployment: the same as `id`, under the name that the other kinds use.
    pub deployment_id: Option<String>,
    /// Id of the config that is used where no other is named. Metorial makes an empty one for providers that need no
    /// configuration.
    pub default_config_id: Option<String>,
    /// Id of the provider's version that the deployment is locked to.
    pub locked_version_id: Option<String>,
}

resource_status!(ProviderDeploymentStatus {
    provider_id,
    deployment_id,
    default_config_id,
    locked_version_id
});
