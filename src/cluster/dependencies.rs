//! The map from Secrets, ConfigMaps, connections and resources to the resources that depend on them: a change of the
//! one enqueues the others.

use crate::lock::lock;
use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::time::Instant;

/// The dependencies of all resources.
///
/// Each reconciliation registers what its resource depends on *before* it reads any of that: a change that comes
/// between the read and the registration would otherwise enqueue nobody and be missed until the next interval.
#[derive(Default)]
pub struct Dependencies(Mutex<Maps>);

/// Keys are shared, because most of the sets have one element, and room for eleven.
#[derive(Default)]
struct Maps {
    sources: HashMap<Arc<ResourceKey>, Vec<Arc<ResourceKey>>>,
    began: HashMap<Arc<ResourceKey>, Instant>,
    dependents: HashMap<Arc<ResourceKey>, BTreeSet<Arc<ResourceKey>>>,
}

impl Dependencies {
    /// Replaces what `resource` depends on. If it depended on something else before, or was not known, returns what it no
    /// longer depends on.
    pub fn set(
        &self,
        resource: &ResourceKey,
        sources: Vec<ResourceKey>,
    ) -> Option<Vec<ResourceKey>> {
        let mut maps = self.lock();
        let known = maps.sources.get(resource);
        if known.is_some_and(|known| known.iter().map(|it| &**it).eq(&sources)) {
            return None;
        }
        let mut dropped = maps.remove(resource);
        dropped.retain(|source| !sources.contains(source));
        let resource = Arc::new(resource.clone());
        let sources: Vec<_> = sources.into_iter().map(|it| maps.shared(it)).collect();
        for source in &sources {
            let dependents = maps.dependents.entry(source.clone()).or_default();
            dependents.insert(resource.clone());
        }
        maps.sources.insert(resource, sources);
        let dropped = dropped.into_iter();
        Some(dropped.map(Arc::unwrap_or_clone).collect())
    }

    /// Records that a reconciliation of `resource` is about to read what it depends on.
    pub fn begin(&self, resource: &ResourceKey, now: Instant) {
        let mut maps = self.lock();
        let known = maps.sources.get_key_value(resource);
        if let Some(resource) = known.map(|(resource, _)| resource.clone()) {
            maps.began.insert(resource, now);
        }
    }

    /// Removes a resource that was deleted, and returns what it depended on.
    pub fn forget(&self, resource: &ResourceKey) -> Vec<ResourceKey> {
        let sources = self.lock().remove(resource).into_iter();
        sources.map(Arc::unwrap_or_clone).collect()
    }

    /// Returns what `resource` depends on.
    #[must_use]
    pub fn sources(&self, resource: &ResourceKey) -> Vec<ResourceKey> {
        let maps = self.lock();
        let sources = maps.sources.get(resource);
        let sources = sources.into_iter().flatten();
        sources.map(|source| ResourceKey::clone(source)).collect()
    }

    /// Returns the objects of one kind that resources depend on, in one namespace or in all.
    #[must_use]
    pub fn sources_of(&self, kind: &str, namespace: Option<&str>) -> Vec<ResourceKey> {
        let maps = self.lock();
        let sources = maps.dependents.keys();
        let sources = sources.filter(|source| source.kind == kind);
        let here =
            |source: &&Arc<ResourceKey>| namespace.is_none_or(|name| *source.namespace == *name);
        let found = sources.filter(here);
        found.map(|source| ResourceKey::clone(source)).collect()
    }

    /// Returns the resources that depend on `source`.
    #[must_use]
    pub fn dependents(&self, source: &ResourceKey) -> Vec<ResourceKey> {
        let maps = self.lock();
        let dependents = maps.dependents.get(source);
        let dependents = dependents.into_iter().flatten();
        dependents.map(|it| ResourceKey::clone(it)).collect()
    }

    /// Returns the resources that depend on `source` and whose last reconciliation may have read it before this time.
    #[must_use]
    pub fn dependents_since(&self, source: &ResourceKey, time: Instant) -> Vec<ResourceKey> {
        let mut dependents = self.dependents(source);
        let maps = self.lock();
        let later = |key: &ResourceKey| maps.began.get(key).is_some_and(|began| *began > time);
        dependents.retain(|key| !later(key));
        dependents
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        lock(&self.0)
    }
}

impl Maps {
    /// Returns the key of a source, as the others that depend on it have it.
    fn shared(&self, source: ResourceKey) -> Arc<ResourceKey> {
        let known = self.dependents.get_key_value(&source);
        known.map_or_else(|| Arc::new(source), |(known, _)| known.clone())
    }

    /// Removes a resource, and returns what it depended on.
    fn remove(&mut self, resource: &ResourceKey) -> Vec<Arc<ResourceKey>> {
        self.began.remove(resource);
        let sources = self.sources.remove(resource).unwrap_or_default();
        for source in &sources {
            if let Some(dependents) = self.dependents.get_mut(source) {
                dependents.remove(resource);
                if dependents.is_empty() {
                    self.dependents.remove(source);
                }
            }
        }
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_resource_that_began_after_a_list_was_answered_has_read_what_the_list_shows() {
        let dependencies = Dependencies::default();
        let source = ResourceKey::new("Secret", "n", "source");
        let [before, after, other] =
            ["before", "after", "other"].map(|name| ResourceKey::new("K", "n", name));
        let listed = Instant::now();
        let second = Duration::from_secs(1);
        for (resource, began) in [(&before, listed), (&after, listed + second)] {
            dependencies.set(resource, vec![source.clone()]);
            dependencies.begin(resource, began);
        }
        dependencies.set(&other, vec![source.clone()]);
        let since = |time| dependencies.dependents_since(&source, time);
        let found = since(listed);
        let names: Vec<&str> = found.iter().map(|key| &*key.name).collect();
        assert_eq!(names, ["before", "other"]);
        assert_eq!(since(listed + 2 * second).len(), 3, "a later list");
        dependencies.set(&after, vec![]);
        dependencies.set(&after, vec![source.clone()]);
        assert_eq!(since(listed).len(), 3, "it has yet to read the source");
    }

    #[test]
    fn only_the_current_sources_of_a_resource_lead_to_it() {
        let dependencies = Dependencies::default();
        let [resource, old, new] =
            ["resource", "old", "new"].map(|name| ResourceKey::new("K", "n", name));
        let set = |source: &ResourceKey| dependencies.set(&resource, vec![source.clone()]);
        assert_eq!(set(&old), Some(vec![]));
        assert_eq!(set(&new), Some(vec![old.clone()]));
        assert_eq!(set(&new), None);
        assert!(dependencies.dependents(&old).is_empty());
        assert_eq!(
            dependencies.dependents(&new),
            std::slice::from_ref(&resource)
        );
        assert_eq!(dependencies.forget(&resource), std::slice::from_ref(&new));
        assert!(dependencies.dependents(&new).is_empty());
    }
}
