//! A Secret whose value the operator knows, or finds in it, and that it writes again without another export.

use crate::support::{Environment, auth_config, export};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

const SECRET: &str = "linear-token";

impl Environment {
    /// An export of the value that reached its Secret.
    async fn held_in_secret(&self) {
        self.value("token", "canary-4712").await;
        self.apply(auth_config("linear")).await;
        self.create(export("worker", "linear", SECRET)).await;
        self.export("worker").wait_ready().await;
    }

    async fn delete_exported_secret(&self) {
        let secrets = self.api::<Secret>();
        let params = DeleteParams::default();
        secrets.delete(SECRET, &params).await.unwrap();
    }

    async fn patch_exported_secret(&self, patch: Value) {
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let secrets = self.api::<Secret>();
        secrets.patch(SECRET, &params, &patch).await.unwrap();
    }
}

#[tokio::test]
async fn a_secret_that_is_deleted_while_the_key_is_refused_gets_its_value_back() {
    let mut env = Environment::running().await;
    env.held_in_secret().await;
    env.sim.revoke_key(&env.key);
    env.connection("default").request_reconcile().await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.delete_exported_secret().await;
    env.wait_secret_text(SECRET, "token", "canary-4712").await;
    assert!(env.export("worker").get().await.is_ready());
    assert_eq!(env.exports().len(), 1);

    // Without the value there is nothing to write, which the status says.
    env.stop_operator().await;
    env.delete_exported_secret().await;
    env.start_operator();
    let worker = env.export("worker");
    worker.wait_reason("ConnectionNotReady").await;
    assert!(env.secret_text(SECRET, "token").await.is_none());
    let key = env.sim.add_key(&env.instance);
    env.use_key(&key).await;
    env.wait_secret_text(SECRET, "token", "canary-4712").await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 2);
    env.check_no_leak(&["canary-4712"]).await;
}

#[tokio::test]
async fn a_secret_that_gets_another_type_keeps_its_value_whatever_delays_its_deletion() {
    let mut env = Environment::running().await;
    env.held_in_secret().await;
    env.stop_operator().await;
    let held = json!({"metadata": {"finalizers": ["example.com/held"]}});
    env.patch_exported_secret(held).await;
    let form = json!({"secret": {"type": "example.com/token"}});
    env.export("worker").edit(form).await;
    env.start_operator();
    env.wait_for(SECRET, "being deleted", |secret: &Secret| {
        secret.metadata.deletion_timestamp.is_some()
    })
    .await;
    env.patch_exported_secret(json!({"metadata": {"finalizers": null}}))
        .await;
    env.wait_for(SECRET, "of another type", |secret: &Secret| {
        secret.type_.as_deref() == Some("example.com/token")
            && secret.metadata.deletion_timestamp.is_none()
            && secret.finalizers().is_empty()
    })
    .await;
    env.export("worker").wait_ready().await;
    let text = env.secret_text(SECRET, "token").await;
    assert_eq!(text.as_deref(), Some("canary-4712"));
    assert_eq!(env.exports().len(), 1);
    env.check_no_leak(&["canary-4712"]).await;
}

#[tokio::test]
async fn a_suspended_export_to_another_secret_is_not_ready_until_it_is_resumed() {
    let env = Environment::running().await;
    env.held_in_secret().await;
    let other = json!({"secret": {"name": "other-token"}, "suspend": true});
    env.export("worker").edit(other).await;
    let suspended = env.export("worker").wait_reason("Suspended").await;
    assert!(!suspended.is_ready(), "{}", suspended.message());
    assert!(env.secret_text("other-token", "token").await.is_none());
    let resumed = json!({"suspend": null});
    env.export("worker").edit(resumed).await;
    env.wait_secret_text("other-token", "token", "canary-4712")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 1);
}
