//! The journal: every request the simulator saw, what became of it, and a way to wait for more.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use crate::ids::InstanceId;

/// One request. It is entered when it arrives and completed when it is answered.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts up from 1; the journal is in this order.
    pub seq: u64,
    /// When it arrived.
    pub at: Instant,
    /// When the answer was ready; None while it is held or being worked on.
    pub answered_at: Option<Instant>,
    /// The method.
    pub method: String,
    /// The path as it was sent, without the query.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The status answered; 0 while there is none, or when the connection was closed instead.
    pub status: u16,
    /// The JSON body; null if there was none, a string if it wasn't JSON.
    pub body: Value,
    /// Whether it changed what the API keeps.
    pub applied: bool,
    /// The instance of the key it came with, if the key was good.
    pub instance: Option<InstanceId>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// The `metorial-req-id` answered.
    pub request_id: Option<String>,
    /// Where it came from.
    pub peer: IpAddr,
}

impl Entry {
    /// POST, PATCH or DELETE.
    pub fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PATCH" | "DELETE")
    }
}

/// What a test waited for didn't happen. Prints the journal's end, without bodies and queries.
pub struct TimedOut(pub(crate) Vec<Entry>);

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "timed out; the journal's last entries:")?;
        for entry in self.0.iter().rev().take(40).rev() {
            let applied = if entry.applied { " (applied)" } else { "" };
            let Entry {
                seq,
                method,
                path,
                status,
                ..
            } = entry;
            writeln!(f, "  #{seq} {method} {path} -> {status}{applied}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TimedOut {}

/// All entries, and a signal for whoever waits.
pub(crate) struct Journal {
    entries: Mutex<(u64, Vec<Entry>)>,
    changes: watch::Sender<u64>,
}

impl Journal {
    pub(crate) fn new() -> Self {
        Journal {
            entries: Mutex::new((0, Vec::new())),
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Entry>)> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request and answers its number.
    pub(crate) fn enter(&self, mut entry: Entry) -> u64 {
        let mut entries = self.lock();
        entries.0 += 1;
        entry.seq = entries.0;
        entries.1.push(entry);
        let seq = entries.0;
        drop(entries);
        self.changed();
        seq
    }

    /// Completes an entry, unless the journal was cleared meanwhile.
    pub(crate) fn amend(&self, seq: u64, amend: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        if let Ok(index) = entries.1.binary_search_by_key(&seq, |entry| entry.seq) {
            amend(&mut entries.1[index]);
        }
        drop(entries);
        self.changed();
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.lock().1.clone()
    }

    pub(crate) fn clear(&self) {
        self.lock().1.clear();
        self.changed();
    }

    /// Wakes everybody who waits: the journal, or what is stored, changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until `done` says so; it is asked again after every change.
    pub(crate) async fn wait(
        &self,
        mut done: impl FnMut(&[Entry]) -> bool,
        timeout: Duration,
    ) -> Result<(), TimedOut> {
        let mut changes = self.changes.subscribe();
        let settled = async {
            loop {
                changes.borrow_and_update();
                if done(&self.lock().1) {
                    return;
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(timeout, settled)
            .await
            .map_err(|_| TimedOut(self.entries()))
    }
}
