//! Stored objects with their recent history, so that reads can lag behind writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ids::InstanceId;
use crate::objects::{Collection, Object};

/// Minimum length of the history, because the read lag may be raised later.
const HISTORY: Duration = Duration::from_secs(120);

/// Versions of an object with their times, oldest first; never empty.
struct Row(Vec<(Instant, Arc<Object>)>);

impl Row {
    fn current(&self) -> &Arc<Object> {
        &self.0[self.0.len() - 1].1
    }

    fn as_of(&self, moment: Instant) -> Option<&Arc<Object>> {
        let state = self.0.iter().rev().find(|(at, _)| *at <= moment)?;
        Some(&state.1)
    }

    fn push(&mut self, now: Instant, object: Object, keep: Duration) {
        self.0.push((now, Arc::new(object)));
        let is_outdated = |(at, _): &(Instant, Arc<Object>)| now.duration_since(*at) > keep;
        let outdated = self.0.iter().take_while(|state| is_outdated(state)).count();
        self.0.drain(..outdated.saturating_sub(1));
    }
}

/// Objects of all instances.
#[derive(Default)]
pub(crate) struct Store {
    rows: BTreeMap<String, Row>,
    index: BTreeMap<(InstanceId, Collection), BTreeSet<String>>,
    /// Lag of reads behind writes.
    pub(crate) read_lag: Duration,
}

impl Store {
    /// Returns the current state.
    pub(crate) fn current(&self) -> View<'_> {
        View {
            store: self,
            moment: None,
        }
    }

    /// Returns the state that a read shows, which may lag behind ▲.
    pub(crate) fn read(&self) -> View<'_> {
        self.as_of(self.read_lag)
    }

    /// Returns the state of this time ago.
    pub(crate) fn as_of(&self, ago: Duration) -> View<'_> {
        let moment = if ago.is_zero() {
            None
        } else {
            Instant::now().checked_sub(ago)
        };
        View {
            store: self,
            moment,
        }
    }

    pub(crate) fn insert(&mut self, object: Object) {
        self.index
            .entry((object.instance.clone(), object.collection))
            .or_default()
            .insert(object.id.clone());
        let row = Row(vec![(Instant::now(), Arc::new(object.clone()))]);
        self.rows.insert(object.id, row);
    }

    /// Changes an object and returns its new version; None if there is none with this id.
    pub(crate) fn change(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Object),
    ) -> Option<Arc<Object>> {
        let keep = self.read_lag.saturating_mul(2).max(HISTORY);
        let row = self.rows.get_mut(id)?;
        let mut object = Object::clone(row.current());
        change(&mut object);
        row.push(Instant::now(), object, keep);
        Some(Arc::clone(row.current()))
    }

    /// Returns whether the collection has or had an object with this id.
    pub(crate) fn has_row(&self, instance: &InstanceId, collection: Collection, id: &str) -> bool {
        self.index
            .get(&(instance.clone(), collection))
            .is_some_and(|ids| ids.contains(id))
    }
}

/// State of the store at one moment.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    store: &'a Store,
    moment: Option<Instant>,
}

impl<'a> View<'a> {
    pub(crate) fn get(&self, id: &str) -> Option<&'a Arc<Object>> {
        let row = self.store.rows.get(id)?;
        match self.moment {
            None => Some(row.current()),
            Some(moment) => row.as_of(moment),
        }
    }

    /// Returns an object if it belongs to this instance and collection.
    pub(crate) fn find(
        &self,
        instance: &InstanceId,
        collection: Collection,
        id: &str,
    ) -> Option<&'a Arc<Object>> {
        self.get(id)
            .filter(|object| object.instance == *instance && object.collection == collection)
    }

    /// Returns the objects of a collection in order of creation.
    pub(crate) fn of(
        &self,
        instance: &InstanceId,
        collection: Collection,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let view = *self;
        let ids = self.store.index.get(&(instance.clone(), collection));
        ids.into_iter().flatten().filter_map(move |id| view.get(id))
    }

    /// Returns all objects.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        let view = *self;
        self.store.rows.keys().filter_map(move |id| view.get(id))
    }
}
