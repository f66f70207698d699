//! Who depends on what: a changed Secret, ConfigMap or connection names the resources that need a pass.

use super::key::ObjectKey;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Filled by the passes themselves, before they read what they refer to, so that no change is missed.
#[derive(Default)]
pub struct Index(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    sources: HashMap<ObjectKey, Vec<ObjectKey>>,
    dependents: HashMap<ObjectKey, BTreeSet<ObjectKey>>,
}

impl Index {
    /// Replaces what `object` depends on.
    pub fn depends(&self, object: &ObjectKey, sources: Vec<ObjectKey>) {
        let mut maps = self.lock();
        if maps.sources.get(object) == Some(&sources) {
            return;
        }
        maps.remove(object);
        for source in &sources {
            let dependents = maps.dependents.entry(source.clone()).or_default();
            dependents.insert(object.clone());
        }
        maps.sources.insert(object.clone(), sources);
    }

    /// Forgets an object.
    pub fn forget(&self, object: &ObjectKey) {
        self.lock().remove(object);
    }

    /// What `object` depends on.
    #[must_use]
    pub fn sources(&self, object: &ObjectKey) -> Vec<ObjectKey> {
        self.lock().sources.get(object).cloned().unwrap_or_default()
    }

    /// Who depends on `source`.
    #[must_use]
    pub fn dependents(&self, source: &ObjectKey) -> Vec<ObjectKey> {
        let maps = self.lock();
        let dependents = maps.dependents.get(source);
        dependents.into_iter().flatten().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn remove(&mut self, object: &ObjectKey) {
        for source in self.sources.remove(object).unwrap_or_default() {
            if let Some(dependents) = self.dependents.get_mut(&source) {
                dependents.remove(object);
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
    fn an_object_is_found_by_what_it_depends_on_now_and_by_nothing_else() {
        let index = Index::default();
        let [object, old, new] =
            ["object", "old", "new"].map(|name| ObjectKey::new("K", "n", name));
        index.depends(&object, vec![old.clone()]);
        index.depends(&object, vec![new.clone()]);
        assert!(index.dependents(&old).is_empty());
        assert_eq!(index.dependents(&new), std::slice::from_ref(&object));
        index.forget(&object);
        assert!(index.dependents(&new).is_empty());
    }
}
