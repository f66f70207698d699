//! The map from Secrets, ConfigMaps, connections and resources to the resources that depend on them: a change of the
//! one enqueues the others.

use crate::lock::lock;
use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

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
    dependents: HashMap<Arc<ResourceKey>, BTreeSet<Arc<ResourceKey>>>,
}

impl Dependencies {
    /// Replaces what `resource` depends on. Returns whether it depended on something else before, or was not known.
    pub fn set(&self, resource: &ResourceKey, sources: Vec<ResourceKey>) -> bool {
        let mut maps = self.lock();
        let known = maps.sources.get(resource);
        if known.is_some_and(|known| known.iter().map(|it| &**it).eq(&sources)) {
            return false;
        }
        maps.remove(resource);
        let resource = Arc::new(resource.clone());
        let sources: Vec<_> = sources.into_iter().map(|it| maps.shared(it)).collect();
        for source in &sources {
            let dependents = maps.dependents.entry(source.clone()).or_default();
            dependents.insert(resource.clone());
        }
        maps.sources.insert(resource, sources);
        true
    }

    /// Removes a resource that was deleted.
    pub fn forget(&self, resource: &ResourceKey) {
        self.lock().remove(resource);
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

    fn remove(&mut self, resource: &ResourceKey) {
        for source in self.sources.remove(resource).unwrap_or_default() {
            if let Some(dependents) = self.dependents.get_mut(&source) {
                dependents.remove(resource);
                if dependents.is_empty() {
                    self.dependents.remove(&source);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_current_sources_of_a_resource_lead_to_it() {
        let dependencies = Dependencies::default();
        let [resource, old, new] =
            ["resource", "old", "new"].map(|name| ResourceKey::new("K", "n", name));
        dependencies.set(&resource, vec![old.clone()]);
        dependencies.set(&resource, vec![new.clone()]);
        assert!(dependencies.dependents(&old).is_empty());
        assert_eq!(
            dependencies.dependents(&new),
            std::slice::from_ref(&resource)
        );
        dependencies.forget(&resource);
        assert!(dependencies.dependents(&new).is_empty());
    }
}
