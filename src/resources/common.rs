//! The part of `spec` that every remote kind shares.

use super::allowed_namespaces::AllowedNamespaces;
use super::schema;
use super::times::DurationText;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

/// Spec fields of every kind that has a remote object.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonSpec {
    /// The connection to use. Default: the Connection `default` of this namespace, else the ClusterConnection `default`.
    pub connection_ref: Option<ConnectionRef>,
    /// Metadata of the remote object. Merged key by key: keys that others have set are kept. The key `kubernetes` is
    /// reserved for the operator. At most 16 KiB and 8 levels.
    #[serde(default)]
    #[schemars(schema_with = "schema::metadata")]
    pub metadata: Option<Map<String, Value>>,
    /// Handling of differences between the spec and the remote object. Default `Enforce`.
    pub mode: Option<Mode>,
    /// Handling of the remote object when this resource is deleted.
    pub deletion_policy: Option<DeletionPolicy>,
    /// Handling of changes of the remote object by anyone but the operator.
    pub drift: Option<DriftPolicy>,
    /// The remote object is read again at least this often, 1m to 24h. Default: the connection's, else 10m.
    #[serde(default)]
    #[schemars(schema_with = "schema::interval")]
    pub interval: Option<DurationText>,
    /// If true, the operator does nothing for this resource except its deletion.
    pub suspend: Option<bool>,
    /// Takes over an existing remote object instead of creating one. Can't be set on an AuthImport or AuthExport.
    pub adopt: Option<Adopt>,
    /// Where the operator publishes the ids of the remote object, for applications to read.
    pub publish: Option<Publish>,
    /// The other namespaces whose resources may refer to this one. If absent: none. Taking a namespace away stops what
    /// resources there do with the remote object; nothing is deleted.
    pub allowed_namespaces: Option<AllowedNamespaces>,
}

/// Name and description of the remote object, for the kinds that have them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Naming {
    /// Name of the remote object. Surrounding whitespace is removed. Default: `metadata.name`.
    #[schemars(length(min = 1, max = 1000))]
    pub name: Option<String>,
    /// Description of the remote object. Surrounding whitespace is removed. Default: empty.
    #[schemars(length(max = 10_000))]
    pub description: Option<String>,
}

/// A reference to a Connection or ClusterConnection.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// The kind of the connection. Default `Connection`.
    pub kind: Option<ConnectionKind>,
    /// Name of the connection.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}

/// The kind of a connection: `Connection` (default) in this namespace, or `ClusterConnection`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ConnectionKind {
    /// Namespaced: for the resources of its own namespace.
    Connection,
    /// Cluster-scoped: for the resources of the namespaces that it allows.
    ClusterConnection,
}

impl ConnectionKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Connection, Self::ClusterConnection];

    /// Returns the kind's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "Connection",
            Self::ClusterConnection => "ClusterConnection",
        }
    }

    /// Returns the kind with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Handling of differences between the spec and the remote object. `Enforce` (default) makes the
/// remote object match the spec. `Observe` only reads it and reports differences; an AuthImport or AuthExport can't
/// have this mode. `Plan` writes the changes that it would make to `status.plan`, and makes them once the annotation
/// `metorial.com/approve` is set to the plan's hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mode {
    /// Make the remote object match the spec.
    #[default]
    Enforce,
    /// Read and report differences, never write. Not for AuthImports and AuthExports.
    Observe,
    /// Show the planned changes and wait for approval.
    Plan,
}

/// Handling of the remote object when the resource is deleted. `Delete` deletes it, but waits while other remote
/// objects depend on it. `Cascade` deletes it together with everything that depends on it. `Orphan` leaves it
/// unchanged. Default: the connection's, else `Delete`. May be changed while the resource is terminating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Delete the remote object; wait while other remote objects depend on it.
    #[default]
    Delete,
    /// Delete the remote object and everything that Metorial deletes with it.
    Cascade,
    /// Leave the remote object unchanged.
    Orphan,
}

/// Handling of changes of the remote object by anyone but the operator. `Correct` writes the spec's values again
/// and emits an event. `Report` keeps the change and sets the condition Drifted. Default: the connection's, else
/// `Correct`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DriftPolicy {
    /// Write the spec's values again and emit an event.
    #[default]
    Correct,
    /// Keep the change and set the condition Drifted.
    Report,
}

/// An existing remote object to take over.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// Id of the remote object.
    #[schemars(length(min = 3, max = 100), regex(pattern = schema::ID))]
    pub id: String,
    /// Handling of a remote object that differs from the spec. Default `Match`.
    pub policy: Option<AdoptPolicy>,
}

/// Handling of a remote object to adopt that differs from the spec. `Match` (default) doesn't adopt it and reports the
/// differences. `Override` adopts it and makes it match the spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AdoptPolicy {
    /// Don't adopt it.
    #[default]
    Match,
    /// Adopt it and make it match the spec.
    Override,
}

/// Where the ids of a remote object are published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// A ConfigMap of this namespace. The operator creates it, keeps it up to date, and deletes it with the resource.
    pub config_map: PublishConfigMap,
}

/// The ConfigMap that ids are published in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishConfigMap {
    /// Name of the ConfigMap. An existing ConfigMap that the operator did not create is never changed.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}
