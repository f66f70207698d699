//! Exports where something is in the way: reads that lag, an API that fails or loses values, a Secret that Kubernetes
//! refuses.

use super::exports::export;
use super::scene::{auth_config, status};
use super::support::World;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{AuthExport, ProviderAuthConfig};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const LAG: Duration = Duration::from_secs(2);
const EXPORTS: &str = "/provider-auth-config-exports";

impl World {
    /// An export of `first` that reached its Secret.
    async fn exported_first(&self, extra: &Value) {
        self.value("token", "first").await;
        self.apply(auth_config("linear")).await;
        self.apply(export(extra)).await;
        self.ready::<AuthExport>("worker").await;
        self.wait_text("first").await;
    }

    /// Makes the operator look at the export, and waits until it has looked.
    async fn look_at_export(&self, asked: &str) {
        let ask =
            json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": asked}}});
        self.patch::<AuthExport>("worker", ask).await;
        self.wait_for("worker", "handled", |object: &AuthExport| {
            status(object).last_handled_reconcile_at.as_deref() == Some(asked)
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_comes_out_even_where_the_list_of_imports_is_behind() {
    let mut world = World::new().await;
    world.start_operator_settling(LAG * 2);
    world.exported_first(&json!({})).await;
    world.sim.set_read_lag(LAG);
    world.value("token", "second").await;
    world.wait_text("second").await;
    assert_eq!(world.exports().len(), 2);

    world
        .patch::<ProviderAuthConfig>("linear", json!({"spec": {"name": "another name"}}))
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
    world.look_at_export("1").await;
    let renamed = world
        .wait_for("linear", "renamed", |config: &ProviderAuthConfig| {
            status(config).remote_updated_at.is_some()
        })
        .await;
    let until = status(&renamed).remote_updated_at;
    world
        .wait_for("worker", "compared", |export: &AuthExport| {
            let export = export.status.as_ref().map(|status| &status.export);
            export.and_then(|export| export.auth_config_updated_at.clone()) == until
        })
        .await;
    assert_eq!(world.exports().len(), 2, "a changed name is no reason");
    world.check_quiet().await;
}

#[tokio::test]
async fn an_export_that_is_due_and_fails_is_not_ready() {
    let world = World::running().await;
    world.exported_first(&json!({})).await;
    let down = Action::error(500, "internal_server_error");
    let fault = Fault::on("POST", EXPORTS);
    let fault = world.sim.faults().add(fault, down);
    world.value("token", "second").await;
    world
        .reason::<AuthExport>("worker", "RemoteUnavailable")
        .await;
    world.sim.faults().remove(fault);
    world.ready::<AuthExport>("worker").await;
    world.wait_text("second").await;
}

#[tokio::test]
async fn a_secret_that_kubernetes_would_refuse_costs_no_export() {
    let world = World::running().await;
    world.value("token", "first").await;
    world.apply(auth_config("linear")).await;
    let tls = json!({"secret": {"type": "kubernetes.io/tls", "format": "Json"}});
    world.apply(export(&tls)).await;
    let said = world.reason::<AuthExport>("worker", "InvalidSpec").await;
    assert!(said.contains("tls.crt"), "{said}");
    let label = json!({"secret": {"labels": {"app": "no label!"}}});
    world.delete::<AuthExport>("worker").await;
    world.wait_gone::<AuthExport>("worker").await;
    world.apply(export(&label)).await;
    let said = world.reason::<AuthExport>("worker", "InvalidSpec").await;
    assert!(said.contains("metadata.labels"), "{said}");
    assert!(world.exports().is_empty());

    let label = json!({"spec": {"secret": {"labels": {"app": "worker"}}}});
    world.patch::<AuthExport>("worker", label).await;
    world.ready::<AuthExport>("worker").await;
    world.wait_text("first").await;
    world
        .patch::<Secret>("linear-token", json!({"immutable": true}))
        .await;
    world.value("token", "second").await;
    let said = world.reason::<AuthExport>("worker", "InvalidSpec").await;
    assert!(said.contains("immutable"), "{said}");
    assert_eq!(world.exports().len(), 1);
    world.delete::<Secret>("linear-token").await;
    world.wait_text("second").await;
    world.ready::<AuthExport>("worker").await;
    assert_eq!(world.exports().len(), 2);
}

#[tokio::test]
async fn a_value_that_the_secret_refuses_waits_in_memory_for_one_that_takes_it() {
    let world = World::running().await;
    world.value("token", "canary-0123").await;
    world.apply(auth_config("linear")).await;
    let tls = json!({"secret": {"type": "kubernetes.io/tls"}});
    world.apply(export(&tls)).await;
    let said = world.reason::<AuthExport>("worker", "InvalidSpec").await;
    assert!(said.contains("tls.crt"), "{said}");
    world.look_at_export("1").await;
    assert_eq!(world.exports().len(), 1);
    let plain = json!({"spec": {"secret": {"type": null}}});
    world.patch::<AuthExport>("worker", plain).await;
    world.ready::<AuthExport>("worker").await;
    world.wait_text("canary-0123").await;
    assert_eq!(world.exports().len(), 1, "the value was still known");
    world.check_no_leak(&["canary-0123"]).await;
}

#[tokio::test]
async fn an_export_whose_answer_has_no_value_leaves_the_secret_as_it_is() {
    let world = World::running().await;
    world.exported_first(&json!({})).await;
    let lose = Action::rewrite(|body| body["value"] = Value::Null);
    let fault = Fault::on("POST", EXPORTS);
    let fault = world.sim.faults().add(fault, lose);
    world.value("token", "second").await;
    let said = world.reason::<AuthExport>("worker", "RemoteRejected").await;
    assert!(said.contains("no value"), "{said}");
    world.wait_text("first").await;
    world
        .wait_for("worker", "counted", |export: &AuthExport| {
            let export = export.status.as_ref().map(|status| &status.export);
            let recent = export.and_then(|export| export.recent_exports.as_ref());
            recent.is_some_and(|recent| recent.len() == 2)
        })
        .await;
    world.check_quiet().await;
    world.sim.faults().remove(fault);
    world.look_at_export("1").await;
    world.wait_text("second").await;
    world.ready::<AuthExport>("worker").await;
    assert_eq!(world.exports().len(), 3);
}

#[tokio::test]
async fn an_edit_of_where_a_value_goes_is_brought_in_without_another_export() {
    let world = World::running().await;
    let labelled = json!({"secret": {"labels": {"old": "1"}, "annotations": {"old": "1"}}});
    world.exported_first(&labelled).await;
    let others = json!({"metadata": {"labels": {"theirs": "1"}}});
    world.patch::<Secret>("linear-token", others).await;
    let plain = json!({"spec": {"secret": {"labels": null, "annotations": null}}});
    world.patch::<AuthExport>("worker", plain).await;
    world
        .wait_for("linear-token", "without its label", |secret: &Secret| {
            let labels = secret.metadata.labels.as_ref().unwrap();
            let annotations = secret.metadata.annotations.as_ref().unwrap();
            labels.contains_key("theirs")
                && !labels.contains_key("old")
                && !annotations.contains_key("old")
        })
        .await;

    let json = json!({"spec": {"secret": {"format": "Json"}}});
    world.patch::<AuthExport>("worker", json).await;
    world
        .until("all of it under one key", async || {
            let text = world.text("value.json").await?;
            let value: Value = serde_json::from_str(&text).unwrap();
            (value == json!({"token": "first"})).then_some(())
        })
        .await;
    assert_eq!(world.text("token").await, None);

    let named = json!({"spec": {"secret": {"name": "another"}}});
    world.patch::<AuthExport>("worker", named).await;
    world
        .wait_for("another", "the value", |secret: &Secret| {
            secret.data.is_some()
        })
        .await;
    world.wait_gone::<Secret>("linear-token").await;
    world.ready::<AuthExport>("worker").await;
    assert_eq!(world.exports().len(), 1, "the value was still known");
    world.check_quiet().await;
}

#[tokio::test]
async fn after_a_restart_a_secret_that_was_edited_or_deleted_costs_one_export() {
    for deleted in [true, false] {
        let mut world = World::running().await;
        world.exported_first(&json!({})).await;
        world.kill_operator();
        world.start_operator();
        world.ready::<AuthExport>("worker").await;
        if deleted {
            world.delete::<Secret>("linear-token").await;
        } else {
            let edit = json!({"data": {"token": "eA=="}});
            world.patch::<Secret>("linear-token", edit).await;
        }
        world.wait_text("first").await;
        world.ready::<AuthExport>("worker").await;
        world.check_quiet().await;
        assert_eq!(world.exports().len(), 2, "deleted: {deleted}");
    }
}

#[tokio::test]
async fn once_brings_nothing_out_when_another_value_comes_in() {
    let world = World::running().await;
    world.exported_first(&json!({"when": "Once"})).await;
    world.value("token", "second").await;
    world
        .until("the import", async || {
            (world.imports().len() == 1).then_some(())
        })
        .await;
    world.look_at_export("1").await;
    assert_eq!(world.exports().len(), 1);
    world.wait_text("first").await;
}
