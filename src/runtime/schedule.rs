//! The order of reconciliations: pure, the time is an argument. A key is in it once, at its earliest time; while it is being
//! reconciled it waits.

use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio::time::Instant;

/// The order of the work queue.
#[derive(Default)]
pub struct Schedule {
    order: BTreeSet<(Instant, u64, ResourceKey)>,
    places: HashMap<ResourceKey, (Instant, u64)>,
    busy: HashSet<ResourceKey>,
    added: u64,
}

impl Schedule {
    /// Adds `key` at the time `at`, unless it is in the order at an earlier time.
    pub fn add(&mut self, key: ResourceKey, at: Instant) {
        if let Some((earlier, added)) = self.places.get(&key).copied() {
            if earlier <= at {
                return;
            }
            self.order.remove(&(earlier, added, key.clone()));
        }
        self.added += 1;
        self.places.insert(key.clone(), (at, self.added));
        self.order.insert((at, self.added, key));
    }

    /// Takes the key that is due longest and is not being reconciled; it is busy from now on.
    pub fn take(&mut self, now: Instant) -> Option<ResourceKey> {
        let due = self.order.iter().take_while(|(at, ..)| *at <= now);
        let place = due
            .into_iter()
            .find(|(.., key)| !self.busy.contains(key))?
            .clone();
        self.order.remove(&place);
        self.places.remove(&place.2);
        self.busy.insert(place.2.clone());
        Some(place.2)
    }

    /// Records that the reconciliation of `key` ended.
    pub fn ended(&mut self, key: &ResourceKey) {
        self.busy.remove(key);
    }

    /// Returns when the next reconciliation may begin.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let mut waiting = self
            .order
            .iter()
            .filter(|(.., key)| !self.busy.contains(key));
        waiting.next().map(|(at, ..)| *at)
    }

    /// Returns the number of keys that are due but not taken, counted up to a thousand.
    #[must_use]
    pub fn depth(&self, now: Instant) -> usize {
        self.order
            .iter()
            .take(1000)
            .take_while(|(at, ..)| *at <= now)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(name: &str) -> ResourceKey {
        ResourceKey::new("K", "n", name)
    }

    #[test]
    fn a_key_added_twice_runs_once_and_at_the_earlier_time() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add(key("a"), now + Duration::from_secs(9));
        schedule.add(key("a"), now);
        schedule.add(key("a"), now + Duration::from_secs(5));
        assert_eq!(schedule.take(now), Some(key("a")));
        assert_eq!(schedule.take(now + Duration::from_secs(10)), None);
    }

    #[test]
    fn a_change_during_a_reconciliation_leads_to_another_one_after_it() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.add(key("a"), now);
        assert_eq!(schedule.take(now), Some(key("a")));
        schedule.add(key("a"), now);
        assert_eq!((schedule.take(now), schedule.next_at()), (None, None));
        schedule.ended(&key("a"));
        assert_eq!(schedule.take(now), Some(key("a")));
    }
}
