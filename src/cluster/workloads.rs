//! Workloads that use an exported Secret: the only change that the operator makes to them is one annotation of the pod template.

use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::verb::Verb;
use crate::plan::restart::RESTARTED_FOR;
use crate::plan::steps::RestartRefusal;
use crate::resources::{FIELD_MANAGER, Workload, WorkloadKind};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::json;

impl Cluster {
    /// Restarts a workload for this content of a Secret, unless it was restarted for it already: a patch that changes nothing
    /// does not start a rollout. Returns why it can't be restarted.
    ///
    /// # Errors
    /// The call failed for a reason that passes.
    pub async fn restart(
        &self,
        namespace: &str,
        workload: &Workload,
        content: &str,
    ) -> Result<Option<RestartRefusal>, ClusterError> {
        let name = &workload.name;
        let resource = match workload.kind {
            WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
            WorkloadKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            WorkloadKind::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
        };
        let annotations = json!({RESTARTED_FOR: content});
        let patch = json!({"spec": {"template": {"metadata": {"annotations": annotations}}}});
        let (params, patch) = (PatchParams::apply(FIELD_MANAGER), Patch::Merge(patch));
        let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
        // The answer is only the metadata: the rest of a workload is no concern of the operator.
        let patched = api.patch_metadata(name, &params, &patch);
        let Err(error) = self.call(Verb::Patch, &resource.kind, name, patched).await else {
            return Ok(None);
        };
        match error.cause {
            Cause::NotFound => Ok(Some(RestartRefusal::NotFound)),
            Cause::Forbidden | Cause::Terminating => Ok(Some(RestartRefusal::NotPermitted)),
            Cause::Refused(code) | Cause::Denied { code, .. } => {
                Ok(Some(RestartRefusal::Refused(code)))
            }
            _ => Err(error),
        }
    }
}
