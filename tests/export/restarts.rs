//! Workloads that use an exported Secret are restarted once for each change of its content.

use crate::support::policies::NO_RESTARTS;
use crate::support::{Environment, Snapshot, WORKLOADS, auth_config, export, workload};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

fn all() -> Value {
    let workloads = WORKLOADS.map(|(kind, _)| json!({"kind": kind, "name": "worker"}));
    json!({"rolloutRestart": workloads})
}

/// An export of `first` that names these workloads.
async fn exported(env: &Environment, workloads: Value) {
    env.value("token", "first").await;
    env.create(auth_config("linear")).await;
    let manifest = export("worker", "linear", "linear-token").spec(workloads);
    env.create(manifest).await;
    env.wait_secret_text("linear-token", "token", "first").await;
}

/// Whether it is ready and no restart is pending.
fn is_settled(object: &Snapshot) -> bool {
    object.is_ready() && object.field("restartPendingFrom").is_null()
}

/// The content of the Secret, once the status records another one than this.
async fn recorded_after(env: &Environment, former: &str) -> String {
    let export = env.export("worker");
    let another = export.wait("another content", |it| {
        let content = it.field("secretFingerprint");
        content.is_string() && content != former
    });
    let shown = another.await;
    shown
        .field("secretFingerprint")
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn each_workload_is_restarted_once_for_each_changed_value_and_not_for_the_first() {
    let mut env = Environment::running().await;
    env.permit_restarts().await;
    for (kind, _) in WORKLOADS {
        env.apply(workload(kind, "worker")).await;
    }
    exported(&env, all()).await;
    env.export("worker").reconcile_now().await;
    for (kind, _) in WORKLOADS {
        assert_eq!(env.restarts(kind, "worker").await, (None, 0), "{kind}");
    }
    let first = recorded_after(&env, "").await;

    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    let held = recorded_after(&env, &first).await;
    env.export("worker").wait("restarted", is_settled).await;
    for (kind, _) in WORKLOADS {
        let restarted = env.restarts(kind, "worker").await;
        assert_eq!(restarted, (Some(held.clone()), 1), "{kind}");
    }

    // A renewal that brings the same value, a Secret that is written again and a restart of the operator are no reasons.
    env.delete::<Secret>("linear-token").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.restart_operator();
    env.export("worker").reconcile_now().await;
    env.delete::<Secret>("linear-token").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 3, "the value was not known any more");
    env.check_oracles().await;
    for (kind, _) in WORKLOADS {
        assert_eq!(env.restarts(kind, "worker").await.1, 1, "{kind}");
    }
    env.check_no_leak(&["second"]).await;
}

#[tokio::test]
async fn a_workload_that_is_missing_is_reported_and_restarted_once_it_is_there_without_another_export()
 {
    let env = Environment::running().await;
    env.permit_restarts().await;
    env.apply(workload("Deployment", "worker")).await;
    let missing = json!({"kind": "StatefulSet", "name": "late"});
    let both = json!([{"kind": "Deployment", "name": "worker"}, missing]);
    exported(&env, json!({"rolloutRestart": both})).await;
    let first = recorded_after(&env, "").await;
    env.value("token", "second").await;
    env.export("worker")
        .wait_message(
            "ReferenceNotFound",
            "StatefulSet late in spec.rolloutRestart",
        )
        .await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    let held = recorded_after(&env, &first).await;
    env.wait_restarted_for("Deployment", "worker", &held).await;
    env.apply(workload("StatefulSet", "late")).await;
    env.wait_restarted_for("StatefulSet", "late", &held).await;
    env.export("worker").wait("restarted", is_settled).await;
    assert_eq!(env.restarts("Deployment", "worker").await.1, 1, "once");
    assert_eq!(env.exports().len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_restart_that_a_policy_refuses_is_reported_without_advice_about_the_chart() {
    let env = Environment::running().await;
    env.permit_restarts().await;
    env.apply(workload("Deployment", "worker")).await;
    let worker = json!([{"kind": "Deployment", "name": "worker"}]);
    exported(&env, json!({"rolloutRestart": worker})).await;
    let refused = async |env: &Environment| {
        let annotations = json!({"annotations": {"probe": "x"}});
        let patch = json!({"spec": {"template": {"metadata": annotations}}});
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        let deployments = env.api::<Deployment>();
        let patch = Patch::Merge(patch);
        let tried = deployments.patch("worker", &params, &patch);
        tried.await.is_err()
    };
    env.refuse(NO_RESTARTS, refused).await;
    env.value("token", "second").await;
    let wanted = "refused to restart Deployment worker";
    let found = env
        .export("worker")
        .wait_message("InvalidSpec", wanted)
        .await;
    let message = found.message();
    assert!(!message.contains("rolloutRestart.enabled"), "{message}");
    env.refuse_no_longer(refused).await;
    env.export("worker").request_reconcile().await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.restarts("Deployment", "worker").await.1, 1);
}

#[tokio::test]
async fn a_restart_that_the_operator_has_no_right_to_is_reported_with_the_way_out() {
    let env = Environment::running().await;
    env.apply(workload("Deployment", "worker")).await;
    let worker = json!([{"kind": "Deployment", "name": "worker"}]);
    exported(&env, json!({"rolloutRestart": worker})).await;
    env.value("token", "second").await;
    env.export("worker")
        .wait_message("Forbidden", "set rolloutRestart.enabled: true")
        .await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    assert_eq!(env.restarts("Deployment", "worker").await, (None, 0));

    env.permit_restarts().await;
    env.until("it is restarted", async || {
        env.export("worker").request_reconcile().await;
        (env.restarts("Deployment", "worker").await.1 == 1).then_some(())
    })
    .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 2);
}

#[tokio::test]
async fn workloads_that_are_added_to_the_list_later_wait_for_the_next_change() {
    let env = Environment::running().await;
    env.permit_restarts().await;
    env.apply(workload("Deployment", "worker")).await;
    exported(&env, json!({})).await;
    let first = recorded_after(&env, "").await;
    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    let second = recorded_after(&env, &first).await;
    let worker = json!([{"kind": "Deployment", "name": "worker"}]);
    env.export("worker")
        .edit(json!({"rolloutRestart": worker}))
        .await;
    env.export("worker").wait_ready().await;
    env.check_quiet().await;
    assert_eq!(env.restarts("Deployment", "worker").await.1, 0);
    env.value("token", "third").await;
    env.wait_secret_text("linear-token", "token", "third").await;
    recorded_after(&env, &second).await;
    env.export("worker").wait("restarted", is_settled).await;
    assert_eq!(env.restarts("Deployment", "worker").await.1, 1);
}
