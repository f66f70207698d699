//! What this process remembers of one resource between reconciliations. It may all be lost: where it is missing, more is read,
//! and an export whose value is not in its Secret yet is made again.

use super::children::{ChildKind, ChildSpec, Data, RememberedValue};
use super::desired::Desired;
use super::fingerprint::Fingerprint;
use super::ownership::Owner;
use super::pauses::Pauses;
use super::record::{Destination, Writes};
use super::rewrites::Rewrites;
use super::unknown_outcome::MaybeApplied;
use crate::resources::{CommonStatus, ExportStatus};
use jiff::Timestamp;
use metorial::SecretValue;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The memory of one resource. It belongs to a uid: a resource of the same name starts anew.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The resource's uid.
    pub uid: String,
    /// The state of knowledge about the writes that were sent.
    pub writes: Writes,
    /// The last export, for as long as its value can be written to the Secret again.
    pub exported: Option<Arc<Exported>>,
    /// The id that a create answered, for as long as the status may lack it.
    pub created: Option<String>,
    /// The last import, as far as the status may lack it.
    pub last_import: LastImport,
    /// Where the last create was sent, for as long as the status may lack its outcome.
    pub sent_to: Option<Destination>,
    /// The recent writes to its child objects.
    pub rewrites: HashMap<ChildKind, Rewrites>,
    /// The fields that the API refused to change, and the revision that it was asked to apply.
    pub refused: Option<(Fingerprint, Vec<&'static str>)>,
    /// The present owner of the object that it is to adopt, while it waits for it to be gone.
    pub awaited_owner: Option<Box<AwaitedOwner>>,
    /// Its pauses.
    pub pauses: Pauses,
    /// The time of the auth config that is exported, and since when it is known: lists may lag behind it.
    moved: Option<(Timestamp, Instant)>,
    /// True if a write was sent that was not refused.
    pub(super) wrote: bool,
    /// True if the resource has or had an object, or a create was sent that was not refused.
    pub(super) had_object: bool,
    /// When reads are sure to show every write, where it is known that no earlier leader sent one, or one was sent since, or
    /// that another shard may have sent one.
    settling: Option<Settling>,
    /// When reads are sure to show what another shard may have sent that served the resource before.
    taken_over: Option<Instant>,
}

/// The owner of an object, by its marker, that another resource waits to adopt.
#[derive(Clone, Debug)]
pub struct AwaitedOwner {
    /// The owner.
    pub owner: Owner,
    /// True if it still exists.
    pub exists: bool,
}

/// The last import of a resource, as far as the status may lack it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastImport {
    /// The status records it, or there is none.
    #[default]
    Recorded,
    /// Its response was lost.
    Lost,
    /// The API made this record of it.
    Unrecorded(String),
}

/// When reads are sure to show every write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    pub(super) at: Instant,
    /// True if the API answered the last write without saying whether it was applied.
    pub(super) inconclusive: bool,
}

impl Settling {
    fn at(at: Instant) -> Self {
        Self {
            at,
            inconclusive: false,
        }
    }
}

/// What was known before a write.
#[derive(Clone, Copy, Debug)]
pub struct BeforeWrite {
    settling: Settling,
    wrote: bool,
}

/// The lags of reads behind writes.
#[derive(Clone, Copy, Debug)]
pub struct Lags {
    /// The start of this leadership: an earlier leader may have sent a write until then.
    pub since: Instant,
    /// The lag behind a write without a response.
    pub settle: Duration,
    /// The lag behind a write that the API answered.
    pub read_lag: Duration,
}

/// The last export, as far as this process knows it.
pub struct Exported {
    /// The exported value.
    pub value: ExportedValue,
    /// The record of it in the status once the Secret holds it.
    pub status: ExportStatus,
}

/// An exported value.
pub enum ExportedValue {
    /// As the API answered it.
    Answered(SecretValue),
    /// As the Secret held it.
    Content(ChildSpec, Data),
}

impl Exported {
    /// Returns the content of a Secret with the value; `None` if what is known is the content of another one.
    ///
    /// # Errors
    /// The value does not fit.
    pub fn content(&self, wanted: &ChildSpec) -> Result<Option<Data>, &'static str> {
        match &self.value {
            ExportedValue::Answered(value) => wanted.layout(value.expose()).map(Some),
            ExportedValue::Content(of, data) => Ok(of.has_layout_of(wanted).then(|| data.clone())),
        }
    }

    /// Returns what a decision knows of the value.
    pub(super) fn known(&self) -> RememberedValue {
        match &self.value {
            ExportedValue::Answered(_) => RememberedValue::Value,
            ExportedValue::Content(of, _) => RememberedValue::Content(of.clone()),
        }
    }
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exported")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Memory {
    /// Returns the memory of a resource with this uid, of which nothing is known.
    #[must_use]
    pub fn new(uid: &str) -> Self {
        Self {
            uid: uid.to_owned(),
            ..Self::default()
        }
    }

    /// Remembers that nothing was created yet: this process added the finalizer, without which no earlier leader sent a
    /// create either.
    pub fn set_nothing_created(&mut self, now: Instant) {
        self.writes = Writes::NothingCreated;
        self.settling = Some(Settling::at(now));
    }

    /// Records that a different shard may have sent writes until `settled_at`; no effect if this process knows when reads settle.
    /// `read_again_at`: when the object is to be read once more.
    pub fn take_over(&mut self, settled_at: Instant, read_again_at: Option<Instant>) {
        if self.settling.is_none() {
            self.settling = Some(Settling::at(settled_at));
            self.taken_over = read_again_at;
        }
    }

    /// Returns when the object is to be read once more, because a write of another shard may have undone what this one read or
    /// wrote; `None` where no other shard served the resource.
    #[must_use]
    pub fn taken_over(&self) -> Option<Instant> {
        self.taken_over
    }

    /// Remembers that a write is in flight. Returns what was known before it.
    pub fn begin_write(&mut self, lags: &Lags, now: Instant) -> BeforeWrite {
        let settling = self.settling(lags);
        self.settling = Some(Settling::at(settling.at.max(now + lags.settle)));
        let wrote = std::mem::replace(&mut self.wrote, true);
        BeforeWrite { settling, wrote }
    }

    /// Remembers how a write ended: when reads are sure to show it.
    pub fn end_write(
        &mut self,
        before: BeforeWrite,
        sent: Result<(), MaybeApplied>,
        lags: &Lags,
        now: Instant,
    ) {
        self.wrote = before.wrote || sent != Err(MaybeApplied::No);
        let before = before.settling;
        let settling = match sent {
            Err(MaybeApplied::No) => before,
            Err(MaybeApplied::Answered) => Settling {
                at: before.at.max(now + lags.read_lag),
                inconclusive: before.at <= now,
            },
            Ok(()) | Err(MaybeApplied::InFlight) => Settling::at(before.at.max(now + lags.settle)),
        };
        self.settling = Some(settling);
    }

    /// Remembers the outcome of a write that must not be repeated blindly. `refused`: what is known if it was not applied.
    pub fn end_unrepeatable(
        &mut self,
        before: Writes,
        sent: Result<(), MaybeApplied>,
        refused: Writes,
    ) {
        self.writes = match sent {
            Ok(()) => before.after_success(),
            Err(MaybeApplied::No) => refused,
            Err(MaybeApplied::Answered | MaybeApplied::InFlight) => Writes::Unknown,
        };
        if self.writes == Writes::NothingCreated {
            self.sent_to = None;
        }
    }

    /// Remembers that the API has what is recorded, and nothing else of ours.
    pub fn confirm_all(&mut self) {
        (self.writes, self.last_import) = (Writes::Known, LastImport::Recorded);
    }

    /// Remembers how a create ended: with an object of this id, if the response had it. One that was refused leaves none.
    pub fn end_create(&mut self, sent: Result<Option<String>, MaybeApplied>) {
        self.had_object |= sent != Err(MaybeApplied::No);
        if let Ok(id) = sent {
            self.created = id;
        }
    }

    /// Remembers that the resource has this object. One that was created before it, and that no status recorded, is gone.
    pub fn bind(&mut self, id: &str) {
        self.had_object = true;
        if self.created.take_if(|created| created != id).is_some() {
            self.sent_to = None;
        }
    }

    /// Remembers that an import is being sent; returns what was known of the one before.
    pub fn begin_import(&mut self) -> LastImport {
        std::mem::replace(&mut self.last_import, LastImport::Lost)
    }

    /// Remembers how an import ended: with a record of this id, or not.
    pub fn end_import(&mut self, before: LastImport, sent: Result<String, MaybeApplied>) {
        self.last_import = match sent {
            Ok(id) => LastImport::Unrecorded(id),
            Err(MaybeApplied::No) => before,
            Err(MaybeApplied::Answered | MaybeApplied::InFlight) => LastImport::Lost,
        };
    }

    /// Forgets what it keeps of a create and an import until this status records them.
    pub fn forget_recorded(&mut self, status: &CommonStatus) {
        if let LastImport::Unrecorded(import) = &self.last_import
            && status.imports.iter().flatten().any(|it| it.id == *import)
        {
            self.last_import = LastImport::Recorded;
        }
        // An observed object is not the one that was created.
        let id = status.id.as_ref().filter(|_| status.observed.is_none());
        let created = self.created.as_ref();
        let known = created == id || created.is_none() && self.sent_to.is_some();
        if id.is_some() && known {
            (self.created, self.sent_to) = (None, None);
        }
    }

    /// Remembers since when the exported auth config has this time, and returns for how long: what its list of imports
    /// showed before says nothing about it.
    pub fn unchanged_for(&mut self, at: Timestamp, now: Instant) -> Duration {
        let known = self.moved.filter(|(known, _)| *known == at);
        let (_, since) = *self.moved.insert(known.unwrap_or((at, now)));
        now.saturating_duration_since(since)
    }

    /// Remembers that the API refused to change fields of the object to what is desired.
    pub fn refuse(&mut self, desired: Option<&Desired>, fields: &[&'static str]) {
        let refused = desired.map(|it| (it.revision.clone(), fields.to_vec()));
        self.refused = refused;
    }

    /// Returns the fields that the API refused to change when it was to apply this revision.
    #[must_use]
    pub fn refused_fields(&self, revision: Option<&Fingerprint>) -> Vec<&'static str> {
        let known = self.refused.as_ref();
        let same = known.filter(|(refused, _)| Some(refused) == revision);
        same.map(|(_, fields)| fields.clone()).unwrap_or_default()
    }

    /// Returns when reads are sure to show every write. Where nothing is remembered, an earlier leader may have sent one.
    pub(super) fn settling(&self, lags: &Lags) -> Settling {
        let unknown = Settling::at(lags.since + lags.settle);
        self.settling.unwrap_or(unknown)
    }
}
