//! The operator's own entry in a remote object's metadata: whose it is, and which write-only values it has.

use super::fingerprint::Fingerprint;
use super::{RemoteView, Situation};
use serde_json::{Map, Value, json};

/// The metadata key of the marker.
pub const MARKER_KEY: &str = "kubernetes";

/// Who a custom resource is, in a way that no other cluster repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// uid of the namespace `kube-system`.
    pub cluster: String,
    /// Namespace of the resource.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// Kind of the resource.
    pub kind: String,
    /// uid of the resource.
    pub uid: String,
}

/// An [`Owner`] as it stands in a remote object, with the digest of what was written with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whose it is.
    pub owner: Owner,
    /// Digest of the write-only inputs, sent in the same request as they.
    pub fingerprint: Option<Fingerprint>,
}

/// What a marker says about a remote object, seen from one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// No marker of any operator.
    Nobody,
    /// Exactly ours.
    Ours,
    /// Of a resource of the same name in this cluster that has another uid, so is no more: a restored backup.
    Namesake,
    /// Of another resource of this cluster.
    Sibling,
    /// Of a resource in another cluster.
    OtherCluster,
}

impl Marker {
    /// Reads the marker out of an object's metadata. What is half there counts as none.
    #[must_use]
    pub fn read(metadata: &Map<String, Value>) -> Option<Self> {
        let marker = metadata.get(MARKER_KEY)?.as_object()?;
        let text = |key: &str| marker.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            owner: Owner {
                cluster: text("cluster")?,
                namespace: text("namespace")?,
                name: text("name")?,
                kind: text("kind")?,
                uid: text("uid")?,
            },
            fingerprint: text("fingerprint").map(|text| Fingerprint::stored(&text)),
        })
    }

    /// The marker as it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let owner = &self.owner;
        let mut marker = json!({
            "cluster": owner.cluster,
            "namespace": owner.namespace,
            "name": owner.name,
            "kind": owner.kind,
            "uid": owner.uid,
        });
        if let Some(fingerprint) = &self.fingerprint {
            marker["fingerprint"] = fingerprint.as_str().into();
        }
        marker
    }

    /// What this marker means to `owner`.
    #[must_use]
    pub fn claim(marker: Option<&Marker>, owner: &Owner) -> Claim {
        let Some(Marker { owner: other, .. }) = marker else {
            return Claim::Nobody;
        };
        if other.cluster != owner.cluster {
            Claim::OtherCluster
        } else if other.uid == owner.uid {
            Claim::Ours
        } else if (&other.kind, &other.namespace, &other.name)
            == (&owner.kind, &owner.namespace, &owner.name)
        {
            Claim::Namesake
        } else {
            Claim::Sibling
        }
    }
}

/// The live objects that carry our marker, oldest first; where there is none, those of a predecessor of the same name.
/// A predecessor counts only for who has never had an object: that is how a restored backup comes back. Later it is
/// one that was left at Metorial on purpose.
pub(super) fn claimed<'a>(situation: &Situation, found: &'a [RemoteView]) -> Vec<&'a RemoteView> {
    let of = |claim: Claim| {
        let mine = |remote: &&RemoteView| {
            remote.live && Marker::claim(remote.marker.as_ref(), situation.owner) == claim
        };
        let mut mine: Vec<&RemoteView> = found.iter().filter(mine).collect();
        mine.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        mine
    };
    let ours = of(Claim::Ours);
    let restored = situation.ledger.id.is_none() && !situation.ledger.lived;
    match ours.is_empty() && restored {
        true => of(Claim::Namesake),
        false => ours,
    }
}
