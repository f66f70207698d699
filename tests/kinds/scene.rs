//! Manifests and verbs for these kinds.

use super::support::{World, with};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use metorial_operator::resources::{CommonStatus, condition};
use metorial_simulator::{Collection, Stored};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// A manifest of one of our kinds.
#[allow(
    clippy::needless_pass_by_value,
    reason = "a manifest is written where it is used"
)]
pub fn resource(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec
    })
}

/// A part of a composed value from the Secret `values`.
pub fn part(pointer: &str, key: &str) -> Value {
    json!({"pointer": pointer, "secretKeyRef": {"name": "values", "key": key}})
}

/// An auth config of Linear, whose token is in `values/token`.
pub fn auth_config(name: &str) -> Value {
    let spec =
        json!({"authMethodId": "linear-token", "value": {"from": [part("/token", "token")]}});
    resource("ProviderAuthConfig", name, spec)
}

/// The same, whose value belongs to imports once it is made.
pub fn initial(name: &str) -> Value {
    with(
        auth_config(name),
        json!({"spec": {"valuePolicy": "Initial"}}),
    )
}

/// A config of Postgres with a value of its own.
pub fn config(name: &str) -> Value {
    let value = json!({"literal": {"statementTimeoutMs": 1000}});
    resource(
        "ProviderConfig",
        name,
        json!({"providerId": "postgres", "value": value}),
    )
}

/// The shared status of an object of any kind.
pub fn status<K: Serialize>(object: &K) -> CommonStatus {
    let object = serde_json::to_value(object).unwrap();
    serde_json::from_value(object["status"].clone()).unwrap_or_default()
}

impl World {
    /// Waits until a resource of any kind is ready for its generation.
    pub async fn ready<K>(&self, name: &str) -> K
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Serialize
            + Debug,
    {
        self.wait_for(name, "ready", |object: &K| {
            let status = status(object);
            let ready = condition(status.conditions.as_deref(), "Ready");
            status.observed_generation == object.meta().generation
                && ready.is_some_and(|ready| ready.status == "True")
        })
        .await
    }

    /// Waits until a resource of any kind has a reason; answers its message.
    pub async fn reason<K>(&self, name: &str, reason: &str) -> String
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + DeserializeOwned
            + Serialize
            + Debug,
    {
        let object = self.wait_for(name, reason, |object: &K| {
            let status = status(object);
            let ready = condition(status.conditions.as_deref(), "Ready");
            ready.is_some_and(|ready| ready.reason == reason)
        });
        let status = status(&object.await);
        condition(status.conditions.as_deref(), "Ready")
            .unwrap()
            .message
            .clone()
    }

    /// The live objects of a collection.
    pub fn living(&self, collection: Collection) -> Vec<Stored> {
        let mut all = self.sim.objects(&self.instance, collection);
        all.retain(|object| {
            object.readable["status"] != "archived" && object.readable["status"] != "deleted"
        });
        all
    }

    /// Import records that were asked for, not those that a create leaves behind.
    pub fn imports(&self) -> Vec<Stored> {
        let mut all = self.sim.objects(&self.instance, Collection::AuthImports);
        all.retain(|import| !import.readable["note"].is_null());
        all
    }

    /// Makes or changes a key of the Secret `values`.
    pub async fn value(&self, key: &str, text: &str) {
        match self.api::<Secret>().get_opt("values").await.unwrap() {
            Some(_) => self.rotate("values", key, text).await,
            None => drop(
                self.apply(super::support::secret("values", &[(key, text)]))
                    .await,
            ),
        }
    }
}
