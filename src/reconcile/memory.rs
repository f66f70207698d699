//! What this process remembers of each resource between reconciliations. It may all be lost: it only saves requests, and
//! where it is missing more is read.

use crate::lock::lock;
use crate::plan::children::ChildKind;
use crate::plan::pauses::Pauses;
use crate::plan::record::Writes;
use crate::plan::rewrites::Rewrites;
use crate::resources::{ExportStatus, ResourceKey};
use jiff::Timestamp;
use metorial::SecretValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
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
    /// The last time at which a write was sent.
    pub last_write: Option<Instant>,
    /// The recent writes to its child objects.
    pub rewrites: HashMap<ChildKind, Rewrites>,
    /// Its pauses.
    pub pauses: Pauses,
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
    /// Returns what is remembered of the resource with this uid.
    #[must_use]
    pub fn of(&self, key: &ResourceKey, uid: &str) -> Memory {
        let known = self.lock().get(key).cloned();
        known.filter(|known| known.uid == uid).unwrap_or(Memory {
            uid: uid.to_owned(),
            ..Memory::default()
        })
    }

    /// Replaces what is remembered.
    pub fn set(&self, key: &ResourceKey, memory: Memory) {
        self.lock().insert(key.clone(), memory);
    }

    /// Counts one more failure, whatever the resource's uid, and returns how many there were in a row.
    pub fn failed(&self, key: &ResourceKey) -> u32 {
        let mut all = self.lock();
        all.entry(key.clone()).or_default().pauses.count_failure()
    }

    /// Forgets a resource.
    pub fn forget(&self, key: &ResourceKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ResourceKey, Memory>> {
        lock(&self.0)
    }
}
