//! Somebody who changes what the operator writes, each time that it is written.

use crate::support::{Environment, Namespaced, auth_config, credentials, export};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A controller that writes its own content back whenever the object was written.
struct Rival {
    writes: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Rival {
    fn of<K: Namespaced + Send + Sync + 'static>(
        env: &Environment,
        name: &'static str,
        content: Value,
    ) -> Self {
        let writes = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(write_back(env.api::<K>(), name, content, writes.clone()));
        Self { writes, task }
    }

    fn stop(self) -> usize {
        self.task.abort();
        self.writes.load(Ordering::SeqCst)
    }
}

async fn write_back<K: Namespaced>(
    api: Api<K>,
    name: &'static str,
    content: Value,
    writes: Arc<AtomicUsize>,
) {
    let mut own = None;
    loop {
        let found = api.get_opt(name).await.unwrap();
        if let Some(found) = found.filter(|found| found.resource_version() != own) {
            let mut patch = content.clone();
            patch["metadata"] = json!({"resourceVersion": found.resource_version()});
            let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
            // A conflict is a write of the operator in between.
            if let Ok(written) = api.patch(name, &params, &patch).await {
                own = written.resource_version();
                writes.fetch_add(1, Ordering::SeqCst);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_secret_that_somebody_writes_back_each_time_is_stalled_and_not_fought_over() {
    let env = Environment::running().await;
    env.value("token", "canary-4711").await;
    env.apply(auth_config("linear")).await;
    env.create(export("worker", "linear", "linear-token")).await;
    let theirs = json!({"data": {"token": "dGhlaXJz"}});
    let rival = Rival::of::<Secret>(&env, "linear-token", theirs);
    let stalled = env
        .export("worker")
        .wait_message("SecretNotOwned", "linear-token")
        .await;
    assert_eq!(stalled.condition("Stalled").unwrap().status, "True");
    env.check_quiet().await;
    assert_eq!(rival.stop(), 4, "one after each write of the operator");
    assert_eq!(env.exports().len(), 1, "the value was known");
    assert_eq!(
        env.secret_text("linear-token", "token").await.as_deref(),
        Some("theirs")
    );

    env.export("worker").reconcile_now().await;
    env.wait_secret_text("linear-token", "token", "canary-4711")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 1);
    env.check_no_leak(&["canary-4711"]).await;
}

#[tokio::test]
async fn another_value_is_written_to_a_contested_secret_at_once() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    env.create(export("worker", "linear", "linear-token")).await;
    let theirs = json!({"data": {"token": "dGhlaXJz"}});
    let rival = Rival::of::<Secret>(&env, "linear-token", theirs);
    env.export("worker").wait_reason("SecretNotOwned").await;
    rival.stop();
    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 2);
}

#[tokio::test]
async fn a_config_map_that_somebody_writes_back_each_time_is_stalled_and_not_fought_over() {
    let env = Environment::running().await;
    let made = env.create(credentials("github").publishing("ids")).await;
    env.wait_for("ids", "published", |_: &ConfigMap| true).await;
    let rival = Rival::of::<ConfigMap>(&env, "ids", json!({"data": {"id": "theirs"}}));
    let stalled = env
        .credentials("github")
        .wait_message("OwnershipConflict", "ids")
        .await;
    assert_eq!(stalled.condition("Stalled").unwrap().status, "True");
    env.check_quiet().await;
    assert_eq!(rival.stop(), 4, "one after each write of the operator");

    env.credentials("github").reconcile_now().await;
    let healed = |map: &ConfigMap| map.data.as_ref().unwrap()["id"] == made.id();
    env.wait_for("ids", "healed", healed).await;
    env.credentials("github").wait_ready().await;
}
