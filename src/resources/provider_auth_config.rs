//! `ProviderAuthConfig`: an authenticated connection to a provider, with a value from Secrets.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, ResourceRef, ToolFilter, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// An authenticated connection to a provider.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ProviderAuthConfig",
    plural = "providerauthconfigs",
    namespaced,
    shortname = "paconf",
    category = "metorial",
    status = "ProviderAuthConfigStatus",
    validation = schema::fixed("authMethodId", "method"),
    validation = schema::fixed_deployment(),
    doc = "An authenticated connection to a provider: an auth method and a value that is composed from Secrets.",
    printcolumn(name = "Type", type_ = "string", json_path = ".status.authConfigType")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.deploymentRef) || !has(self.deploymentId)")
        .message("set at most one of deploymentRef and deploymentId"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe needs an existing object: set adopt.id")
)]
pub struct ProviderAuthConfigSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Name and description of the remote object.
    #[serde(flatten)]
    pub naming: Naming,
    /// Id or alias of the auth method. Can't be changed once the auth config exists at Metorial.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub auth_method_id: String,
    /// The ProviderDeployment that the auth config is for. The operator waits until it is ready. Can't be changed once the
    /// auth config exists, except for the `deploymentId` of the same deployment.
    pub deployment_ref: Option<ResourceRef>,
    /// Id of the provider deployment that the auth config is for. Can't be changed once the auth config exists, except for a
    /// `deploymentRef` to the same deployment.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, which must match the auth method's schema. Metorial never returns it.
    pub value: ComposedValue,
    /// Who changes the value. Default `Managed`.
    pub value_policy: Option<ValuePolicy>,
    /// Filters for the tools, prompts and resources that may be used. If absent, all may be used.
    #[schemars(length(max = 50))]
    pub tool_filters: Option<Vec<ToolFilter>>,
    /// Check of the value before it is sent. Default `Schema`.
    pub validation: Option<Validation>,
}

/// Who changes the value. `Managed` (default): this resource; a changed value is imported into the auth config, whose id
/// stays the same. `Initial`: the value is only used to create the auth config; later changes come from AuthImports or
/// from outside the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ValuePolicy {
    /// This resource.
    #[default]
    Managed,
    /// AuthImports or someone outside the cluster, once the auth config exists.
    Initial,
}

impl ValuePolicy {
    /// Returns the policy as the spec has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "Managed",
            Self::Initial => "Initial",
        }
    }
}

/// The observed state of the auth config.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuthConfigStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the provider deployment that the auth config belongs to.
    pub deployment_id: Option<String>,
    /// Id of the auth config: the same as `id`, under the name that AuthImports and AuthExports use.
    pub auth_config_id: Option<String>,
    /// Type of the auth config: `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
}

resource_status!(ProviderAuthConfigStatus {
    provider_id,
    deployment_id,
    auth_config_id,
    auth_config_type
});
