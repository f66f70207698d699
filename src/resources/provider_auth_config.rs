//! `ProviderAuthConfig`: an authenticated connection to a provider, with a value from Secrets.

use super::common::{CommonSpec, Naming};
use super::composed::{ComposedValue, ToolFilter, Validation};
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
    doc = "An authenticated connection to a provider: an auth method and a value that is composed from Secrets.",
    printcolumn(name = "Type", type_ = "string", json_path = ".status.authConfigType")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.authMethodId == oldSelf.authMethodId")
        .message("authMethodId can't be changed: create a new resource for another method"),
    validation = Rule::new("has(self.deploymentId) == has(oldSelf.deploymentId) && (!has(self.deploymentId) || self.deploymentId == oldSelf.deploymentId)")
        .message("deploymentId can't be changed: create a new resource for another deployment"),
    validation = Rule::new("!has(self.mode) || self.mode != 'Observe' || has(self.adopt)")
        .message("mode Observe looks at an existing object: name it in adopt.id")
)]
pub struct ProviderAuthConfigSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Remote name and description.
    #[serde(flatten)]
    pub naming: Naming,
    /// The auth method: its id or alias. Can't be changed.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub auth_method_id: String,
    /// The deployment that it is for. Can't be changed.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The value, by the auth method's schema. Can't be read back from Metorial.
    pub value: ComposedValue,
    /// `Managed` (default): a changed value goes in as an import, so the id stays. `Initial`: the value only serves to create the config.
    pub value_policy: Option<ValuePolicy>,
    /// Tools, prompts and resources that are let through; absent: all.
    #[schemars(length(max = 50))]
    pub tool_filters: Option<Vec<ToolFilter>>,
    /// `Schema` (default) checks the value against the schema that Metorial publishes before anything is sent; `None` does not.
    pub validation: Option<Validation>,
}

/// Whose the value is. `Managed` (default): a changed value goes in as an import, so the id stays. `Initial`: the value
/// only serves to create the config; from then on it belongs to AuthImports or people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ValuePolicy {
    /// This resource's.
    #[default]
    Managed,
    /// Other people's, once the config is made.
    Initial,
}

/// What is known about the auth config.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderAuthConfigStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// The id of the auth config, under the name that it has on imports and exports.
    pub auth_config_id: Option<String>,
    /// `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
}

resource_status!(ProviderAuthConfigStatus {
    provider_id,
    auth_config_id,
    auth_config_type
});
