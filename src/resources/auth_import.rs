//! `AuthImport`: a value that is imported into an auth config, once for each change.

use super::common::CommonSpec;
use super::composed::{ComposedValue, ResourceRef, Validation};
use super::schema;
use super::status::{CommonStatus, Expiration, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A value that is imported into an auth config.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "AuthImport",
    plural = "authimports",
    namespaced,
    shortname = "aimport",
    category = "metorial",
    status = "AuthImportStatus",
    validation = schema::fixed("providerId", "provider"),
    validation = schema::fixed_deployment(),
    validation = schema::fixed("authMethodId", "method"),
    doc = "Imports a value into an auth config: exactly one import for each change of the value or the target.",
    printcolumn(name = "Import", type_ = "string", json_path = ".status.importId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.authConfigRef), has(self.authConfigId), has(self.providerId)].filter(x, x).size() == 1")
        .message("set exactly one of authConfigRef, authConfigId and providerId"),
    validation = Rule::new("has(self.providerId) || (!has(self.deploymentRef) && !has(self.deploymentId) && !has(self.authMethodId))")
        .message("deploymentRef, deploymentId and authMethodId can only be set with providerId: an existing auth config already has its own"),
    validation = Rule::new("has(self.providerId) == has(oldSelf.providerId)")
        .message("providerId can't be added or removed: create a new resource for another target"),
    validation = Rule::new("!has(self.deploymentRef) || !has(self.deploymentId)")
        .message("set at most one of deploymentRef and deploymentId"),
    validation = Rule::new("!has(self.adopt) && (!has(self.mode) || self.mode != 'Observe')")
        .message("an AuthImport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan")
)]
pub struct AuthImportSpec {
    /// Spec fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// The reason for the import. Metorial keeps it in the account's audit log.
    #[schemars(length(min = 1, max = 2000))]
    pub note: String,
    /// The value, which must match the auth method's schema. Metorial never returns it.
    pub value: ComposedValue,
    /// A ProviderAuthConfig. Its `valuePolicy` must be `Initial`.
    pub auth_config_ref: Option<ResourceRef>,
    /// Id of an auth config at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub auth_config_id: Option<String>,
    /// Id, global identifier or slug of a provider: the import creates a new auth config. Can't be changed once
    /// that exists.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub provider_id: Option<String>,
    /// The ProviderDeployment of the new auth config. The operator waits until it is ready. Can't be changed once the auth
    /// config exists, except for the `deploymentId` of the same deployment.
    pub deployment_ref: Option<ResourceRef>,
    /// Id of the provider deployment of the new auth config. Can't be changed once that exists, except for a `deploymentRef`
    /// to the same deployment.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// Id or alias of the auth method of the new auth config. Can't be changed once that exists.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::ALIAS))]
    pub auth_method_id: Option<String>,
    /// When the value is imported. Default `OnChange`.
    pub when: Option<ImportWhen>,
    /// Check of the value before it is sent. Default `Schema`.
    pub validation: Option<Validation>,
}

/// When the value is imported. `OnChange` (default): for each change of the value or the target. `Once`: only once for each target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ImportWhen {
    /// For each change of the value or the target.
    #[default]
    OnChange,
    /// Only once.
    Once,
}

/// The observed state of the imports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthImportStatus {
    /// Status fields of every kind that has a remote object.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// Id of the auth config that the value was imported into.
    pub auth_config_id: Option<String>,
    /// Type of the auth config: `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// Id of the provider deployment that the auth config belongs to.
    pub deployment_id: Option<String>,
}

resource_status! {
    AuthImportStatus { provider_id, deployment_id, auth_config_id, auth_config_type }

    fn expiration(&self) -> Option<Expiration> {
        self.common.imports.as_ref()?.first()?.expiration()
    }
}
