//! Writes of objects: the finalizers and statuses of custom resources, and whole objects.

use super::client::{Cluster, decoded};
use super::error::{Cause, ClusterError};
use super::metadata::PartialObject;
use super::status_patch::{status_patch, with_parent};
use super::verb::Verb;
use crate::resources::FIELD_MANAGER;
use crate::sensitive::Sensitive;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use kube::core::Request;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

impl Cluster {
    /// Changes the metadata, provided that the object is still the one that was read, and returns it as it is now.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where the object changed.
    pub async fn patch_metadata<K>(
        &self,
        api: &Api<K>,
        object: &K,
        mut change: Value,
    ) -> Result<K, ClusterError>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        change["uid"] = json!(object.meta().uid);
        change["resourceVersion"] = json!(object.meta().resource_version);
        let patch = json!({"metadata": change});
        let name = object.name_any();
        let params = PatchParams::apply(FIELD_MANAGER);
        let request = Request::new(api.resource_url());
        let request = request.patch(&name, &params, &Patch::Merge(patch));
        self.send_patch(&K::kind(&()), &name, request).await
    }

    /// Sends a patch of a resource itself. Where it is refused, the error says why.
    async fn send_patch<T: DeserializeOwned>(
        &self,
        kind: &str,
        name: &str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, ClusterError> {
        let patched = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            match self.client().request_text(request).await {
                Err(error) => Cause::denied(&error).map_or(Err(error), |denied| Ok(Err(denied))),
                patched => patched.map(Ok),
            }
        };
        match self.call(Verb::Patch, kind, name, patched).await? {
            Ok(text) => decoded(Verb::Patch, kind, name, &Sensitive::new(text)),
            Err(cause) => Err(ClusterError::new(Verb::Patch, kind, name, cause)),
        }
    }

    /// Writes a status where it differs from the last, provided that the object still has this uid. Returns whether it
    /// differed.
    ///
    /// The `resourceVersion` is left out on purpose: an id must be recorded even if somebody edited the spec in the
    /// meantime.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where another object has the name by now.
    pub async fn write_status<K, S>(
        &self,
        api: &Api<K>,
        object: &K,
        before: &S,
        next: &S,
    ) -> Result<bool, ClusterError>
    where
        K: Resource<DynamicType = ()>,
        S: Serialize,
    {
        let json = |status: &S| serde_json::to_value(status).expect("a status serializes");
        let uid = object.meta().uid.as_deref();
        let Some(patch) = status_patch(uid, &json(before), &json(next)) else {
            return Ok(false);
        };
        match self.patch_status(api, object, &patch).await {
            // The API server does not say which step of a patch it refused.
            Err(error) if matches!(error.cause, Cause::Denied { code: 422, .. }) => {
                let found = self.stored(api, &object.name_any()).await?;
                if found["metadata"]["uid"].as_str() != uid {
                    let (kind, name) = (K::kind(&()), object.name_any());
                    return Err(ClusterError::new(
                        Verb::Patch,
                        &kind,
                        &name,
                        Cause::Conflict,
                    ));
                }
                if !found["status"].is_null() {
                    return Err(error);
                }
                let patch = with_parent(&patch);
                self.patch_status(api, object, &patch).await?;
            }
            sent => sent?,
        }
        Ok(true)
    }

    async fn patch_status<K: Resource<DynamicType = ()>>(
        &self,
        api: &Api<K>,
        object: &K,
        patch: &Value,
    ) -> Result<(), ClusterError> {
        let steps = serde_json::from_value(patch.clone()).expect("it is a JSON patch");
        let name = object.name_any();
        let kind = format!("{}/status", K::kind(&()));
        let params = PatchParams::apply(FIELD_MANAGER);
        let request = Request::new(api.resource_url());
        let request =
            request.patch_subresource::<()>("status", &name, &params, &Patch::Json(steps));
        // The answer is the whole object; that it is one is enough.
        let _: PartialObject = self.send_patch(&kind, &name, request).await?;
        Ok(())
    }

    /// Returns an object as it is stored.
    async fn stored<K: Resource<DynamicType = ()>>(
        &self,
        api: &Api<K>,
        name: &str,
    ) -> Result<Value, ClusterError> {
        let request = Request::new(api.resource_url()).get(name, &GetParams::default());
        let found = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            self.client().request(request).await
        };
        self.call(Verb::Get, &K::kind(&()), name, found).await
    }

    /// Creates an object of the operator's own.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where the name is taken.
    pub(super) async fn create<K>(&self, api: &Api<K>, object: &K) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned,
    {
        let (kind, name, params) = (K::kind(&()), object.name_any(), PostParams::default());
        let created = api.create(&params, object);
        let created = self.call(Verb::Create, &kind, &name, created);
        created.await.map(drop)
    }

    /// Merges a patch into an object.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where the patch has another `resourceVersion` than the object.
    pub(super) async fn merge<K>(
        &self,
        api: &Api<K>,
        name: &str,
        patch: Value,
    ) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
    {
        let (kind, params) = (K::kind(&()), PatchParams::apply(FIELD_MANAGER));
        let patch = Patch::Merge(patch);
        let patched = api.patch(name, &params, &patch);
        let patched = self.call(Verb::Patch, &kind, name, patched);
        patched.await.map(drop)
    }
}

/// Returns an owner reference that lets the garbage collector delete a child with its owner.
pub(super) fn owned_by<K: Resource<DynamicType = ()> + Serialize>(
    object: &K,
) -> Option<OwnerReference> {
    object.controller_owner_ref(&()).map(|mut reference| {
        reference.block_owner_deletion = None;
        reference
    })
}
