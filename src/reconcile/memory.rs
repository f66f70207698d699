//! What this process remembers of each resource between reconciliations. It may all be lost: where it is
//! missing, more is read, and an export whose value is not in its Secret yet is made again.

use crate::lock::lock;
use crate::plan::backoff::Pacing;
use crate::plan::children::ChildKind;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::pauses::Pauses;
use crate::plan::record::{Destination, Writes};
use crate::plan::rewrites::Rewrites;
use crate::resources::{ExportStatus, ResourceKey};
use jiff::Timestamp;
use metorial::SecretValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;

/// The memory of one resource. It belongs to a uid: a resource of the same name starts anew.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// The resource's uid.
    pub uid: String,
    /// What is known about the writes that were sent.
    pub writes: Writes,
    /// The last export, for as long as its value can be written to the Secret again.
    pub exported: Option<Arc<Exported>>,
    /// The time of the auth config that is exported, and since when it is known: lists may lag behind it.
    pub moved: Option<(Timestamp, Instant)>,
    /// The id that a create answered, for as long as the status may lack it.
    pub created: Option<String>,
    /// Where the last create was sent, for as long as the status may lack its outcome.
    pub sent_to: Option<Destination>,
    /// Whether a write was sent.
    pub wrote: bool,
    /// When reads are sure to show every write, where it is known that no earlier leader sent one, or one was sent since, or
    /// that another shard may have sent one.
    pub settling: Option<Settling>,
    /// The recent writes to its child objects.
    pub rewrites: HashMap<ChildKind, Rewrites>,
    /// The fields that the API refused to change, and the revision that it was asked to apply.
    pub refused: Option<(Fingerprint, Vec<&'static str>)>,
    /// Its pauses.
    pub pauses: Pauses,
}

impl Memory {
    /// Remembers that nothing was created yet: this process added the finalizer, without which no earlier leader sent a
    /// create either.
    pub fn nothing_created(&mut self) {
        self.writes = Writes::NothingCreated;
        self.settling = Some(Settling {
            at: Instant::now(),
            inconclusive: false,
        });
    }

    /// Remembers that another shard may have sent writes, which reads are sure to show at this time. Unless their end is known
    /// already: those that are new to this process are not its own.
    pub fn taken_over(&mut self, settled_at: Instant) {
        self.settling.get_or_insert(Settling {
            at: settled_at,
            inconclusive: false,
        });
    }
}

/// When reads are sure to show every write.
#[derive(Clone, Copy, Debug)]
pub struct Settling {
    /// That time.
    pub at: Instant,
    /// Whether the API answered the last write without saying whether it was applied.
    pub inconclusive: bool,
}

/// An export that this process made.
pub struct Exported {
    /// The auth config that it is of.
    pub of: String,
    /// The value.
    pub value: SecretValue,
    /// What the status records once the Secret holds it.
    pub status: ExportStatus,
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exported")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The memory of all resources. Boxed, or the free part of the table would be as large as the memories.
#[derive(Default)]
pub struct Memories(Mutex<HashMap<ResourceKey, Box<Memory>>>);

impl Memories {
    /// Returns what is remembered of the resource with this uid. From now on something is.
    #[must_use]
    pub fn of(&self, key: &ResourceKey, uid: &str) -> Memory {
        let mut all = self.lock();
        let known = all.entry(key.clone()).or_default();
        if known.uid != uid {
            **known = Memory {
                uid: uid.to_owned(),
                ..Memory::default()
            };
        }
        Memory::clone(known)
    }

    /// Replaces what is remembered, unless the resource was forgotten since it was read: another shard may have served it, and
    /// what was known of it before means nothing any more.
    pub fn set(&self, key: &ResourceKey, memory: Memory) {
        if let Some(known) = self.lock().get_mut(key) {
            **known = memory;
        }
    }

    /// Remembers a reconciliation that ended without a decision, whatever the resource's uid, and returns the time until the
    /// next one.
    pub fn failed(&self, key: &ResourceKey, pacing: &Pacing) -> Duration {
        let mut all = self.lock();
        let pauses = &mut all.entry(key.clone()).or_default().pauses;
        pauses.fail(pacing, Instant::now().into_std())
    }

    /// Forgets a resource.
    pub fn forget(&self, key: &ResourceKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceKey, Box<Memory>>> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_that_are_new_to_this_process_are_those_of_another_shard() {
        let settled_at = Instant::now() + Duration::from_secs(60);
        let at = |memory: &Memory| memory.settling.map(|settling| settling.at);
        let mut memory = Memory::default();
        memory.taken_over(settled_at);
        memory.taken_over(settled_at + Duration::from_secs(1));
        assert_eq!(at(&memory), Some(settled_at), "from the first read on");
        let mut memory = Memory::default();
        memory.nothing_created();
        memory.taken_over(settled_at);
        assert!(
            at(&memory) < Some(settled_at),
            "it added the finalizer itself"
        );
    }

    #[test]
    fn a_reconciliation_remembers_nothing_of_a_resource_that_was_forgotten_meanwhile() {
        let memories = Memories::default();
        let key = ResourceKey::new("K", "n", "a");
        let remember = |memory: Memory| {
            let writes = Writes::NothingCreated;
            memories.set(&key, Memory { writes, ..memory });
            memories.of(&key, "uid").writes
        };
        let read = memories.of(&key, "uid");
        assert_eq!(remember(read.clone()), Writes::NothingCreated);
        memories.forget(&key);
        assert_eq!(remember(read), Writes::Unknown);
        assert_eq!(memories.of(&key, "another").writes, Writes::Unknown);
    }
}
