//! `AuthExport`: tokens of an auth config, brought into a Secret.

use super::common::CommonSpec;
use super::composed::LocalRef;
use super::schema;
use super::status::{CommonStatus, ExportStatus, resource_status};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;

/// Tokens of an auth config that are brought into a Secret.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "AuthExport",
    plural = "authexports",
    namespaced,
    shortname = "aexport",
    category = "metorial",
    status = "AuthExportStatus",
    doc = "Tokens of an auth config that are brought into a Secret of this namespace: exactly one export for each due moment.",
    printcolumn(name = "Secret", type_ = "string", json_path = ".spec.secret.name"),
    printcolumn(name = "Exported", type_ = "date", json_path = ".status.exportedAt")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.authConfigRef) != has(self.authConfigId)")
        .message("set exactly one of authConfigRef and authConfigId"),
    validation = Rule::new("!has(self.adopt) && (!has(self.mode) || self.mode != 'Observe')")
        .message("an export is a record: it can't be adopted or observed")
)]
pub struct AuthExportSpec {
    /// Fields shared by all remote kinds.
    #[serde(flatten)]
    pub common: CommonSpec,
    /// Why the tokens are brought out: kept in the account's audit log.
    #[schemars(length(min = 1, max = 2000))]
    pub note: String,
    /// A ProviderAuthConfig of this namespace.
    pub auth_config_ref: Option<LocalRef>,
    /// The id of an auth config at Metorial.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub auth_config_id: Option<String>,
    /// The deployment of the auth config, for servers that have exports below deployments.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub deployment_id: Option<String>,
    /// Where the tokens go.
    pub secret: ExportSecret,
    /// `OnChange` (default): when another value was imported. `Once`: only one. A duration of at least `1h`: again after
    /// that long.
    #[serde(default)]
    #[schemars(schema_with = "schema::export_when")]
    pub when: Option<String>,
    /// The most exports in any 24 hours. Default 24.
    #[schemars(range(min = 1, max = 1000), extend("format" = "int32"))]
    pub max_per_day: Option<u32>,
}

/// The Secret that tokens go into: made, healed and removed with the resource.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportSecret {
    /// Its name. A Secret of that name that the resource did not make is never touched.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// `Fields` (default): a key for each top-level member of the value. `Json`: all of it under `value.json`.
    pub format: Option<ExportFormat>,
    /// Its type. Default `Opaque`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 253))]
    pub type_: Option<String>,
    /// Labels of the Secret.
    #[serde(default)]
    #[schemars(schema_with = "schema::texts")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Annotations of the Secret.
    #[serde(default)]
    #[schemars(schema_with = "schema::texts")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// How the value is laid out: `Fields` (default): a key for each top-level member. `Json`: all of it under `value.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ExportFormat {
    /// A key for each top-level member.
    #[default]
    Fields,
    /// One JSON text.
    Json,
}

/// What is known about the exports.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthExportStatus {
    /// The part that all kinds share.
    #[serde(flatten)]
    pub common: CommonStatus,
    /// The provider's canonical id.
    pub provider_id: Option<String>,
    /// The auth config that the tokens come from.
    pub auth_config_id: Option<String>,
    /// Its type: `manual`, `oauth_automated` or `oauth_manual`.
    pub auth_config_type: Option<String>,
    /// The exports.
    #[serde(flatten)]
    pub export: ExportStatus,
}

resource_status!(AuthExportStatus { provider_id, auth_config_id, auth_config_type } export);
