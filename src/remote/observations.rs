//! The objects of one instance, as the last read or the response to our own last write showed them.

use super::room::{Kept, Room};
use crate::lock::lock;
use crate::plan::observed::RemoteView;
use jiff::Timestamp;
use metorial::Collection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// An observation that nobody asked for in so many times its permitted age is dropped: its resource is gone.
const FORGOTTEN_AFTER: u32 = 4;
/// An observation is kept for at least this time after somebody asked for it.
const SHORTEST_RETENTION: Duration = Duration::from_secs(60);

/// A number of entries that matters to nobody.
const FEW: usize = 100;

/// The longest time for which a read may lag behind what another one showed, as the operator assumes by default for reads and
/// writes (`Timing::settle`).
const LONGEST_LAG: Duration = Duration::from_secs(45);

/// The observed objects of one instance.
#[derive(Default)]
pub struct Observations {
    known: Mutex<Known>,
    room: Arc<Room>,
}

#[derive(Default)]
struct Known {
    entries: HashMap<String, Entry>,
    /// Objects that somebody is expected to ask for.
    expected: HashMap<Collection, Vec<String>>,
    /// The number of entries that were left when those that nobody asks for were dropped.
    left: usize,
}

impl Known {
    /// Drops what nobody asks for any more.
    fn drop_forgotten(&mut self, now: Instant) {
        self.entries.retain(|_, entry| !entry.is_forgotten(now));
        self.left = self.entries.len();
    }

    /// Adds an entry. Drops what nobody asks for each time that their number has doubled: not every key reads in batches.
    fn insert(&mut self, id: &str, entry: Entry, now: Instant) {
        if self.entries.len() >= self.left.max(FEW) * 2 {
            self.drop_forgotten(now);
        }
        self.entries.insert(id.to_owned(), entry);
    }
}

struct Entry {
    collection: Collection,
    /// The start of the read, or the end of the write.
    at: Instant,
    /// `None` once a write of ours failed or deleted it: then only a read that began later is believed. Or it is too large to
    /// be kept.
    view: Option<Kept>,
    asked: Instant,
    /// The age that the last one who asked permits.
    permitted_age: Duration,
}

impl Entry {
    fn is_forgotten(&self, now: Instant) -> bool {
        let kept = self
            .permitted_age
            .saturating_mul(FORGOTTEN_AFTER)
            .max(SHORTEST_RETENTION);
        now.saturating_duration_since(self.asked) > kept
    }
}

impl Observations {
    /// Returns empty observations that share the room for large objects with others.
    #[must_use]
    pub fn sharing(room: Arc<Room>) -> Self {
        Self {
            known: Mutex::default(),
            room,
        }
    }

    /// Returns the last observation of an object, and its collection, if it was made at `since` or later.
    ///
    /// An absence is never returned: it may only have shown that reads lag behind writes (▲), which the next read decides.
    #[must_use]
    pub fn get(
        &self,
        id: &str,
        since: Instant,
        now: Instant,
    ) -> Option<(Collection, Arc<RemoteView>)> {
        let mut known = lock(&self.known);
        let entry = known.entries.get_mut(id)?;
        entry.asked = now;
        entry.permitted_age = now.saturating_duration_since(since);
        if entry.at < since {
            return None;
        }
        let view = entry.view.as_ref()?;
        Some((entry.collection, view.view.clone()))
    }

    /// Returns the time of the observation of an object that counts, whether it is kept or not.
    #[must_use]
    pub fn observed_at(&self, id: &str) -> Option<Instant> {
        Some(lock(&self.known).entries.get(id)?.at)
    }

    /// Stores the result of a read that began at `began` and ended at `server_time`, by the server's clock: the object, or `None`
    /// where a GET of the id returned `not_found` or `gone`. Returns what is known now.
    ///
    /// A read may be served by a replica that lags behind our last write (▲): of two live states the one with the later
    /// `updated_at` wins, unless that is in the future, or so long ago that the read can't lag behind it: no later read would
    /// ever be believed then, as after a restored database of Metorial. An archived or missing
    /// object always wins, since nothing can be un-archived (▲). A read of many objects may overlap with a write of one of
    /// them; then the write wins.
    pub fn store_read(
        &self,
        collection: Collection,
        id: &str,
        observed: Option<Arc<RemoteView>>,
        began: Instant,
        server_time: Timestamp,
    ) -> Option<Arc<RemoteView>> {
        let all = &mut *lock(&self.known);
        let known = all.entries.get(id);
        let (asked, permitted_age) = known.map_or((began, Duration::ZERO), |known| {
            (known.asked, known.permitted_age)
        });
        let Some(read) = &observed else {
            all.entries.remove(id);
            return None;
        };
        if let Some(known) = known {
            let overlaps = known.at > began;
            match &known.view {
                Some(Kept { view, .. }) if read.live => {
                    let may_lag = began < known.at + LONGEST_LAG;
                    if overlaps || may_lag && is_older(read, view, server_time) {
                        return Some(view.clone());
                    }
                }
                None if overlaps => return observed,
                _ => {}
            }
        }
        // What is replaced leaves its room to what replaces it.
        all.entries.remove(id);
        let entry = Entry {
            collection,
            at: began,
            view: self.room.keep(read),
            asked,
            permitted_age,
        };
        all.insert(id, entry, began);
        observed
    }

    /// Stores the response to one of our own writes, received now.
    pub fn store_write(&self, collection: Collection, view: &Arc<RemoteView>, now: Instant) {
        let all = &mut *lock(&self.known);
        all.entries.remove(&view.id);
        let entry = Entry {
            collection,
            at: now,
            view: self.room.keep(view),
            asked: now,
            permitted_age: Duration::ZERO,
        };
        all.insert(&view.id, entry, now);
    }

    /// Drops the observation of an object, so that it is read again: its state is unknown after a failed write.
    pub fn forget(&self, id: &str, now: Instant) {
        if let Some(entry) = lock(&self.known).entries.get_mut(id) {
            entry.at = now;
            entry.view = None;
        }
    }

    /// Drops what is known of an object whose resource no longer manages it.
    pub fn release(&self, id: &str) {
        let entries = &mut lock(&self.known).entries;
        if entries.get(id).is_some_and(|entry| entry.view.is_some()) {
            entries.remove(id);
        }
    }

    /// Expects that somebody asks for these objects.
    pub fn expect(&self, collection: Collection, ids: impl Iterator<Item = String>) {
        let mut known = lock(&self.known);
        known.expected.entry(collection).or_default().extend(ids);
    }

    /// Returns the collection and age of the oldest observation of each collection that somebody still asks for.
    #[must_use]
    pub fn ages(&self, now: Instant) -> HashMap<Collection, Duration> {
        let mut oldest = HashMap::new();
        let known = lock(&self.known);
        let entries = known.entries.values();
        for entry in entries.filter(|it| it.view.is_some() && !it.is_forgotten(now)) {
            let age = now.saturating_duration_since(entry.at);
            let known: &mut Duration = oldest.entry(entry.collection).or_default();
            *known = age.max(*known);
        }
        oldest
    }

    /// Adds other objects of a collection to `ids` until there are `limit`, because a request that is to be sent anyway can
    /// read them too: first those that are expected, then those that were observed before `before`, longest ago first. Drops
    /// what nobody asks for any more.
    pub fn fill(
        &self,
        collection: Collection,
        ids: &mut Vec<String>,
        limit: usize,
        before: Instant,
        now: Instant,
    ) {
        let mut known = lock(&self.known);
        known.drop_forgotten(now);
        let Known {
            entries, expected, ..
        } = &mut *known;
        let expected = expected.entry(collection).or_default();
        while ids.len() < limit
            && let Some(id) = expected.pop()
        {
            if !entries.contains_key(&id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        let due = |entry: &Entry| {
            entry.collection == collection && entry.view.is_some() && entry.at < before
        };
        let mut oldest: Vec<(Instant, &String)> = entries
            .iter()
            .filter(|(id, entry)| due(entry) && !ids.contains(id))
            .map(|(id, entry)| (entry.at, id))
            .collect();
        let free = limit.saturating_sub(ids.len());
        if free < oldest.len() {
            oldest.select_nth_unstable(free);
            oldest.truncate(free);
        }
        oldest.sort_unstable();
        ids.extend(oldest.into_iter().map(|(_, id)| id.clone()));
    }
}

/// Returns whether a read shows an earlier state than the one that is known.
fn is_older(read: &RemoteView, known: &RemoteView, server_time: Timestamp) -> bool {
    read.updated_at < known.updated_at && known.updated_at <= server_time
}

#[cfg(test)]
mod tests;
