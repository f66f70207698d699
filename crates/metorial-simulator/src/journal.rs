//! Journal: every request with its outcome, and a way to wait for more.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use crate::ids::InstanceId;

/// Request in the journal. It is added when it arrives and completed when it is answered.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Number from 1; the order of the journal.
    pub seq: u64,
    /// Time of arrival.
    pub at: Instant,
    /// Time when the answer was ready; None while the request is held or processed.
    pub answered_at: Option<Instant>,
    /// Method.
    pub method: String,
    /// Path as sent, without the query.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Status of the answer; 0 while there is none, or if the connection was closed instead.
    pub status: u16,
    /// JSON body; null if there was none, a string if it wasn't JSON.
    pub body: Value,
    /// True if the request changed the stored objects.
    pub applied: bool,
    /// Instance of the key, if the key is valid.
    pub instance: Option<InstanceId>,
    /// `User-Agent` header.
    pub user_agent: Option<String>,
    /// `metorial-req-id` of the answer.
    pub request_id: Option<String>,
    /// Address of the client.
    pub peer: IpAddr,
}

impl Entry {
    /// Returns whether the method is POST, PATCH or DELETE.
    pub fn is_write(&self) -> bool {
        matches!(self.method.as_str(), "POST" | "PATCH" | "DELETE")
    }
}

/// Timeout of [`wait_for`](crate::Simulator::wait_for). It prints the end of the journal, without bodies and queries.
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

/// All entries, and a signal for those who wait.
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

    /// Adds a request and returns its number.
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

    /// Changes an entry unless the journal was cleared meanwhile.
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

    /// Notifies those who wait that the journal or the stored objects changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until `done` returns true; it is called after every change.
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
