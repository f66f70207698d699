//! The order of passes: pure, told the time. A key stands in it once, at its earliest time; while its pass runs it
//! waits.

use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashMap, HashSet};
use tokio::time::Instant;

/// See the module.
#[derive(Default)]
pub struct Schedule {
    order: BTreeSet<(Instant, u64, ResourceKey)>,
    places: HashMap<ResourceKey, (Instant, u64)>,
    busy: HashSet<ResourceKey>,
    asked: u64,
}

impl Schedule {
    /// Asks for a pass of `key` at `at`, unless an earlier one is asked for already.
    pub fn ask(&mut self, key: ResourceKey, at: Instant) {
        if let Some((earlier, asked)) = self.places.get(&key).copied() {
            if earlier <= at {
                return;
            }
            self.order.remove(&(earlier, asked, key.clone()));
        }
        self.asked += 1;
        self.places.insert(key.clone(), (at, self.asked));
        self.order.insert((at, self.asked, key));
    }

    /// The key that is due longest and whose last pass has ended; it is busy from now on.
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

    /// The pass of `key` ended.
    pub fn ended(&mut self, key: &ResourceKey) {
        self.busy.remove(key);
    }

    /// When the next pass may begin.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        let mut waiting = self
            .order
            .iter()
            .filter(|(.., key)| !self.busy.contains(key));
        waiting.next().map(|(at, ..)| *at)
    }

    /// How many keys are due but not taken, counted no further than a thousand.
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
    fn a_key_asked_for_twice_runs_once_and_at_the_earlier_time() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.ask(key("a"), now + Duration::from_secs(9));
        schedule.ask(key("a"), now);
        schedule.ask(key("a"), now + Duration::from_secs(5));
        assert_eq!(schedule.take(now), Some(key("a")));
        assert_eq!(schedule.take(now + Duration::from_secs(10)), None);
    }

    #[test]
    fn a_change_during_a_pass_leads_to_another_one_after_it() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        schedule.ask(key("a"), now);
        assert_eq!(schedule.take(now), Some(key("a")));
        schedule.ask(key("a"), now);
        assert_eq!((schedule.take(now), schedule.next_at()), (None, None));
        schedule.ended(&key("a"));
        assert_eq!(schedule.take(now), Some(key("a")));
    }
}
