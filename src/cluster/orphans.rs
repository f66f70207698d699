//! The ConfigMap `metorial-orphans`: the ids of remote objects that were left behind because their deletion could not
//! be carried out, so that an administrator can find and delete them.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::writes::field_manager;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;

const NAME: &str = "metorial-orphans";

impl Cluster {
    /// Records a remote object that is left behind, under the uid of the resource that it belonged to: the record is
    /// written before the finalizer is removed, and a crash in between writes the same key again.
    ///
    /// # Errors
    /// A call failed: the caller must keep the finalizer, since nothing else knows the id.
    pub async fn record_orphan(
        &self,
        namespace: &str,
        key: &str,
        entry: &str,
    ) -> Result<(), ClusterError> {
        let api = self.namespaced::<ConfigMap>(namespace);
        let params = field_manager(PatchParams::default());
        let patch = Patch::Merge(json!({"data": {key: entry}}));
        let patched = self.call("patch", "ConfigMap", NAME, api.patch(NAME, &params, &patch));
        match patched.await {
            Err(ClusterError {
                cause: Cause::NotFound,
                ..
            }) => {}
            other => return other.map(drop),
        }
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            data: Some([(key.to_owned(), entry.to_owned())].into()),
            ..ConfigMap::default()
        };
        let params = PostParams::default();
        self.call("create", "ConfigMap", NAME, api.create(&params, &map))
            .await
            .map(drop)
    }
}
