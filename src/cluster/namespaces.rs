//! Namespaces: their labels, which `allowedNamespaces` select by, and their uids, which markers record.

use super::client::Cluster;
use super::error::ClusterError;
use super::verb::Verb;
use crate::lock::lock;
use crate::resources::ResourceKey;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ObjectMeta;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};

impl Cluster {
    /// Returns the uid of `kube-system`: the identity of the cluster.
    ///
    /// # Errors
    /// The call failed.
    pub async fn identity(&self) -> Result<String, ClusterError> {
        self.namespace_uid("kube-system").await
    }

    /// Returns the labels of a namespace.
    ///
    /// # Errors
    /// The call failed.
    pub async fn namespace_labels(
        &self,
        name: &str,
    ) -> Result<BTreeMap<String, String>, ClusterError> {
        let namespace = self.namespace(name).await?;
        Ok(namespace.labels.unwrap_or_default())
    }

    /// Returns whether a namespace is being deleted.
    ///
    /// # Errors
    /// The call failed.
    pub async fn is_namespace_terminating(&self, name: &str) -> Result<bool, ClusterError> {
        Ok(self.namespace(name).await?.deletion_timestamp.is_some())
    }

    async fn namespace_uid(&self, name: &str) -> Result<String, ClusterError> {
        Ok(self.namespace(name).await?.uid.unwrap_or_default())
    }

    async fn namespace(&self, name: &str) -> Result<ObjectMeta, ClusterError> {
        let api: Api<Namespace> = Api::all(self.client());
        let found = self.call(Verb::Get, "Namespace", name, api.get_metadata(name));
        Ok(found.await?.metadata)
    }
}

/// The uids of the namespaces that were read. They are kept only where namespaces are watched, which takes rights in all of
/// them: one that is deleted and created again has another.
#[derive(Default)]
pub struct NamespaceUids(Mutex<Known>);

#[derive(Default)]
struct Known {
    uids: HashMap<String, String>,
    /// How often something was forgotten: what was read before that may be outdated.
    forgotten: u64,
}

impl NamespaceUids {
    /// Returns the uid of a namespace. If it decides whose object is taken over, what the watch showed last is not enough: it may
    /// be behind.
    ///
    /// # Errors
    /// The read failed.
    pub async fn get(
        &self,
        cluster: &Cluster,
        name: &str,
        decides: bool,
    ) -> Result<String, ClusterError> {
        let began = {
            let known = self.lock();
            if let (Some(uid), false) = (known.uids.get(name), decides) {
                return Ok(uid.clone());
            }
            known.forgotten
        };
        let uid = cluster.namespace_uid(name).await?;
        if cluster.serves_all() {
            self.lock().add(name, &uid, began);
        }
        Ok(uid)
    }

    /// Forgets the namespace with this key; any other key is ignored.
    pub fn forget(&self, key: &ResourceKey) {
        if key.kind == "Namespace" {
            let mut known = self.lock();
            known.uids.remove(&*key.name);
            known.forgotten += 1;
        }
    }

    /// Forgets all namespaces.
    pub fn clear(&self) {
        let mut known = self.lock();
        known.uids.clear();
        known.forgotten += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.0)
    }
}

impl Known {
    /// Adds what was read since so much was forgotten.
    fn add(&mut self, name: &str, uid: &str, began: u64) {
        if self.forgotten == began {
            self.uids.insert(name.to_owned(), uid.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_the_namespace_changed_is_not_kept() {
        let known = NamespaceUids::default();
        let began = known.lock().forgotten;
        known.lock().add("team", "a", began);
        assert_eq!(known.lock().uids["team"], "a");
        known.forget(&ResourceKey::new("Namespace", "", "team"));
        known.lock().add("team", "a", began);
        assert!(known.lock().uids.is_empty());
        let began = known.lock().forgotten;
        known.clear();
        known.lock().add("team", "a", began);
        assert!(known.lock().uids.is_empty());
    }
}
