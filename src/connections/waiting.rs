//! The deletions that wait for any connection which opens the instance of their object.

use crate::lock::lock;
use crate::resources::{ConnectionKey, ConnectionKind, ResourceKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// The waiting deletions, by namespace.
#[derive(Default)]
pub struct WaitingDeletions(Mutex<BTreeMap<Arc<str>, BTreeSet<ResourceKey>>>);

impl WaitingDeletions {
    /// Adds a resource. Returns true if it is the first of its namespace.
    pub fn add(&self, resource: &ResourceKey) -> bool {
        let mut all = lock(&self.0);
        let here = all.entry(resource.namespace.clone()).or_default();
        let is_first = here.is_empty();
        here.insert(resource.clone());
        is_first
    }

    /// Stops a resource from waiting for any connection.
    pub fn remove(&self, resource: &ResourceKey) {
        let mut all = lock(&self.0);
        if let Some(here) = all.get_mut(&resource.namespace) {
            here.remove(resource);
            if here.is_empty() {
                all.remove(&resource.namespace);
            }
        }
    }

    /// Returns the resources that may use a connection: those of its namespace, or all if it is a ClusterConnection.
    #[must_use]
    pub fn waiting_for(&self, connection: &ConnectionKey) -> Vec<ResourceKey> {
        let all = lock(&self.0);
        match connection.kind {
            ConnectionKind::ClusterConnection => all.values().flatten().cloned().collect(),
            ConnectionKind::Connection => {
                let here = all.get(&*connection.namespace);
                here.into_iter().flatten().cloned().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_waits_for_the_connections_of_its_namespace_and_of_the_cluster() {
        let waiting = WaitingDeletions::default();
        let [a, b, other] = [("apps", "a"), ("apps", "b"), ("other", "a")]
            .map(|(namespace, name)| ResourceKey::new("AuthImport", namespace, name));
        assert!(waiting.add(&a) && waiting.add(&other), "the first ones");
        assert!(!waiting.add(&b) && !waiting.add(&a));
        let waiting_for = |text| waiting.waiting_for(&ConnectionKey::parse(text, "apps").unwrap());
        assert_eq!(waiting_for("Connection/any"), [a.clone(), b.clone()]);
        let all = [a.clone(), b.clone(), other.clone()];
        assert_eq!(waiting_for("ClusterConnection/any"), all);
        waiting.remove(&a);
        waiting.remove(&b);
        assert!(waiting_for("Connection/any").is_empty());
        assert_eq!(waiting_for("ClusterConnection/any"), [other]);
        assert!(waiting.add(&a), "again");
    }
}
