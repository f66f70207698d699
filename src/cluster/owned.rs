//! ConfigMaps with the ids that the operator publishes for applications.

use super::{Cause, Cluster, ClusterError, field_manager, owned_by};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// How a publication went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// It stands as wanted.
    Done,
    /// A ConfigMap of that name belongs to somebody else and is left alone.
    NotOurs,
}

impl Cluster {
    /// Makes or heals the ConfigMap `name` of `owner` so that it holds exactly `data`.
    ///
    /// # Errors
    /// A call failed.
    pub async fn publish<K>(
        &self,
        owner: &K,
        name: &str,
        data: &BTreeMap<String, String>,
    ) -> Result<Publication, ClusterError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = owner.namespace().unwrap_or_default();
        let api = self.namespaced::<ConfigMap>(&namespace);
        let Some(found) = self.get(&api, name).await? else {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(name.to_owned()),
                    owner_references: owned_by(owner).map(|reference| vec![reference]),
                    ..ObjectMeta::default()
                },
                data: Some(data.clone()),
                ..ConfigMap::default()
            };
            let params = PostParams {
                field_manager: Some(super::FIELD_MANAGER.to_owned()),
                ..PostParams::default()
            };
            let made = self.call("create", "ConfigMap", name, api.create(&params, &map));
            return made.await.map(|_| Publication::Done);
        };
        if !found
            .owner_references()
            .iter()
            .any(|reference| Some(&reference.uid) == owner.meta().uid.as_ref())
        {
            return Ok(Publication::NotOurs);
        }
        if found.data.as_ref() == Some(data) {
            return Ok(Publication::Done);
        }
        let removed = found
            .data
            .iter()
            .flatten()
            .filter(|(key, _)| !data.contains_key(*key));
        let mut wanted = json!(data);
        for (key, _) in removed {
            wanted[key.as_str()] = serde_json::Value::Null;
        }
        let patch = Patch::Merge(json!({"metadata": {"uid": found.metadata.uid}, "data": wanted}));
        let params = field_manager(PatchParams::default());
        let patched = self.call("patch", "ConfigMap", name, api.patch(name, &params, &patch));
        patched.await.map(|_| Publication::Done)
    }

    /// Removes the ConfigMap `name` if it belongs to `owner`.
    ///
    /// # Errors
    /// A call failed.
    pub async fn unpublish<K>(&self, owner: &K, name: &str) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = owner.namespace().unwrap_or_default();
        let api = self.namespaced::<ConfigMap>(&namespace);
        let Some(found) = self.get(&api, name).await? else {
            return Ok(());
        };
        let ours = found
            .owner_references()
            .iter()
            .any(|reference| Some(&reference.uid) == owner.meta().uid.as_ref());
        if !ours {
            return Ok(());
        }
        let params = DeleteParams::default();
        match self
            .call("delete", "ConfigMap", name, api.delete(name, &params))
            .await
        {
            Ok(_)
            | Err(ClusterError {
                cause: Cause::NotFound,
                ..
            }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
