//! Verbs on objects of any kind in the cluster: the operator's kinds by their manifests, Kubernetes' own by their types.

use super::environment::Environment;
use super::kinds::Kind;
use super::rights::{apply, try_apply};
use super::{Handle, PATIENCE, POLL, Snapshot};
use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use k8s_openapi::api::rbac::v1::Role;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;
use tokio::time::Instant;

/// An object of Kubernetes that lives in a namespace.
pub trait Namespaced:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug
{
}

impl<K> Namespaced for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + DeserializeOwned
        + Debug
{
}

impl Environment {
    /// Applies a manifest into the namespace, as `kubectl apply --server-side` does.
    pub async fn apply(&self, manifest: impl Into<Value>) -> DynamicObject {
        apply(&self.client, &self.namespace, manifest.into()).await
    }

    /// The same, where it may be refused.
    pub async fn try_apply(&self, manifest: impl Into<Value>) -> kube::Result<DynamicObject> {
        try_apply(&self.client, &self.namespace, manifest.into(), "test").await
    }

    /// Applies a manifest of one of the operator's kinds and waits until it is ready for this generation.
    pub async fn create(&self, manifest: impl Into<Value>) -> Snapshot {
        let object = self.apply(manifest).await;
        let kind = Kind::named(&object.types.as_ref().unwrap().kind);
        self.resource(kind, &object.name_any()).wait_ready().await
    }

    /// A handle on the resource of that kind and name.
    pub fn resource(&self, kind: Kind, name: &str) -> Handle<'_> {
        Handle::new(self, kind, name)
    }

    pub fn deployment(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Deployment, name)
    }

    pub fn credentials(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Credentials, name)
    }

    pub fn auth_config(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::AuthConfig, name)
    }

    pub fn config(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Config, name)
    }

    pub fn vault(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Vault, name)
    }

    pub fn import(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Import, name)
    }

    pub fn export(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Export, name)
    }

    pub fn connection(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::Connection, name)
    }

    pub fn cluster_connection(&self, name: &str) -> Handle<'_> {
        self.resource(Kind::ClusterConnection, name)
    }

    /// The API of a kind of Kubernetes in the namespace.
    pub fn api<K: Namespaced>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Patches an object of Kubernetes, as `kubectl patch --type merge` does.
    pub async fn patch<K: Namespaced>(&self, name: &str, patch: Value) -> K {
        let patch = Patch::Merge(patch);
        let (api, params) = (self.api::<K>(), PatchParams::default());
        api.patch(name, &params, &patch).await.unwrap()
    }

    /// Deletes an object of Kubernetes and does not wait.
    pub async fn delete<K: Namespaced>(&self, name: &str) {
        let api = self.api::<K>();
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Waits until an object of Kubernetes is as wanted.
    pub async fn wait_for<K: Namespaced>(
        &self,
        name: &str,
        what: &str,
        wanted: impl Fn(&K) -> bool,
    ) -> K {
        let api = self.api::<K>();
        self.until(&format!("{} {name}: {what}", K::kind(&())), async || {
            let found = api.get_opt(name).await.unwrap();
            found.filter(|object| wanted(object))
        })
        .await
    }

    /// Waits until an object of Kubernetes is gone.
    pub async fn wait_gone<K: Namespaced>(&self, name: &str) {
        let api = self.api::<K>();
        let what = format!("{} {name} is gone", K::kind(&()));
        self.until(&what, async || {
            let found = api.get_opt(name).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    }

    /// The ConfigMap of that name.
    pub async fn config_map(&self, name: &str) -> Option<ConfigMap> {
        self.api::<ConfigMap>().get_opt(name).await.unwrap()
    }

    /// A text of a Secret.
    pub async fn secret_text(&self, name: &str, key: &str) -> Option<String> {
        let secret = self.api::<Secret>().get_opt(name).await.unwrap()?;
        let bytes = secret.data?.remove(key)?;
        Some(String::from_utf8(bytes.0).unwrap())
    }

    /// Waits until a Secret has this text.
    pub async fn wait_secret_text(&self, name: &str, key: &str, wanted: &str) {
        let what = format!("{key} of the Secret {name} is {wanted}");
        self.until(&what, async || {
            let text = self.secret_text(name, key).await;
            (text.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    }

    /// Writes a text of a Secret, as a rotation does.
    pub async fn rotate(&self, name: &str, key: &str, value: &str) {
        let text = json!({"stringData": {key: value}});
        self.patch::<Secret>(name, text).await;
    }

    /// Puts another API key into the Secret of the Connection `default`.
    pub async fn use_key(&self, key: &str) {
        self.rotate("metorial", "api-key", key).await;
    }

    /// Writes a text of the Secret `values`, and makes that Secret where it is not there.
    pub async fn value(&self, key: &str, text: &str) {
        match self.api::<Secret>().get_opt("values").await.unwrap() {
            Some(_) => self.rotate("values", key, text).await,
            None => drop(
                self.apply(super::manifests::secret("values", &[(key, text)]))
                    .await,
            ),
        }
    }

    /// Deletes the namespace and waits until it is gone.
    pub async fn delete_namespace(&self) {
        self.begin_deletion_of_namespace().await;
        self.namespace_gone().await;
    }

    /// Deletes the namespace, and does not wait.
    pub async fn begin_deletion_of_namespace(&self) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let params = DeleteParams::default();
        api.delete(&self.namespace, &params).await.unwrap();
    }

    /// Waits until the namespace is gone.
    pub async fn namespace_gone(&self) {
        let api: Api<Namespace> = Api::all(self.client.clone());
        self.until("the namespace is gone", async || {
            let found = api.get_opt(&self.namespace).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    }

    /// Waits until `check` returns something; describes the environment when it gives up.
    pub async fn until<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = check().await {
                return found;
            }
            if Instant::now() > deadline {
                panic!("never came: {what}\n{}", self.describe().await);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until something is so.
    pub async fn wait_until(&self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        self.until(what, async || so(self).await.then_some(()))
            .await;
    }

    /// Gives the operator the right to write statuses, or takes it away, and waits until that is in force.
    pub async fn permit_status(&self, permitted: bool) {
        let part = if permitted { "status" } else { "nothing" };
        let changed = |resource: &str| {
            let plain = resource.trim_end_matches("/status");
            let plain = plain.trim_end_matches("/nothing");
            (plain != resource).then(|| format!("{plain}/{part}"))
        };
        let call = ("patch", "metorial.com", "providerauthcredentials", "status");
        self.change_rights(changed, call, permitted).await;
    }

    /// Gives the operator its rights on a resource of the core group, or takes them away, and waits until that is in force.
    pub async fn permit(&self, plural: &str, permitted: bool) {
        let taken = format!("{plural}-nowhere");
        let (from, to) = match permitted {
            true => (taken.as_str(), plural),
            false => (plural, taken.as_str()),
        };
        let changed = |resource: &str| (resource == from).then(|| to.to_owned());
        self.change_rights(changed, ("get", "", plural, ""), permitted)
            .await;
    }

    /// Changes the names of resources in the operator's Role, and waits until a call is permitted, or is not.
    async fn change_rights(
        &self,
        changed: impl Fn(&str) -> Option<String>,
        (verb, group, plural, subresource): (&str, &str, &str, &str),
        permitted: bool,
    ) {
        use super::rights::{SERVICE_ACCOUNT, is_permitted};
        let roles = self.api::<Role>();
        let mut role = roles.get(SERVICE_ACCOUNT).await.unwrap();
        let rules = role.rules.iter_mut().flatten();
        for resource in rules.flat_map(|rule| rule.resources.iter_mut().flatten()) {
            if let Some(now) = changed(resource) {
                *resource = now;
            }
        }
        let params = PostParams::default();
        let replaced = roles.replace(SERVICE_ACCOUNT, &params, &role).await;
        replaced.unwrap();
        let call = json!({
            "namespace": self.namespace, "verb": verb, "group": group,
            "resource": plural, "subresource": subresource,
        });
        let account = (self.namespace.as_str(), SERVICE_ACCOUNT);
        self.until("the right is as it was made", async || {
            (is_permitted(&self.client, account, &call).await == permitted).then_some(())
        })
        .await;
    }
}
