//! The order of reconciliations: pure, the time is an argument. A key is in it once, at its earliest time; while it is being
//! reconciled it waits. Namespaces take turns, so that ten thousand resources of one do not delay one resource of another.

use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// The order of the work queue.
pub struct Schedule {
    /// The keys that are not due yet.
    later: BTreeSet<(Instant, u64, ResourceKey)>,
    places: HashMap<ResourceKey, Place>,
    /// The keys that are due, by namespace, each in the order in which it became due.
    due: HashMap<Arc<str>, VecDeque<ResourceKey>>,
    /// The namespaces with something due, the next one first.
    turns: VecDeque<Arc<str>>,
    busy: HashSet<ResourceKey>,
    /// The reconciliations of each namespace that are running.
    running: HashMap<Arc<str>, usize>,
    /// The most concurrent reconciliations of one namespace.
    share: usize,
    added: u64,
}

/// Where a key is in the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Later(Instant, u64),
    Due,
    /// Due as soon as the running reconciliation has ended.
    AfterThis,
}

impl Schedule {
    /// Returns an empty order of which one namespace takes at most `share` concurrently.
    #[must_use]
    pub fn new(share: usize) -> Self {
        Self {
            later: BTreeSet::new(),
            places: HashMap::new(),
            due: HashMap::new(),
            turns: VecDeque::new(),
            busy: HashSet::new(),
            running: HashMap::new(),
            share: share.max(1),
            added: 0,
        }
    }

    /// Adds `key` at the time `at`, unless it is in the order at an earlier time.
    pub fn add(&mut self, key: ResourceKey, at: Instant) {
        match self.places.get(&key).copied() {
            Some(Place::Due | Place::AfterThis) => return,
            Some(Place::Later(earlier, _)) if earlier <= at => return,
            Some(Place::Later(later, added)) => {
                self.later.remove(&(later, added, key.clone()));
            }
            None => {}
        }
        self.added += 1;
        self.places
            .insert(key.clone(), Place::Later(at, self.added));
        self.later.insert((at, self.added, key));
    }

    /// Takes the next key of the namespace whose turn it is; it is busy from now on. A namespace that has its share of
    /// running reconciliations is passed over.
    pub fn take(&mut self, now: Instant) -> Option<ResourceKey> {
        self.promote(now);
        let (running, share) = (&self.running, self.share);
        let has_room = |namespace: &Arc<str>| running.get(namespace).is_none_or(|it| *it < share);
        let turn = self.turns.iter().position(has_room)?;
        let namespace = self.turns.remove(turn)?;
        let due = self.due.get_mut(&namespace)?;
        let key = due.pop_front()?;
        if due.is_empty() {
            self.due.remove(&namespace);
        } else {
            self.turns.push_back(namespace.clone());
        }
        *self.running.entry(namespace).or_default() += 1;
        self.places.remove(&key);
        self.busy.insert(key.clone());
        Some(key)
    }

    /// Records that the reconciliation of `key` ended.
    pub fn ended(&mut self, key: &ResourceKey) {
        self.busy.remove(key);
        if let Some(running) = self.running.get_mut(&key.namespace) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(&key.namespace);
            }
        }
        if self.places.get(key) == Some(&Place::AfterThis) {
            self.make_due(key.clone());
        }
    }

    /// Returns when the next reconciliation may start, if none is due. A key that is due and was not taken waits for another
    /// one to end.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.later.first().map(|(at, ..)| *at)
    }

    /// Returns the number of keys that are due but not taken.
    #[must_use]
    pub fn depth(&mut self, now: Instant) -> usize {
        self.promote(now);
        self.due.values().map(VecDeque::len).sum()
    }

    /// Moves what has become due.
    fn promote(&mut self, now: Instant) {
        while let Some((at, ..)) = self.later.first()
            && *at <= now
            && let Some((.., key)) = self.later.pop_first()
        {
            if self.busy.contains(&key) {
                self.places.insert(key, Place::AfterThis);
            } else {
                self.make_due(key);
            }
        }
    }

    fn make_due(&mut self, key: ResourceKey) {
        let due = self.due.entry(key.namespace.clone()).or_default();
        if due.is_empty() {
            self.turns.push_back(key.namespace.clone());
        }
        due.push_back(key.clone());
        self.places.insert(key, Place::Due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key_in(namespace: &str, name: &str) -> ResourceKey {
        ResourceKey::new("K", namespace, name)
    }

    fn key(name: &str) -> ResourceKey {
        key_in("n", name)
    }

    #[test]
    fn a_key_added_twice_runs_once_and_at_the_earlier_time() {
        let (mut schedule, now) = (Schedule::new(9), Instant::now());
        schedule.add(key("a"), now + Duration::from_secs(9));
        schedule.add(key("a"), now);
        schedule.add(key("a"), now + Duration::from_secs(5));
        assert_eq!(schedule.take(now), Some(key("a")));
        assert_eq!(schedule.take(now + Duration::from_secs(10)), None);
    }

    #[test]
    fn a_change_during_a_reconciliation_leads_to_another_one_after_it() {
        let (mut schedule, now) = (Schedule::new(9), Instant::now());
        schedule.add(key("a"), now);
        assert_eq!(schedule.take(now), Some(key("a")));
        schedule.add(key("a"), now);
        assert_eq!((schedule.take(now), schedule.next_at()), (None, None));
        schedule.ended(&key("a"));
        assert_eq!(schedule.take(now), Some(key("a")));
        schedule.add(key("a"), now + Duration::from_secs(1));
        schedule.add(key("a"), now);
        schedule.ended(&key("a"));
        assert_eq!(schedule.take(now), Some(key("a")), "at the earlier time");
    }

    #[test]
    fn namespaces_take_turns_whatever_each_has_waiting() {
        let (mut schedule, now) = (Schedule::new(9), Instant::now());
        for number in 0..1000 {
            schedule.add(key_in("many", &number.to_string()), now);
        }
        schedule.add(key_in("few", "a"), now);
        schedule.add(key_in("few", "b"), now);
        assert_eq!(schedule.depth(now), 1002);
        let taken: Vec<String> = std::iter::from_fn(|| schedule.take(now))
            .take(5)
            .map(|key| key.namespace.to_string())
            .collect();
        assert_eq!(taken, ["many", "few", "many", "few", "many"]);
        assert_eq!(schedule.depth(now), 997);
    }

    #[test]
    fn one_namespace_never_takes_more_than_its_share_at_once() {
        let (mut schedule, now) = (Schedule::new(2), Instant::now());
        for name in ["a", "b", "c"] {
            schedule.add(key_in("many", name), now);
        }
        let taken: Vec<ResourceKey> = std::iter::from_fn(|| schedule.take(now)).collect();
        assert_eq!(taken, [key_in("many", "a"), key_in("many", "b")]);
        schedule.add(key_in("few", "a"), now);
        assert_eq!(schedule.take(now), Some(key_in("few", "a")));
        schedule.ended(&taken[0]);
        assert_eq!(schedule.take(now), Some(key_in("many", "c")));
        for key in [&taken[1], &key_in("few", "a"), &key_in("many", "c")] {
            schedule.ended(key);
        }
        assert!(schedule.running.is_empty() && schedule.places.is_empty());
    }
}
