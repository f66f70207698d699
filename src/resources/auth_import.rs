//! `AuthImport`: a value that is brought into an auth config, once for each change.

use super::common::CommonSpec;
use super::composed::{ComposedValue, LocalRef, Validation};
use super::schema;
use super::status::{CommonStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// A value that is brought into an auth config.
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
    doc = "A value that is brought into an auth config: exactly one import for each change of the value or the target.",
    printcolumn(name = "Import", type_ = "string", json_path = ".status.importId")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.authConfigRef), has(self.authConfigId), has(self.providerId)].filter(x, x).size() == 1")
        .message("set exactly one of authConfigRef, authConfigId and providerId"),
    validation = Rule::new("has(self.providerId) || (!has(self.deploymentId) && !has(self.authMethodId))")
        .message("deploymentId and authMethodId go with providerId: an existing auth config has its own"),
    validation = Rule::new("has(self.providerId) == has(oldSelf.providerId)")
        .message("an import that makes an auth config can't become one into an existing config: create a new resource"),
    validation = Rule::new("!has(self.providerId) || !has(oldSelf.providerId) || self.providerId == oldSelf.providerId")
        .message("providerId can't be changed: create a new resource for another provider"),
    validation = Rule::new("has(self.deploymentId) == has(oldSelf.deploymentId) && (!has(self.deploymentId) || self.deploymentId == oldSelf.deploymentId)")
        .message("deploymentId can't be changed: create a new resource for another deployment"),
    validation = Rule::new("has(self.authMethodId) == has(oldSelf.authMethodId) && (!has(self.authMethodId) || self.authMethodId == oldSelf.authMethodId)")
        .message("authMethodId can't be changed: create a new resource for another method"),
    validation = Rule::new("!has(self.adopt) && (!has(self.mode) || self.mode != 'Observe')")
        .message("an import is a record: it can't be adopted or observed")
)]
pub struct AuthImportSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Why the value is brought in: kept in the account's audit log.
    #[schemars(length(min = 1, max = 2000))]
    pub note: String,
    /// The value, by the auth method's schema. Can't be read back from Metorial.
    pub value: ComposedValue,
    /// A ProviderAuthConfig of this namespace, whose `valuePolicy` must be `Initial`.
    pub auth_config_ref: Option<LocalRef>,
    /// The id of an auth config at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub auth_config_id: Option<String>,
    /// A provider: the import makes a new auth config. Can't be changed.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub provider_id: Option<String>,
    /// The deployment of the new auth config. Can't be changed.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// The auth method of the new auth config: its id or alias. Can't be changed.
    #[schemars(length(min = 1, max = 200), regex(pattern = schema::PROVIDER))]
    pub auth_method_id: Option<String>,
    /// `OnChange` (default): an import for each change of the value. `Once`: only one.
    pub when: Option<ImportWhen>,
    /// `Schema` (default) checks the value against the schema that Metorial publishes before anything is sent; `None` does not.
    pub validation: Option<Validation>,
}

/// `OnChange` (default): an import for each change of the value or the target. `Once`: only one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ImportWhen {
    /// For each change.
    #[default]
    OnChange,
    /// Only one.
    Once,
}

/// What is known about the imports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthImportStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The auth config that the value is in.
    pub auth_config_id: Option<String>,
    /// Its type: `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
}

resource_status!(AuthImportStatus {
    provider_id,
    auth_config_id,
    auth_config_type
});
