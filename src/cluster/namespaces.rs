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
pub struct NamespaceUids {
    known: Mutex<HashMap<String, String>>,
}

impl NamespaceUids {
    /// Returns the uid of a namespace.
    ///
    /// # Errors
    /// The read failed.
    pub async fn get(&self, cluster: &Cluster, name: &str) -> Result<String, ClusterError> {
        if let Some(uid) = self.lock().get(name).cloned() {
            return Ok(uid);
        }
        let uid = cluster.namespace_uid(name).await?;
        if cluster.serves_all() {
            self.lock().insert(name.to_owned(), uid.clone());
        }
        Ok(uid)
    }

    /// Forgets the namespace with this key; any other key is ignored.
    pub fn forget(&self, key: &ResourceKey) {
        if key.kind == "Namespace" {
            self.lock().remove(&*key.name);
        }
    }

    /// Forgets all namespaces.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        lock(&self.known)
    }
}
