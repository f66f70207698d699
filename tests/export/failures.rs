//! Exports that fail: reads that lag, an API that fails or loses values, a Secret that Kubernetes
//! refuses.

use crate::support::policies::NO_SECRET;
use crate::support::{Environment, Form, Given, Kind, Manifest, auth_config, export};
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const LAG: Duration = Duration::from_secs(2);

/// The export of `linear` into the Secret `linear-token`.
fn worker() -> Manifest {
    export("worker", "linear", "linear-token")
}

/// An export of `first` that reached its Secret.
async fn exported_first(env: &Environment, extra: Value) {
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    env.create(worker().spec(extra)).await;
    env.wait_secret_text("linear-token", "token", "first").await;
}

#[tokio::test]
async fn a_value_is_exported_even_where_the_list_of_imports_is_behind() {
    let mut env = Environment::new().await;
    env.start_operator_settling(LAG * 2);
    exported_first(&env, json!({})).await;
    env.sim.set_read_lag(LAG);
    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    assert_eq!(env.exports().len(), 2);

    env.auth_config("linear")
        .edit(json!({"name": "another name"}))
        .await;
    env.auth_config("linear").wait_ready().await;
    env.export("worker").reconcile_now().await;
    let renamed = env.auth_config("linear").wait_recorded().await;
    let until = renamed.field("remoteUpdatedAt");
    env.export("worker")
        .wait("compared", |export| {
            export.field("authConfigUpdatedAt") == until
        })
        .await;
    assert_eq!(env.exports().len(), 2, "a changed name is no reason");
    env.check_quiet().await;
}

#[tokio::test]
async fn another_name_that_kubernetes_refuses_leaves_the_former_secret_as_it_is() {
    let env = Environment::running().await;
    exported_first(&env, json!({})).await;
    let refused = async |env: &Environment| env.is_refused::<Secret>("refused").await;
    env.refuse(NO_SECRET, refused).await;
    let named = |name: &str| json!({"secret": {"name": name}});
    env.export("worker").edit(named("refused")).await;
    env.export("worker")
        .wait("why", |export| export.message().contains("Secret refused"))
        .await;
    let held = env.secret_text("linear-token", "token").await;
    assert_eq!(held.as_deref(), Some("first"));
    env.refuse_no_longer(refused).await;
    env.export("worker").request_reconcile().await;
    env.wait_secret_text("refused", "token", "first").await;
    env.wait_gone::<Secret>("linear-token").await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_export_that_is_due_and_fails_is_not_ready() {
    let env = Environment::running().await;
    exported_first(&env, json!({})).await;
    let down = Action::error(500, "internal_server_error");
    let fault = Fault::on("POST", Kind::Export.path());
    let fault = env.sim.faults().add(fault, down);
    env.value("token", "second").await;
    env.export("worker").wait_reason("Exporting").await;
    env.sim.faults().remove(fault);
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
}

#[tokio::test]
async fn a_secret_that_kubernetes_would_refuse_costs_no_export() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    let tls = json!({"secret": {"type": "kubernetes.io/tls", "format": "Json"}});
    env.apply(worker().spec(tls)).await;
    env.export("worker")
        .wait_message("InvalidSpec", "tls.crt")
        .await;
    let label = json!({"secret": {"labels": {"app": "no label!"}}});
    env.export("worker").remove().await;
    env.apply(worker().spec(label)).await;
    env.export("worker")
        .wait_message("InvalidSpec", "metadata.labels")
        .await;
    assert!(env.exports().is_empty());

    let label = json!({"secret": {"labels": {"app": "worker"}}});
    env.export("worker").edit(label).await;
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "first").await;
    env.patch::<Secret>("linear-token", json!({"immutable": true}))
        .await;
    env.value("token", "second").await;
    env.export("worker")
        .wait_message("InvalidSpec", "immutable")
        .await;
    assert_eq!(env.exports().len(), 1);
    env.delete::<Secret>("linear-token").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 2);
}

#[tokio::test]
async fn a_value_that_the_secret_refuses_waits_in_memory_for_one_that_takes_it() {
    let env = Environment::running().await;
    env.value("token", "canary-0123").await;
    env.apply(auth_config("linear")).await;
    let tls = json!({"secret": {"type": "kubernetes.io/tls"}});
    env.apply(worker().spec(tls)).await;
    env.export("worker")
        .wait_message("InvalidSpec", "tls.crt")
        .await;
    env.export("worker").reconcile_now().await;
    assert_eq!(env.exports().len(), 1);
    let plain = json!({"secret": {"type": null}});
    env.export("worker").edit(plain).await;
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "canary-0123")
        .await;
    assert_eq!(env.exports().len(), 1, "the value was still known");
    env.check_no_leak(&["canary-0123"]).await;
}

#[tokio::test]
async fn an_export_whose_answer_has_no_value_leaves_the_secret_as_it_is() {
    let env = Environment::running().await;
    exported_first(&env, json!({})).await;
    let lose = Action::rewrite(|body| body["value"] = Value::Null);
    let fault = Fault::on("POST", Kind::Export.path());
    let fault = env.sim.faults().add(fault, lose);
    // An auth config that records its value after the export has failed would be a reason to try once more.
    let suspend = async |suspend: bool| {
        let worker = env.export("worker");
        worker.edit(json!({"suspend": suspend})).await
    };
    suspend(true).await;
    env.export("worker").wait_reason("Suspended").await;
    let imported = env.auth_config("linear").get().await;
    env.value("token", "second").await;
    env.auth_config("linear")
        .wait("its value recorded", |config| {
            config.field("inputs") != imported.field("inputs") && config.reason() == "Synced"
        })
        .await;
    suspend(false).await;
    env.export("worker")
        .wait_message("RemoteRejected", "no value")
        .await;
    env.wait_secret_text("linear-token", "token", "first").await;
    env.export("worker")
        .wait("counted", |export| {
            let recent = export.field("recentExports").as_array();
            recent.is_some_and(|recent| recent.len() == 2)
        })
        .await;
    env.check_quiet().await;
    env.sim.faults().remove(fault);
    env.export("worker").reconcile_now().await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 3);
}

#[tokio::test]
async fn a_value_that_does_not_fit_into_a_secret_is_exported_once() {
    let mut scenario = Given::form(Form::Export).prepared().await;
    // Each text is as long as the operator itself admits.
    let texts = (0..11).map(|number| (format!("text{number}"), "é".repeat(95_000)));
    let value: BTreeMap<String, String> = texts.collect();
    assert!(scenario.sim.edit(&scenario.theirs, json!({"value": value})));
    scenario.start();
    scenario.apply_tested().await;
    for _ in 0..3 {
        scenario
            .tested()
            .wait_message("InvalidSpec", "does not fit into the Secret")
            .await;
        scenario.tested().reconcile_now().await;
    }
    scenario.check_quiet().await;
    assert_eq!(scenario.exports().len(), 1);
}

#[tokio::test]
async fn an_edit_of_the_target_is_applied_without_another_export() {
    let env = Environment::running().await;
    let labelled = json!({"secret": {"labels": {"old": "1"}, "annotations": {"old": "1"}}});
    exported_first(&env, labelled).await;
    let others = json!({"metadata": {"labels": {"theirs": "1"}}});
    env.patch::<Secret>("linear-token", others).await;
    let plain = json!({"secret": {"labels": null, "annotations": null}});
    env.export("worker").edit(plain).await;
    env.wait_for("linear-token", "without its label", |secret: &Secret| {
        let labels = secret.metadata.labels.as_ref().unwrap();
        let annotations = secret.metadata.annotations.as_ref().unwrap();
        labels.contains_key("theirs")
            && !labels.contains_key("old")
            && !annotations.contains_key("old")
    })
    .await;

    let json = json!({"secret": {"format": "Json"}});
    env.export("worker").edit(json).await;
    env.until("all of it under one key", async || {
        let text = env.secret_text("linear-token", "value.json").await?;
        let value: Value = serde_json::from_str(&text).unwrap();
        (value == json!({"token": "first"})).then_some(())
    })
    .await;
    assert_eq!(env.secret_text("linear-token", "token").await, None);

    let named = json!({"secret": {"name": "another"}});
    env.export("worker").edit(named).await;
    env.wait_for("another", "the value", |secret: &Secret| {
        secret.data.is_some()
    })
    .await;
    env.wait_gone::<Secret>("linear-token").await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 1, "the value was still known");
    env.check_quiet().await;
}

#[tokio::test]
async fn after_a_restart_a_secret_that_was_edited_or_deleted_costs_one_export() {
    for deleted in [true, false] {
        let mut env = Environment::running().await;
        exported_first(&env, json!({})).await;
        env.restart_operator();
        env.export("worker").wait_ready().await;
        if deleted {
            env.delete::<Secret>("linear-token").await;
        } else {
            let edit = json!({"data": {"token": "eA=="}});
            env.patch::<Secret>("linear-token", edit).await;
        }
        env.wait_secret_text("linear-token", "token", "first").await;
        env.export("worker").wait_ready().await;
        env.check_quiet().await;
        assert_eq!(env.exports().len(), 2, "deleted: {deleted}");
    }
}

#[tokio::test]
async fn once_exports_nothing_when_another_value_is_imported() {
    let env = Environment::running().await;
    exported_first(&env, json!({"when": "Once"})).await;
    env.value("token", "second").await;
    env.wait_imports(1).await;
    env.export("worker").reconcile_now().await;
    assert_eq!(env.exports().len(), 1);
    env.wait_secret_text("linear-token", "token", "first").await;
}
