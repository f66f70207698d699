//! The part of `spec` that every remote kind shares.

use super::schema;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;
use std::time::Duration;

/// Fields shared by the kinds that stand for something at Metorial.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CommonSpec {
    /// The connection to use. Default: the Connection `default` of this namespace, else the ClusterConnection `default`.
    pub connection_ref: Option<ConnectionRef>,
    /// Metadata of the remote object, merged key by key: keys that others put there stay. The key `kubernetes` is the operator's.
    #[serde(default)]
    #[schemars(schema_with = "schema::metadata")]
    pub metadata: Option<Map<String, Value>>,
    /// `Enforce` (default) brings the remote object in line; `Observe` reads and reports drift, and never writes.
    pub mode: Option<Mode>,
    /// What a deletion does at Metorial. Default: the connection's, else `Delete`. May be changed while the object is terminating.
    pub deletion_policy: Option<DeletionPolicy>,
    /// What happens when somebody edits the remote object. Default: the connection's, else `Correct`.
    pub drift: Option<DriftPolicy>,
    /// How old an observation of the remote object may get, 1m to 24h. Default: the connection's, else 10m.
    pub interval: Option<Interval>,
    /// `true`: nothing is done for this object but its deletion.
    pub suspend: Option<bool>,
    /// Take over an existing remote object instead of making one.
    pub adopt: Option<Adopt>,
    /// Where to publish the remote id for applications to read.
    pub publish: Option<Publish>,
}

/// Remote name and description, for the kinds that have them.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Naming {
    /// Name at Metorial, trimmed. Default: `metadata.name`.
    #[schemars(length(min = 1, max = 1000))]
    pub name: Option<String>,
    /// Description at Metorial, trimmed. Absent means empty.
    #[schemars(length(max = 10_000))]
    pub description: Option<String>,
}

/// A reference to the connection of an object.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// `Connection` (default; in this namespace) or `ClusterConnection`.
    pub kind: Option<ConnectionKind>,
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}

/// `Connection` (default; in this namespace) or `ClusterConnection`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
pub enum ConnectionKind {
    /// In the namespace of the objects that use it.
    Connection,
    /// For many namespaces.
    ClusterConnection,
}

/// `Enforce` (default) brings the remote object in line; `Observe` reads and reports drift, and never writes; `Plan`
/// shows in `status.plan` what it would do, and does it once the annotation `metorial.com/approve` has the plan's hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mode {
    /// Bring the remote object in line.
    #[default]
    Enforce,
    /// Only look.
    Observe,
    /// Say what would be done, and wait for approval.
    Plan,
}

/// What a deletion does at Metorial. `Delete` waits while others depend on the remote object, `Cascade` takes them
/// along, `Orphan` leaves the remote object alone. Default: the connection's, else `Delete`. May be changed while the
/// resource is terminating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Delete the remote object; wait while others depend on it.
    #[default]
    Delete,
    /// Delete the remote object and whatever Metorial deletes with it.
    Cascade,
    /// Leave the remote object alone.
    Orphan,
}

/// What happens when somebody else changes the remote object: `Correct` pushes our values once and says so, `Report`
/// says so and leaves it. Default: the connection's, else `Correct`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum DriftPolicy {
    /// Push our values once and say so.
    #[default]
    Correct,
    /// Say so and leave it.
    Report,
}

/// A duration such as `10m` or `1h30m`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Interval(
    /// The text as it was written.
    #[schemars(schema_with = "schema::interval")]
    pub String,
);

impl Interval {
    /// The duration, or `None` where the text is not one (admission refuses those).
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.0
            .parse::<SignedDuration>()
            .ok()
            .and_then(|duration| Duration::try_from(duration).ok())
    }
}

/// An existing remote object to take over.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Adopt {
    /// Its id.
    #[schemars(length(min = 3, max = 100), regex(pattern = schema::ID))]
    pub id: String,
    /// `Match` (default) refuses an object that differs from this spec; `Override` brings it in line.
    pub policy: Option<AdoptPolicy>,
}

/// `Match` (default) refuses an object that differs from this spec; `Override` brings it in line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum AdoptPolicy {
    /// Refuse it.
    #[default]
    Match,
    /// Bring it in line.
    Override,
}

/// Where ids are published.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Publish {
    /// A ConfigMap of this namespace that the operator makes, keeps and removes with the object.
    pub config_map: PublishConfigMap,
}

/// The ConfigMap that ids are published in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishConfigMap {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}
