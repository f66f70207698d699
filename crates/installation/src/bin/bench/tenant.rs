//! Namespace with a Connection of its own and many credentials. Everything is created as the administrator.

use crate::objects::{self, for_each_concurrently, is_ready};
use control_plane::ControlPlane;
use installation::{Failure, wait_until};
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use metorial_simulator::{InstanceId, InstanceType, OrganizationId, Simulator};
use serde_json::json;
use std::time::{Duration, Instant};

/// Name of the Secret that several resources share.
pub const SHARED_SECRET: &str = "shared";

/// See the module.
pub struct Tenant {
    client: Client,
    namespace: String,
    /// Instance of the Connection's key.
    pub instance: InstanceId,
}

/// Which Secrets the credentials get their values from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Each from its own.
    Own,
    /// All from [`SHARED_SECRET`].
    Shared,
}

impl Tenant {
    /// Creates the namespace, with a Connection to a new instance of the organization.
    pub async fn create(
        plane: &ControlPlane,
        simulator: &Simulator,
        organization: &OrganizationId,
        kind: InstanceType,
        namespace: &str,
    ) -> Result<Self, Failure> {
        let tenant = Self {
            client: plane.client(),
            namespace: namespace.to_owned(),
            instance: simulator.add_instance(organization, kind),
        };
        let params = PostParams::default();
        let object = Namespace {
            metadata: objects::meta(namespace),
            ..Namespace::default()
        };
        Api::all(plane.client()).create(&params, &object).await?;
        let key = simulator.add_key(&tenant.instance);
        tenant
            .add_secret("metorial", json!({"api-key": key}))
            .await?;
        let connection: Connection = serde_json::from_value(json!({
            "apiVersion": "metorial.com/v1alpha1",
            "kind": "Connection",
            "metadata": {"name": "default"},
            "spec": {
                "baseUrl": simulator.url(),
                "apiKey": {"secretKeyRef": {"name": "metorial", "key": "api-key"}},
            },
        }))?;
        tenant.connections().create(&params, &connection).await?;
        Ok(tenant)
    }

    /// Creates this many credentials and their Secrets.
    pub async fn add(&self, count: usize, secrets: Secrets) -> Result<(), Failure> {
        if secrets == Secrets::Shared {
            self.add_secret(SHARED_SECRET, texts(SHARED_SECRET)).await?;
        }
        let (own, api) = (self.secrets(), self.credentials());
        for_each_concurrently(count, move |number| {
            let (own, api) = (own.clone(), api.clone());
            async move {
                let name = objects::name(number);
                let params = PostParams::default();
                let of = match secrets {
                    Secrets::Own => &name,
                    Secrets::Shared => SHARED_SECRET,
                };
                if secrets == Secrets::Own {
                    let secret = objects::secret(&name, texts(&name))?;
                    own.create(&params, &secret).await?;
                }
                let credentials = objects::credentials(&name, of)?;
                api.create(&params, &credentials).await?;
                Ok(())
            }
        })
        .await
    }

    /// Creates one of the credentials and returns the time until it is ready; `None` if that takes longer than `timeout`.
    pub async fn add_one(
        &self,
        name: &str,
        timeout: Duration,
    ) -> Result<Option<Duration>, Failure> {
        self.add_secret(name, texts(name)).await?;
        let credentials = objects::credentials(name, name)?;
        let api = self.credentials();
        let began = Instant::now();
        api.create(&PostParams::default(), &credentials).await?;
        let ready = |found: Option<&ProviderAuthCredentials>| found.is_some_and(is_ready);
        match tokio::time::timeout(timeout, await_condition(api, name, ready)).await {
            Ok(ready) => ready.map(|_| Some(began.elapsed())).map_err(Failure::from),
            Err(_) => Ok(None),
        }
    }

    /// Waits until all credentials are ready.
    pub async fn all_ready(&self, timeout: Duration) -> Result<(), Failure> {
        let api = self.credentials();
        wait_until("all resources are ready", timeout, async || {
            let all = api.list(&ListParams::default()).await?;
            Ok(all.iter().all(is_ready).then_some(()))
        })
        .await
    }

    /// Returns the name of one that is ready.
    pub async fn one_ready(&self) -> Result<Option<String>, Failure> {
        let all = self.credentials().list(&ListParams::default()).await?;
        let found = all.into_iter().find(is_ready);
        Ok(found.and_then(|credentials| credentials.metadata.name))
    }

    /// Deletes the Connection, which no operator has seen yet.
    pub async fn delete_connection(&self) -> Result<(), Failure> {
        let params = DeleteParams::default();
        self.connections().delete("default", &params).await?;
        Ok(())
    }

    /// Removes the finalizers of this many credentials.
    pub async fn remove_finalizers(&self, count: usize) -> Result<(), Failure> {
        let api = self.credentials();
        for_each_concurrently(count, move |number| {
            let api = api.clone();
            async move {
                let none = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let params = PatchParams::default();
                api.patch(&objects::name(number), &params, &none).await?;
                Ok(())
            }
        })
        .await
    }

    /// Deletes all credentials and waits until they are gone.
    pub async fn delete_all(&self, timeout: Duration) -> Result<(), Failure> {
        let (api, deleted) = (self.credentials(), self.credentials());
        let all = api.list_metadata(&ListParams::default()).await?;
        let all = all.items.into_iter();
        let names: Vec<String> = all.filter_map(|object| object.metadata.name).collect();
        for_each_concurrently(names.len(), move |number| {
            let (api, name) = (deleted.clone(), names[number].clone());
            async move {
                api.delete(&name, &DeleteParams::default()).await?;
                Ok(())
            }
        })
        .await?;
        wait_until("all resources are gone", timeout, async || {
            let first = api.list_metadata(&ListParams::default().limit(1)).await?;
            Ok(first.items.is_empty().then_some(()))
        })
        .await
    }

    /// Changes the client secret in a Secret.
    pub async fn rotate(&self, secret: &str, to: &str) -> Result<(), Failure> {
        let patch = Patch::Merge(json!({"stringData": {"client-secret": to}}));
        let params = PatchParams::default();
        self.secrets().patch(secret, &params, &patch).await?;
        Ok(())
    }

    /// Changes the scopes of one of the credentials.
    pub async fn edit(&self, name: &str, scopes: &[&str]) -> Result<(), Failure> {
        let patch = Patch::Merge(json!({"spec": {"oauth": {"scopes": scopes}}}));
        let params = PatchParams::default();
        self.credentials().patch(name, &params, &patch).await?;
        Ok(())
    }

    /// Changes the interval at which the operator checks the objects.
    pub async fn set_interval(&self, interval: Duration) -> Result<(), Failure> {
        let interval = format!("{}s", interval.as_secs());
        let patch = Patch::Merge(json!({"spec": {"defaults": {"interval": interval}}}));
        let params = PatchParams::default();
        self.connections().patch("default", &params, &patch).await?;
        Ok(())
    }

    async fn add_secret(&self, name: &str, texts: serde_json::Value) -> Result<(), Failure> {
        let secret = objects::secret(name, texts)?;
        self.secrets()
            .create(&PostParams::default(), &secret)
            .await?;
        Ok(())
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn connections(&self) -> Api<Connection> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn credentials(&self) -> Api<ProviderAuthCredentials> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

/// Returns the values of a Secret.
fn texts(name: &str) -> serde_json::Value {
    json!({"client-id": format!("id-{name}"), "client-secret": format!("secret-{name}")})
}
