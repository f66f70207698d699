//! Those who wait for requests, and their order.

use super::window::Window;
use crate::plan::purpose::Purpose;
use crate::resources::ResourceKey;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;
use tokio::time::Instant;

/// Time within which a turn has to be taken: its owner may be gone.
pub const GRACE: Duration = Duration::from_secs(5);
/// The most that wait. Others come back later without a place.
const MOST_WAITING: usize = 2000;

/// One resource that waits.
pub struct Entry {
    /// The purpose that it waits for.
    pub purpose: Purpose,
    /// The requests that it needs together.
    pub needs: u64,
    /// The time at which it may send.
    pub turn: Instant,
    /// The turn that was announced first, for as long as that is to come.
    pub announced: Instant,
    since: Instant,
}

/// Those who wait, by their places: a number that grows.
#[derive(Default)]
pub struct Waiting {
    entries: BTreeMap<u64, Entry>,
    places: HashMap<ResourceKey, u64>,
    last: u64,
}

impl Waiting {
    /// Returns whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the waiting entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Gives a resource a place, unless it has one, and returns it. What it waits for stays as urgent as it was: a status
    /// that reports the wait makes a changed spec look like one that was handled.
    pub fn enter(&mut self, purpose: &Purpose, needs: u64, now: Instant) -> u64 {
        if let Some(place) = self.places.get(&purpose.key)
            && let Some(entry) = self.entries.get_mut(place)
        {
            entry.purpose.priority = entry.purpose.priority.min(purpose.priority);
            entry.needs = entry.needs.max(needs);
            return *place;
        }
        self.last += 1;
        self.places.insert(purpose.key.clone(), self.last);
        let entry = Entry {
            purpose: purpose.clone(),
            needs,
            turn: now,
            announced: now,
            since: now,
        };
        self.entries.insert(self.last, entry);
        self.last
    }

    /// Returns who has a place.
    #[must_use]
    pub fn at(&self, place: u64) -> Option<&Entry> {
        self.entries.get(&place)
    }

    /// Returns who has a place, for changes.
    pub fn at_mut(&mut self, place: u64) -> Option<&mut Entry> {
        self.entries.get_mut(&place)
    }

    /// Removes a resource, and returns its entry if it waited.
    pub fn remove(&mut self, key: &ResourceKey) -> Option<Entry> {
        let place = self.places.remove(key)?;
        self.entries.remove(&place)
    }

    /// Removes those who did not take their turn.
    pub fn expire(&mut self, now: Instant) {
        let places = &mut self.places;
        self.entries.retain(|_, entry| {
            let stays = now < entry.turn + GRACE;
            if !stays {
                places.remove(&entry.purpose.key);
            }
            stays
        });
    }

    /// Returns the places in the order in which requests are given out: by rank, then namespaces in turns, and of one namespace
    /// deletions, creates and changes in turns, so that an edit need not wait for everything that a rollout creates. One that
    /// has waited for `patience` has the highest rank, so that nobody waits forever.
    #[must_use]
    pub fn order(&self, window: &Window, patience: Duration, now: Instant) -> Vec<u64> {
        let rank = |entry: &Entry| {
            if now >= entry.since + patience {
                0
            } else {
                entry.purpose.priority.rank()
            }
        };
        let entries = self.entries.iter();
        let mut queue: Vec<_> = entries
            .map(|(place, entry)| Queued {
                rank: rank(entry),
                turn: 0,
                place: *place,
                entry,
            })
            .collect();
        take_turns(
            &mut queue,
            |purpose| (&*purpose.key.namespace, purpose.priority),
            |(namespace, priority)| window.used_for(*priority, namespace),
        );
        take_turns(
            &mut queue,
            |purpose| &*purpose.key.namespace,
            |namespace| window.used_by(namespace),
        );
        queue.into_iter().map(|queued| queued.place).collect()
    }

    /// Removes the last of the namespace that has most places, if too many wait.
    pub fn limit(&mut self, order: &[u64]) {
        if self.entries.len() <= MOST_WAITING {
            return;
        }
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for entry in self.entries.values() {
            *counts.entry(&entry.purpose.key.namespace).or_default() += 1;
        }
        let most = counts.values().max();
        let of_largest = |place: &&u64| {
            let entry = self.entries.get(*place);
            entry.is_some_and(|entry| counts.get(&*entry.purpose.key.namespace) == most)
        };
        let last = order.iter().rev().find(of_largest).copied();
        if let Some(entry) = last.and_then(|place| self.entries.remove(&place)) {
            self.places.remove(&entry.purpose.key);
        }
    }
}

/// One resource that waits, while those who wait are put in order.
struct Queued<'a> {
    rank: u8,
    turn: u64,
    place: u64,
    entry: &'a Entry,
}

/// Sorts by rank, then groups in turns, the one that sent least first. Those of one group stay in their order.
fn take_turns<'a, G: Eq + Hash>(
    queue: &mut [Queued<'a>],
    group: impl Fn(&'a Purpose) -> G,
    sent: impl Fn(&G) -> u64,
) {
    let mut used = HashMap::new();
    for queued in &mut *queue {
        // What the group will have sent when everybody of it who comes before has been served.
        let used = used
            .entry((queued.rank, group(&queued.entry.purpose)))
            .or_insert_with_key(|(_, group)| sent(group));
        queued.turn = *used;
        *used += queued.entry.needs;
    }
    queue.sort_unstable_by_key(|queued| (queued.rank, queued.turn, queued.place));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::purpose::Priority;

    #[test]
    fn the_namespace_with_most_loses_places_when_too_many_wait() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let purpose = |namespace: &str, number: usize, priority| Purpose {
            key: ResourceKey::new("Kind", namespace, &format!("r{number}")),
            priority,
            requests: 1,
        };
        for number in 0..MOST_WAITING + 200 {
            let hostile = purpose("hostile", number, Priority::Change);
            let place = waiting.enter(&hostile, 1, now);
            assert_eq!(waiting.enter(&hostile, 1, now), place, "one place for each");
            if number % 10 == 0 {
                waiting.enter(&purpose("apps", number, Priority::Observation), 1, now);
            }
            while waiting.entries.len() > MOST_WAITING {
                waiting.limit(&waiting.order(&Window::default(), GRACE, now));
            }
        }
        assert_eq!(waiting.places.len(), MOST_WAITING);
        let apps = waiting
            .iter()
            .filter(|entry| *entry.purpose.key.namespace == *"apps");
        assert_eq!(apps.count(), (MOST_WAITING + 200) / 10);
        waiting.expire(now + GRACE);
        assert!(waiting.is_empty() && waiting.places.is_empty());
    }
}
