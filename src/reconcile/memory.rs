//! What this process remembers of each resource between reconciliations. It may all be lost: it only saves requests, and
//! where it is missing more is read.

use crate::lock::lock;
use crate::plan::backoff::Pacing;
use crate::plan::children::ChildKind;
use crate::plan::pauses::Pauses;
use crate::plan::record::Writes;
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
    /// Whether a write was sent.
    pub wrote: bool,
    /// When reads are sure to show every write, where it is known that no earlier leader sent one, or one was sent since.
    pub settling: Option<Settling>,
    /// Who may have sent writes before.
    pub predecessor: Predecessor,
    /// The recent writes to its child objects.
    pub rewrites: HashMap<ChildKind, Rewrites>,
    /// Its pauses.
    pub pauses: Pauses,
}

/// The shard that may have sent writes for a resource before this process served it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Predecessor {
    /// Not known: no trace of a write was read yet.
    #[default]
    Unknown,
    /// There is none: this process added the finalizer, before which nothing is sent.
    None,
    /// Another shard, which sends nothing after this time.
    Until(Instant),
}

impl Memory {
    /// Remembers that nothing was created yet: this process added the finalizer, without which no earlier leader and no other
    /// shard sent a create either.
    pub fn nothing_created(&mut self) {
        self.writes = Writes::NothingCreated;
        self.predecessor = Predecessor::None;
        self.settling = Some(Settling {
            at: Instant::now(),
            inconclusive: false,
        });
    }

    /// Remembers that the resource has traces of writes: they are those of another shard, which sends nothing after `until`,
    /// unless they are known already.
    pub fn has_traces(&mut self, until: Instant) {
        if self.predecessor == Predecessor::Unknown {
            self.predecessor = Predecessor::Until(until);
        }
    }

    /// Returns when reads are sure to show every write that was sent, if that takes `settle`; `since`: the begin of this
    /// leadership.
    #[must_use]
    pub fn settling(&self, since: Instant, settle: Duration) -> Settling {
        let settling = self.settling.unwrap_or(Settling {
            at: since + settle,
            inconclusive: false,
        });
        match self.predecessor {
            Predecessor::Until(until) => Settling {
                at: settling.at.max(until + settle),
                ..settling
            },
            Predecessor::Unknown | Predecessor::None => settling,
        }
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

/// The memory of all resources.
#[derive(Default)]
pub struct Memories(Mutex<HashMap<ResourceKey, Memory>>);

impl Memories {
    /// Returns what is remembered of the resource with this uid. From now on something is.
    #[must_use]
    pub fn of(&self, key: &ResourceKey, uid: &str) -> Memory {
        let mut all = self.lock();
        let known = all.entry(key.clone()).or_default();
        if known.uid != uid {
            *known = Memory {
                uid: uid.to_owned(),
                ..Memory::default()
            };
        }
        known.clone()
    }

    /// Replaces what is remembered, unless the resource was forgotten since it was read: another shard may have served it, and
    /// what was known of it before means nothing any more.
    pub fn set(&self, key: &ResourceKey, memory: Memory) {
        if let Some(known) = self.lock().get_mut(key) {
            *known = memory;
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

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceKey, Memory>> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn reads_settle_after_the_last_write_of_this_process_and_of_another_shard() {
        let since = Instant::now();
        let at = |seconds| since + Duration::from_secs(seconds);
        let settled = |predecessor, own: Option<u64>| {
            let memory = Memory {
                predecessor,
                settling: own.map(|own| Settling {
                    at: at(own),
                    inconclusive: false,
                }),
                ..Memory::default()
            };
            memory.settling(since, Duration::from_secs(5)).at
        };
        assert_eq!(settled(Predecessor::Unknown, None), at(5));
        assert_eq!(settled(Predecessor::None, Some(3)), at(3));
        assert_eq!(settled(Predecessor::Until(at(9)), None), at(14));
        assert_eq!(settled(Predecessor::Until(at(9)), Some(3)), at(14));
        assert_eq!(settled(Predecessor::Until(at(9)), Some(17)), at(17));
    }

    #[test]
    fn traces_are_those_of_another_shard_unless_this_process_left_them() {
        let until = Instant::now();
        let mut memory = Memory::default();
        memory.has_traces(until);
        assert_eq!(memory.predecessor, Predecessor::Until(until));
        memory.has_traces(until + Duration::from_secs(1));
        assert_eq!(memory.predecessor, Predecessor::Until(until));
        let mut memory = Memory::default();
        memory.nothing_created();
        memory.has_traces(until);
        assert_eq!(memory.predecessor, Predecessor::None);
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
