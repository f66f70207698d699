//! The kinds that stand for values, records and Secrets, in one story that several tests tell.

use crate::support::{Environment, secret, with};
use k8s_openapi::api::core::v1::Secret;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use metorial_operator::resources::{CommonStatus, condition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;

/// A manifest of one of our kinds.
pub fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec
    })
}

/// A value whose token is `token` in the Secret `values`.
pub fn token() -> Value {
    let reference = json!({"name": "values", "key": "token"});
    json!({"from": [{"pointer": "/token", "secretKeyRef": reference}]})
}

/// An auth config of Linear with that token.
pub fn auth_config(name: &str) -> Value {
    let spec = json!({"authMethodId": "linear-token", "value": token()});
    resource("ProviderAuthConfig", name, &spec)
}

/// An import of that token into an auth config of this namespace.
pub fn import(name: &str, into: &str) -> Value {
    let spec = json!({"note": "moved", "authConfigRef": {"name": into}, "value": token()});
    resource("AuthImport", name, &spec)
}

/// An export out of an auth config of this namespace, into a Secret of the export's name.
pub fn export(name: &str, out_of: &str) -> Value {
    let target = json!({"name": name});
    let spec = json!({"note": "used", "authConfigRef": {"name": out_of}, "secret": target});
    resource("AuthExport", name, &spec)
}

/// A config of Postgres.
pub fn config(name: &str, change: &Value) -> Value {
    let manifest = resource("ProviderConfig", name, &json!({"providerId": "postgres"}));
    manifest.spec(change)
}

/// A value of Postgres' config.
pub fn settings(timeout: u64) -> Value {
    json!({"literal": {"statementTimeoutMs": timeout}})
}

impl Environment {
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
            let status = serde_json::to_value(object).unwrap()["status"].clone();
            let status: CommonStatus = serde_json::from_value(status).unwrap_or_default();
            let ready = condition(status.conditions.as_deref(), "Ready");
            status.observed_generation == object.meta().generation
                && ready.is_some_and(|ready| ready.status == "True")
        })
        .await
    }

    /// Makes the Secret `values` with this token.
    pub async fn apply_token(&self, token: &str) {
        self.apply(secret("values", &[("token", token)])).await;
    }

    /// Waits until the export's Secret has this token.
    pub async fn wait_token(&self, name: &str, token: &str) {
        let has = |secret: &Secret| {
            let bytes = secret.data.as_ref().and_then(|data| data.get("token"));
            bytes.is_some_and(|bytes| bytes.0 == token.as_bytes())
        };
        self.wait_for(name, "the token is in it", has).await;
    }

    /// A config whose value comes and goes by imports and exports, and one on a vault; all of them ready, then changed.
    pub async fn make_values(&self) {
        self.apply_token("first-0123456789").await;
        let initial = json!({"spec": {"valuePolicy": "Initial"}});
        self.apply(with(auth_config("linear"), initial)).await;
        self.auth_config("linear").wait_ready().await;
        self.apply(import("moved", "linear")).await;
        self.apply(export("used", "linear")).await;
        let vault = json!({"providerId": "postgres", "value": settings(1000)});
        self.apply(resource("ProviderConfigVault", "vault", &vault))
            .await;
        self.apply(config("db", &json!({"vaultRef": {"name": "vault"}})))
            .await;
        self.import("moved").wait_ready().await;
        self.export("used").wait_ready().await;
        self.wait_token("used", "first-0123456789").await;
        self.vault("vault").wait_ready().await;
        self.config("db").wait_ready().await;

        let edited = json!({"stringData": {"token": "theirs"}});
        self.patch::<Secret>("used", edited).await;
        self.wait_token("used", "first-0123456789").await;
        let other_type = json!({"spec": {"secret": {"type": "example.com/token"}}});
        self.apply(with(export("used", "linear"), other_type)).await;
        let typed = |secret: &Secret| secret.type_.as_deref() == Some("example.com/token");
        self.wait_for("used", "made again", typed).await;
        self.export("used").wait_ready().await;
    }

    /// Deletes all of them, and waits until they are gone.
    pub async fn delete_values(&self) {
        self.export("used").delete().await;
        self.import("moved").delete().await;
        self.auth_config("linear").delete().await;
        self.config("db").delete().await;
        self.vault("vault").delete().await;
        self.export("used").wait_gone().await;
        self.import("moved").wait_gone().await;
        self.auth_config("linear").wait_gone().await;
        self.config("db").wait_gone().await;
        self.vault("vault").wait_gone().await;
    }
}
