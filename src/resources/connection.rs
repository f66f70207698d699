//! `Connection` and `ClusterConnection`: an API key and the Metorial instance that it opens.

use super::common::{DeletionPolicy, DriftPolicy, Interval};
use super::schema;
use super::sources::{KeyRef, NamespacedKeyRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// An API key for the objects of one namespace.
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
    doc = "An API key and the Metorial instance that it opens, for the objects of its namespace.",
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".status.instance.slug"
    ),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.instance.type")
)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionSpec {
    /// Where the secret key is kept.
    pub api_key: ApiKeySource,
    /// Extra root certificates (PEM) for the API's server.
    pub ca_bundle: Option<CaBundle<KeyRef>>,
    /// What both kinds of connection share.
    #[serde(flatten)]
    pub common: ConnectionCommon,
}

/// An API key for the objects of many namespaces.
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
    doc = "An API key and the Metorial instance that it opens, for the objects of the namespaces that it admits.",
    printcolumn(
        name = "Instance",
        type_ = "string",
        json_path = ".status.instance.slug"
    ),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.instance.type")
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterConnectionSpec {
    /// Where the secret key is kept.
    pub api_key: ClusterApiKeySource,
    /// Extra root certificates (PEM) for the API's server.
    pub ca_bundle: Option<CaBundle<NamespacedKeyRef>>,
    /// The namespaces whose objects may use this connection; absent: none.
    pub allowed_namespaces: Option<AllowedNamespaces>,
    /// What both kinds of connection share.
    #[serde(flatten)]
    pub common: ConnectionCommon,
}

/// What both kinds of connection share.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionCommon {
    /// The API's address. Default `https://api.metorial.com`; the operator only calls addresses that its `--allowed-base-urls` admits.
    #[schemars(length(min = 8, max = 500), regex(pattern = r"^https?://[^@\s]+$"))]
    pub base_url: Option<String>,
    /// Refuse any other instance: a guard against the wrong key in the wrong place.
    pub instance: Option<InstanceGuard>,
    /// A tighter limit than the API's own. Shared by all connections of an organisation.
    pub rate_limit: Option<RateLimitSpec>,
    /// Defaults for the objects that use this connection.
    pub defaults: Option<ConnectionDefaults>,
    /// What a deletion does that can't reach the API or has no key. Default: it waits.
    pub on_unreachable: Option<OnUnreachable>,
}

/// Where the key of a `Connection` is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeySource {
    /// A key of a Secret in this namespace, with a secret key (`metorial_sk_…`) and nothing else in it.
    pub secret_key_ref: KeyRef,
}

/// Where the key of a `ClusterConnection` is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterApiKeySource {
    /// A key of a Secret, with a secret key (`metorial_sk_…`) and nothing else in it.
    pub secret_key_ref: NamespacedKeyRef,
}

/// Extra root certificates.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CaBundle<R> {
    /// A key of a ConfigMap with certificates in PEM form.
    pub config_map_key_ref: R,
}

/// The instance that a connection insists on.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceGuard {
    /// Its id.
    #[schemars(length(min = 1, max = 100), regex(pattern = schema::ID))]
    pub id: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: Option<InstanceType>,
}

/// `development` or `production`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstanceType {
    /// For development: 100 requests per 10 minutes.
    Development,
    /// For production: 5000 requests per 10 minutes.
    Production,
}

/// A rate limit.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitSpec {
    /// Requests per `per`.
    #[schemars(range(min = 1, max = 1_000_000), extend("format" = "int32"))]
    pub requests: u32,
    /// The window. Default 10m.
    pub per: Option<Interval>,
}

/// Defaults that a connection gives its objects.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.deletionPolicy) || self.deletionPolicy != 'Cascade'")
    .message("Cascade is a choice for one object: a connection's default is Delete or Orphan"))]
pub struct ConnectionDefaults {
    /// See the objects' `interval`.
    pub interval: Option<Interval>,
    /// See the objects' `deletionPolicy`.
    pub deletion_policy: Option<DeletionPolicy>,
    /// See the objects' `drift`.
    pub drift: Option<DriftPolicy>,
}

/// What a deletion does that can't be carried out at Metorial.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OnUnreachable {
    /// `Block` (default) waits; `OrphanAfter` gives up after a while and records the id.
    pub policy: UnreachablePolicy,
    /// How long `OrphanAfter` waits. Default 1h.
    pub after: Option<Interval>,
}

/// `Block` (default) waits for as long as it takes; `OrphanAfter` gives up after a while, and the id that is left
/// behind is recorded in the ConfigMap `metorial-orphans` of the operator's namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum UnreachablePolicy {
    /// Wait for as long as it takes.
    Block,
    /// Give up after a while: the remote object stays, its id is recorded.
    OrphanAfter,
}

/// The namespaces that a ClusterConnection admits: those named, and those whose labels match.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names of namespaces.
    #[schemars(
        length(max = 1000),
        inner(length(min = 1, max = 63), regex(pattern = schema::NAMESPACE))
    )]
    pub names: Option<Vec<String>>,
    /// Labels of namespaces. An empty selector matches every namespace.
    #[serde(default)]
    #[schemars(schema_with = "schema::selector")]
    pub selector: Option<LabelSelector>,
}

/// What is known about a connection.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The generation that the conditions speak of.
    pub observed_generation: Option<i64>,
    /// Echo of the annotation `metorial.com/reconcile-requested-at`.
    pub last_handled_reconcile_at: Option<String>,
    /// The instance that the key opens. Pinned once known.
    pub instance: Option<InstanceStatus>,
    /// Ready, and where they apply Reconciling and Stalled.
    pub conditions: Option<Vec<Condition>>,
}

/// An instance as the API describes it.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its slug.
    pub slug: Option<String>,
    /// `development` or `production`.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// The organisation that it belongs to.
    pub organization_id: Option<String>,
    /// The project that it belongs to.
    pub project_id: Option<String>,
}
