//! What this process remembers of all resources.

use crate::lock::lock;
use crate::plan::backoff::Delays;
use crate::plan::memory::Memory;
use crate::resources::ResourceKey;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The memory of all resources. Boxed, or the free part of the table would be as large as the memories.
#[derive(Default)]
pub struct Memories(Mutex<HashMap<ResourceKey, Box<Memory>>>);

impl Memories {
    /// Returns what is remembered of the resource with this uid. From now on something is.
    #[must_use]
    pub fn get(&self, key: &ResourceKey, uid: &str) -> Memory {
        let mut all = self.lock();
        let known = all.entry(key.clone()).or_default();
        if known.uid != uid {
            **known = Memory::new(uid);
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
    pub fn failed(&self, key: &ResourceKey, delays: &Delays, now: Instant) -> Duration {
        let mut all = self.lock();
        let pauses = &mut all.entry(key.clone()).or_default().pauses;
        pauses.fail(delays, now)
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
    use crate::plan::record::Writes;

    #[test]
    fn a_reconciliation_remembers_nothing_of_a_resource_that_was_forgotten_meanwhile() {
        let memories = Memories::default();
        let key = ResourceKey::new("K", "n", "a");
        let remember = |mut memory: Memory| {
            memory.writes = Writes::NothingCreated;
            memories.set(&key, memory);
            memories.get(&key, "uid").writes
        };
        let read = memories.get(&key, "uid");
        assert_eq!(remember(read.clone()), Writes::NothingCreated);
        memories.forget(&key);
        assert_eq!(remember(read), Writes::Unknown);
        assert_eq!(memories.get(&key, "another").writes, Writes::Unknown);
    }
}
