//! `Connection` and `ClusterConnection`: an API key and the Metorial instance that it belongs to.
#![allow(
    clippy::duplicated_attributes,
    reason = "two printer columns of one type repeat the attribute's words"
)]

use super::allowed_namespaces::AllowedNamespaces;
use super::common::{DeletionPolicy, DriftPolicy};
use super::schema;
use super::sources::{KeyRef, NamespacedKeyRef};
use super::times::DurationText;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::sync::Arc;
use url::Url;

/// The base URL of the API where a spec has none.
const DEFAULT_BASE_URL: &str = "https://api.metorial.com";

/// Returns the address of the API by the `baseUrl` of a connection; `None` if that is not a URL.
#[must_use]
pub fn api_address(base_url: Option<&str>) -> Option<Url> {
    Url::parse(base_url.unwrap_or(DEFAULT_BASE_URL)).ok()
}

/// Returns the server of an address, as `https://host:port`.
#[must_use]
pub fn server_of(address: &Url) -> Arc<str> {
    address.origin().ascii_serialization().into()
}

/// An API key for the resources of one namespace.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "Connection",
    plural = "connections",
    namespaced,
    shortname = "mconn",
    category = "metorial",
    status = "ConnectionStatus",
    doc = "An API key and the Metorial instance that it belongs to, for the resources of this namespace.",
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".status.instance.slug"
    ),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.instance.type")
)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionSpec {
    /// Where the API key is read from.
    pub api_key: ApiKeySource,
    /// Additional root certificates (PEM) to trust for the API.
    pub ca_bundle: Option<CaBundle<KeyRef>>,
    /// Spec fields of both kinds of connection.
    #[serde(flatten)]
    pub common: ConnectionCommon,
}

/// An API key for the resources of several namespaces.
#[skip_serializing_none]
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "metorial.com",
    version = "v1alpha1",
    kind = "ClusterConnection",
    plural = "clusterconnections",
    shortname = "mcconn",
    category = "metorial",
    status = "ConnectionStatus",
    doc = "An API key and the Metorial instance that it belongs to, for the resources of the namespaces that it allows.",
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".status.instance.slug"
    ),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.instance.type")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConnectionSpec {
    /// Where the API key is read from.
    pub api_key: ClusterApiKeySource,
    /// Additional root certificates (PEM) to trust for the API.
    pub ca_bundle: Option<CaBundle<NamespacedKeyRef>>,
    /// The namespaces whose resources may use this connection. If absent: none.
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// Permission for resources to name objects that no resource of this cluster created by their ids: `authConfigId`,
    /// `vaultId`, `defaultConfigId` and `adopt.id`. `Deny` (default): the key is the administrator's, and reaches the objects of
    /// everybody. `Allow`: users of the connection may use any of them.
    #[schemars(transform = schema::with_own_description)]
    pub external_ids: Option<ExternalIds>,
    /// Spec fields of both kinds of connection.
    #[serde(flatten)]
    pub common: ConnectionCommon,
}

/// Spec fields of both kinds of connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionCommon {
    /// Base URL of the API. Default `https://api.metorial.com`. The operator only calls URLs that its flag
    /// `--allowed-base-urls` allows.
    #[schemars(length(min = 8, max = 500), regex(pattern = schema::URL))]
    pub base_url: Option<String>,
    /// The instance that the API key must belong to. With a key of any other instance the connection is not ready.
    pub instance: Option<InstanceGuard>,
    /// A limit below the API's own, which it can only tighten. That of a Connection applies to the requests through this
    /// connection; that of a ClusterConnection to all requests to the organization.
    pub rate_limit: Option<RateLimitSpec>,
    /// Defaults for the resources that use this connection.
    pub defaults: Option<ConnectionDefaults>,
    /// Handling of a deletion while the connection can't be used: the API can't be reached, or the API key is missing, refused
    /// or of another instance. Default: it waits.
    pub on_unreachable: Option<OnUnreachable>,
    /// The clusters (UIDs of their namespace `kube-system`) whose objects may be taken over with `adopt.policy: Override`.
    /// If absent: none.
    #[schemars(length(max = 100), inner(length(min = 1, max = 64), regex(pattern = schema::UID)))]
    pub adopt_from: Option<Vec<String>>,
}

/// Permission to name objects that no resource of this cluster created by their ids. `Deny` (default): the key is the
/// administrator's, and reaches the objects of everybody. `Allow`: users of the connection may use any of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ExternalIds {
    /// They may.
    Allow,
    /// They may not.
    #[default]
    Deny,
}

/// Where the API key of a `Connection` is read from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySource {
    /// A key of a Secret in this namespace. Its value must be the secret API key of an instance (`metorial_sk_…`) or the key of
    /// an organization (`metorial_mk_…`), and nothing else.
    pub secret_key_ref: KeyRef,
}

/// Where the API key of a `ClusterConnection` is read from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterApiKeySource {
    /// A key of a Secret in any namespace. Its value must be the secret API key of an instance (`metorial_sk_…`) or the key of
    /// an organization (`metorial_mk_…`), and nothing else.
    pub secret_key_ref: NamespacedKeyRef,
}

/// Additional root certificates to trust for the API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaBundle<R> {
    /// A key of a ConfigMap with certificates in PEM format.
    pub config_map_key_ref: R,
}

/// The instance that the API key of a connection must belong to.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceGuard {
    /// Id of the instance. It selects one of the instances that the API key of an organization reaches.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub id: Option<String>,
    /// Type of the instance.
    #[serde(rename = "type")]
    pub type_: Option<InstanceType>,
}

/// Type of the instance: `development` or `production`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceType {
    /// A development instance: 100 requests per 10 minutes.
    Development,
    /// A production instance: 5000 requests per 10 minutes.
    Production,
}

/// A limit on requests to the API.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitSpec {
    /// The number of requests that are allowed within `per`.
    #[schemars(range(min = 1, max = 1_000_000), extend("format" = "int32"))]
    pub requests: u32,
    /// The time window of the limit. Default 10m.
    #[serde(default)]
    #[schemars(schema_with = "schema::interval")]
    pub per: Option<DurationText>,
}

/// Defaults for the resources that use a connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Cascade'")
    .message("defaults.deletionPolicy must be Delete or Orphan: set Cascade on a single resource instead"))]
pub struct ConnectionDefaults {
    /// Default of the resources' `spec.interval`.
    #[serde(default)]
    #[schemars(schema_with = "schema::interval")]
    pub interval: Option<DurationText>,
    /// Default of the resources' `spec.deletionPolicy`: `Delete` or `Orphan`.
    #[schemars(transform = schema::with_own_description)]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Default of the resources' `spec.drift`.
    #[schemars(transform = schema::with_own_description)]
    pub drift: Option<DriftPolicy>,
}

/// Handling of a deletion that can't be carried out at Metorial.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnUnreachable {
    /// `Block` waits; `OrphanAfter` gives up after a while and records the id.
    pub policy: UnreachablePolicy,
    /// Time after which `OrphanAfter` gives up. Default 1h.
    #[serde(default)]
    #[schemars(schema_with = "schema::interval")]
    pub after: Option<DurationText>,
}

/// Handling of a deletion that can't be carried out. `Block` waits without limit. `OrphanAfter` gives up after a
/// while: the remote object stays, and its id is recorded in the ConfigMap `metorial-orphans` of the operator's
/// namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum UnreachablePolicy {
    /// Wait without limit.
    Block,
    /// Give up after a while: the remote object stays, and its id is recorded.
    OrphanAfter,
}

/// The observed state of a connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The generation of the spec that the conditions describe.
    pub observed_generation: Option<i64>,
    /// The value of the annotation `metorial.com/reconcile-requested-at` that was handled last.
    pub last_handled_reconcile_at: Option<String>,
    /// The instance that the API key belongs to. Pinned once known: a key of another instance is refused.
    pub instance: Option<InstanceStatus>,
    /// The rate limit that applies to requests through this connection. Updated when the limit changes, and when the last
    /// request is used up or requests are available again; not with each request.
    pub rate_limit: Option<RateLimitStatus>,
    /// Ready, and where they apply Reconciling and Stalled.
    pub conditions: Option<Vec<Condition>>,
}

/// The rate limit of a connection, and what was left of it when this was written.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitStatus {
    /// The number of requests that are allowed in one window.
    #[schemars(range(min = 0), extend("format" = "int64"))]
    pub limit: i64,
    /// The number of requests that were left and that no resource waited for. 0 while resources wait.
    #[schemars(range(min = 0), extend("format" = "int64"))]
    pub remaining: i64,
    /// When requests are expected to be available again, while none are.
    pub reset_time: Option<Time>,
    /// Where the limit is from.
    pub source: RateLimitSource,
}

/// Where a rate limit is from. `Server`: the headers of the API's responses. `Spec`: `spec.rateLimit` of this connection, or
/// of a ClusterConnection to the same organization. `Assumed`: the documentation, because the API sends no such headers;
/// doubled each time that it is used up without a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum RateLimitSource {
    /// The headers of the API's responses.
    Server,
    /// `spec.rateLimit` of this connection, or of a ClusterConnection to the same organization.
    Spec,
    /// The documentation, because the API sends no such headers; doubled each time that it is used up without a refusal.
    Assumed,
}

/// A Metorial instance, as the API describes it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// Id of the instance.
    pub id: String,
    /// Name of the instance.
    pub name: Option<String>,
    /// Slug of the instance.
    pub slug: Option<String>,
    /// Type of the instance: `development` or `production`.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Id of the organization that the instance belongs to.
    pub organization_id: Option<String>,
    /// Id of the project that the instance belongs to.
    pub project_id: Option<String>,
}
