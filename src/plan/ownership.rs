//! The operator's marker in a remote object's metadata: which resource owns the object, the fingerprint of its write-only values,
//! and which keys of the metadata are the resource's.

use super::fingerprint::Fingerprint;
use crate::resources::cut;
use serde_json::{Map, Value, json};

/// The metadata key of the marker.
pub const MARKER_KEY: &str = "kubernetes";
/// The marker as a field, as users see it in differences.
pub const MARKER_FIELD: &str = "metadata.kubernetes";
/// The entry of the marker with the keys of the resource's metadata.
const KEYS: &str = "metadataKeys";
/// The most of these keys, and their length in all: a spec has no more, and anybody who can write an object may add any.
const MOST_KEYS: usize = 64;
const LONGEST_KEYS: usize = 16 << 10;

/// The identity of a custom resource, unique among clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// uid of the namespace `kube-system`.
    pub cluster: String,
    /// The installation of the operator. A clone of a whole cluster has the same `cluster`, and gets another installation.
    pub installation: String,
    /// Namespace of the resource.
    pub namespace: String,
    /// uid of that namespace: one that was deleted and created again may have another owner.
    pub namespace_uid: String,
    /// Name of the resource.
    pub name: String,
    /// Kind of the resource.
    pub kind: String,
    /// uid of the resource.
    pub uid: String,
}

impl Owner {
    /// Returns true if both are resources of the same installation in the same cluster.
    #[must_use]
    pub fn is_of_installation(&self, other: &Self) -> bool {
        (&self.cluster, &self.installation) == (&other.cluster, &other.installation)
    }
}

/// An [`Owner`] as it is recorded in a remote object, with what was written along with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// The resource that owns the object.
    pub owner: Owner,
    /// Fingerprint of the write-only inputs, sent in the same request as they.
    pub fingerprint: Option<Fingerprint>,
    /// The keys of the resource's metadata, sent in the same request as they. One that the object no longer has is not read.
    pub keys: Vec<String>,
}

/// The ownership of a remote object, from the point of view of one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// No marker of any operator.
    Nobody,
    /// Exactly ours.
    Ours,
    /// Of a resource of the same name in the same namespace with another uid, which therefore no longer exists: a restored
    /// backup has new uids.
    Namesake,
    /// Of another resource of this cluster.
    Sibling,
    /// Of a resource in another cluster, or of another installation.
    OtherCluster,
}

impl Marker {
    /// Reads the marker from an object's metadata. An incomplete one counts as none; one without installation or namespace
    /// uid is that of somebody else.
    #[must_use]
    pub fn read(metadata: &Map<String, Value>) -> Option<Self> {
        let marker = metadata.get(MARKER_KEY)?.as_object()?;
        // Cut: a marker of megabytes must not reach a message, and a cut text is still nobody else's.
        let text = |key: &str| marker.get(key).and_then(Value::as_str).map(cut);
        Some(Self {
            owner: Owner {
                cluster: text("cluster")?,
                installation: text("installation").unwrap_or_default(),
                namespace: text("namespace")?,
                namespace_uid: text("namespaceUid").unwrap_or_default(),
                name: text("name")?,
                kind: text("kind")?,
                uid: text("uid")?,
            },
            fingerprint: text("fingerprint").map(|text| Fingerprint::stored(&text)),
            keys: keys(marker, metadata),
        })
    }

    /// Returns the marker as it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let owner = &self.owner;
        let mut marker = json!({
            "cluster": owner.cluster,
            "installation": owner.installation,
            "namespace": owner.namespace,
            "namespaceUid": owner.namespace_uid,
            "name": owner.name,
            "kind": owner.kind,
            "uid": owner.uid,
        });
        if let Some(fingerprint) = &self.fingerprint {
            marker["fingerprint"] = fingerprint.as_str().into();
        }
        if !self.keys.is_empty() {
            marker[KEYS] = self.keys.clone().into();
        }
        marker
    }

    /// Returns what a marker means to `owner`.
    #[must_use]
    pub fn claim(marker: Option<&Marker>, owner: &Owner) -> Claim {
        let Some(Marker { owner: other, .. }) = marker else {
            return Claim::Nobody;
        };
        let same_place = (&other.kind, &other.namespace_uid, &other.name)
            == (&owner.kind, &owner.namespace_uid, &owner.name);
        if !other.is_of_installation(owner) {
            Claim::OtherCluster
        } else if other.uid == owner.uid {
            Claim::Ours
        } else if same_place && !owner.namespace_uid.is_empty() {
            Claim::Namesake
        } else {
            Claim::Sibling
        }
    }
}

/// Returns the keys that the marker lists, of those that the metadata has.
fn keys(marker: &Map<String, Value>, metadata: &Map<String, Value>) -> Vec<String> {
    let listed = marker.get(KEYS).and_then(Value::as_array);
    let listed = listed.into_iter().flatten().filter_map(Value::as_str);
    let present = listed.filter(|key| *key != MARKER_KEY && metadata.contains_key(*key));
    let mut length = 0;
    let within = present.take(MOST_KEYS).take_while(|key| {
        length += key.len();
        length <= LONGEST_KEYS
    });
    within.map(str::to_owned).collect()
}
