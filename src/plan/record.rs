//! The recorded state of a resource: everything known about its remote object before anything is read from the API, from
//! its status, its finalizer and this process's memory.

use super::children::RememberedValue;
use super::desired::Desired;
use super::fingerprint::Fingerprint;
use super::observed::RemoteView;
use crate::resources::{DriftEntry, ExportStatus};
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The time within which the server itself may write an object that it created.
const TOUCHED_WITHIN: SignedDuration = SignedDuration::from_secs(1);

/// The state of knowledge about the writes that were sent for a resource: may one have been applied that nothing records?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writes {
    /// None was ever sent: neither finalizer nor status nor memory shows a trace of one.
    Never,
    /// This process added the finalizer, and every create that it sent since was refused: there is no object.
    NothingCreated,
    /// The outcome of every write is known.
    Known,
    /// One may have been applied: by the process that added the finalizer, or by the sender of a request whose response was lost.
    #[default]
    Unknown,
}

impl Writes {
    /// Returns what is known after one more write that was applied. From here on a missing id means that somebody removed
    /// it: then it is searched for.
    #[must_use]
    pub fn after_success(self) -> Self {
        match self {
            Self::Unknown => Self::Unknown,
            Self::Never | Self::NothingCreated | Self::Known => Self::Known,
        }
    }
}

/// Where a create was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The connection, as statuses have it.
    pub connection: String,
    /// The id of the instance.
    pub instance: String,
}

/// The result of a search in the other instances that a create may have been sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// No object of the resource.
    Nothing,
    /// One in this instance.
    Found(Destination),
    /// Nothing certain: this instance could not be searched.
    Unknown(Destination),
}

/// The origin of the operator's finalizer on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    /// The operator added it.
    Added,
    /// It was created with it, as a backup has it: the finalizer is a trace of another resource of the same name.
    Restored,
}

/// The recorded state of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The resource's own remote object.
    pub id: Option<String>,
    /// True if this process created an object that the status doesn't record yet.
    pub unrecorded: bool,
    /// The object that the status shows where the resource has none of its own: nothing of the resource was ever applied to it.
    pub observed: Option<String>,
    /// The instance that the object lives in, or that a create was sent to whose response was lost.
    pub instance: Option<String>,
    /// The connection that the object was last known to be reached through.
    pub connection: Option<String>,
    /// Where a create was sent whose outcome the status lacks, if this process sent or found it.
    pub sent_to: Option<Destination>,
    /// True if the finalizer is present.
    pub finalizer: bool,
    /// True if the resource was created with the finalizer.
    pub restored: bool,
    /// The state of knowledge about writes.
    pub writes: Writes,
    /// True if the resource ever had a remote object, as far as status or memory show.
    pub had_object: bool,
    /// True if this process sent a write that was not refused.
    pub wrote: bool,
    /// True if the status may lack an import that this process sent.
    pub lost_import: bool,
    /// Time until an absence is certain: no write is so recent that a lagging read could miss it.
    pub settles_in: Duration,
    /// True if the API answered the last write without saying whether it was applied: nothing is on its way any more.
    pub inconclusive: bool,
    /// Revision that the API last acknowledged.
    pub revision: Option<Fingerprint>,
    /// Fingerprints of the write-only fields that the API last acknowledged.
    pub inputs: Vec<(String, Fingerprint)>,
    /// The API's time of our last write.
    pub remote_updated_at: Option<Timestamp>,
    /// Metadata keys that we wrote.
    pub metadata_keys: Vec<String>,
    /// Ids of the recorded imports, newest first.
    pub imports: Vec<String>,
    /// The revision of an unfinished replacement.
    pub replacement: Option<Fingerprint>,
    /// Objects pending deletion after a replacement, with the time of the replacement.
    pub pending_deletion: Vec<(String, Timestamp)>,
    /// The recorded part of exports.
    pub export: ExportStatus,
    /// True if the status lacks that export, which this process knows.
    pub export_unrecorded: bool,
    /// The value of the last export, as far as this process knows it.
    pub known_value: RememberedValue,
    /// The generation that the conditions describe.
    pub observed_generation: Option<i64>,
    /// The reason of its Ready condition, if it has one.
    pub reason: Option<String>,
    /// True if the resource is Ready, the publication of its ids included.
    pub ready: bool,
    /// The differences at Metorial that were reported last.
    pub drift: Vec<DriftEntry>,
    /// The ConfigMap that the ids are published in.
    pub published: Option<String>,
    /// The random text in the hash of the plan that waits for approval.
    pub nonce: Option<String>,
}

impl Record {
    /// Returns the id that the status shows: of the resource's own object, or of the one that it observes.
    #[must_use]
    pub fn shown_id(&self) -> Option<&String> {
        self.id.as_ref().or(self.observed.as_ref())
    }

    /// Returns true if what is not read now is certain not to exist.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.settles_in.is_zero()
    }

    /// Returns true if an object may exist that carries our marker, although no id is recorded.
    #[must_use]
    pub fn may_have_created(&self) -> bool {
        matches!(self.writes, Writes::Known | Writes::Unknown)
    }

    /// Returns true if a write may have been applied that is not recorded.
    #[must_use]
    pub fn may_have_unrecorded_write(&self) -> bool {
        self.writes == Writes::Unknown
    }

    /// Returns true if this process sent a write whose outcome it does not know.
    #[must_use]
    pub fn has_lost_write(&self) -> bool {
        self.wrote && self.may_have_unrecorded_write()
    }

    /// Returns true if the API has acknowledged exactly this: then any difference was made by somebody else.
    #[must_use]
    pub fn acknowledged(&self, desired: &Desired) -> bool {
        self.id.is_some() && self.revision.as_ref() == Some(&desired.revision)
    }

    /// Returns true if somebody wrote the object after our last write.
    #[must_use]
    pub fn written_after(&self, remote: &RemoteView) -> bool {
        // Once no read lags behind our last write, an earlier state is not ours either: Metorial was restored to it.
        self.remote_updated_at.is_some_and(|ours| {
            if self.settled() {
                remote.updated_at != ours
            } else {
                remote.updated_at > ours
            }
        })
    }

    /// Returns true if our last write was the create of this object, and the object was written a moment after the response: the
    /// server itself may do that (▲).
    #[must_use]
    pub fn written_just_after_create(&self, remote: &RemoteView) -> bool {
        let after_create = remote.updated_at.duration_since(remote.created_at);
        self.id.as_ref() == Some(&remote.id)
            && self.remote_updated_at == Some(remote.created_at)
            && self.written_after(remote)
            && after_create <= TOUCHED_WITHIN
    }

    /// Returns the acknowledged fingerprint of one write-only field.
    #[must_use]
    pub fn input(&self, field: &str) -> Option<&Fingerprint> {
        let known = self.inputs.iter().find(|(name, _)| name == field);
        known.map(|(_, fingerprint)| fingerprint)
    }

    /// Returns true if this object was replaced and awaits its deletion.
    #[must_use]
    pub fn is_pending_deletion(&self, id: &str) -> bool {
        self.pending_deletion.iter().any(|(known, _)| known == id)
    }
}
