//! The entry of one connection in the registry. One task at a time reads the connection and asks the API about its key. What is
//! known of it is locked only while somebody looks at it or changes it, so that no reconciliation waits for a server that does
//! not answer.

use super::slot::Slot;
use crate::cluster::error::ClusterError;
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

/// Another task is reading a connection, and that takes long. Who wants to use or read it is enqueued when that has ended.
#[derive(Debug)]
pub struct Postponed;

/// Why a reconciliation could not go on.
#[derive(Debug)]
pub enum Unfinished {
    /// Kubernetes failed.
    Cluster(ClusterError),
    /// It is repeated when a connection has been read.
    Postponed,
}

impl From<ClusterError> for Unfinished {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl From<Postponed> for Unfinished {
    fn from(_: Postponed) -> Self {
        Self::Postponed
    }
}

/// The permit to read a connection. When it ends, all who were postponed are enqueued, even if nothing came of it.
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
    ///
    /// # Errors
    /// Somebody else does and that takes long; `who` is enqueued when it has ended.
    pub async fn read(
        self: Arc<Self>,
        queue: &UnboundedSender<ResourceKey>,
        who: &ResourceKey,
    ) -> Result<Reading, Postponed> {
        loop {
            let since = self.slot().read_since.unwrap_or_else(Instant::now);
            let permit = self.reader.clone().lock_owned();
            if let Ok(permit) = timeout_at(since + PATIENCE, permit).await {
                return Ok(self.begin(queue.clone(), permit));
            }
            let mut slot = self.slot();
            // Otherwise it has just ended.
            if slot.read_since.is_some() {
                slot.postponed.insert(who.clone());
                return Err(Postponed);
            }
        }
    }

    fn begin(
        self: Arc<Self>,
        queue: UnboundedSender<ResourceKey>,
        permit: OwnedMutexGuard<()>,
    ) -> Reading {
        self.slot().read_since = Some(Instant::now());
        Reading {
            entry: self,
            queue,
            _permit: permit,
        }
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
