//! The entry of one connection in the registry. One task at a time reads the connection and asks the API about its key. What is
//! known of it is locked only while somebody looks at it or changes it, so that no reconciliation waits for a server that does
//! not answer.

use super::slot::Slot;
use crate::lock::lock;
use crate::resources::ResourceKey;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout_at};

/// The time after which nobody waits any more for a read that is under way. Most take less, and a resource that waits a moment
/// is reconciled once instead of twice.
const PATIENCE: Duration = Duration::from_secs(2);

/// The entry of one connection.
#[derive(Default)]
pub struct Entry {
    slot: Mutex<Slot>,
    reader: Arc<AsyncMutex<()>>,
}

/// Another task is reading the connection, and that takes long. The resource is enqueued when it has ended.
#[derive(Debug)]
pub struct Postponed;

/// The permit to read a connection. When it ends, the resources that were postponed are enqueued, even if nothing came of it.
pub struct Reading {
    entry: Arc<Entry>,
    queue: UnboundedSender<ResourceKey>,
    _permit: OwnedMutexGuard<()>,
}

impl Entry {
    /// Locks what is known of the connection.
    pub fn slot(&self) -> MutexGuard<'_, Slot> {
        lock(&self.slot)
    }

    /// Returns the permit to read the connection, once nobody else does.
    pub async fn read(self: Arc<Self>, queue: UnboundedSender<ResourceKey>) -> Reading {
        let permit = self.reader.clone().lock_owned().await;
        self.slot().read_since = Some(Instant::now());
        Reading {
            entry: self,
            queue,
            _permit: permit,
        }
    }

    /// Returns the permit to read the connection, or `None` if somebody else does and that takes long.
    pub async fn read_soon(
        self: Arc<Self>,
        queue: UnboundedSender<ResourceKey>,
    ) -> Option<Reading> {
        let since = self.slot().read_since.unwrap_or_else(Instant::now);
        let reading = timeout_at(since + PATIENCE, self.read(queue)).await;
        reading.ok()
    }

    /// Has a resource enqueued when the read ends that is under way. Returns false if it need not wait for that.
    pub fn postpone(&self, user: &ResourceKey) -> bool {
        let mut slot = self.slot();
        let waits = !slot.is_loaded && slot.read_since.is_some();
        if waits {
            slot.postponed.insert(user.clone());
        }
        waits
    }
}

impl Reading {
    /// Locks what is known of the connection.
    pub fn slot(&self) -> MutexGuard<'_, Slot> {
        self.entry.slot()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut slot = self.entry.slot();
        slot.read_since = None;
        for user in std::mem::take(&mut slot.postponed) {
            // The receiver ends only with the leadership itself.
            self.queue.send(user).ok();
        }
    }
}
