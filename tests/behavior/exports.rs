//! AuthExport: one export for each due moment, into a Secret that belongs to the resource.

use super::kind::{Kind, resource};
use super::story::{Name, Story};
use super::support::{secret, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const EXPORT: Name = ("AuthExport", "export");
const CONFIG: Name = ("ProviderAuthConfig", "it");
const EXPORTS: &str = "/provider-auth-config-exports";
const KIND: &str = "export";

fn export(spec: Value) -> Value {
    let usual =
        json!({"note": "worker", "authConfigRef": {"name": "it"}, "secret": {"name": "exported"}});
    resource(EXPORT, with(usual, spec))
}

/// Begins with an auth config and an export of its value.
async fn exported(spec: Value) -> Story {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    story.apply(export(spec)).await;
    story.reach(EXPORT, "Synced").await;
    story
}

impl Story {
    /// Imports a new value into the auth config.
    async fn imported(&mut self, text: &str) {
        self.new_value(Kind::AuthConfig, text).await;
        self.reach(CONFIG, "Synced").await;
    }

    /// Waits until the export is gone, and the Secret, which Kubernetes removes for it.
    async fn gone_with_secret(&self) {
        self.gone(EXPORT).await;
        self.wait_gone::<Secret>("exported").await;
    }

    /// Waits until the Secret has this token.
    async fn wait_token(&self, text: &str) {
        self.wait_for("exported", "the token is there", |secret: &Secret| {
            let token = secret.data.as_ref().and_then(|data| data.get("token"));
            token.is_some_and(|token| token.0 == text.as_bytes())
        })
        .await;
    }
}

#[tokio::test]
async fn exported_renewed_and_deleted() {
    let mut story = exported(json!({})).await;
    story.imported("second").await;
    story.wait_token("second").await;
    story.quiet().await;
    story.remove(EXPORT).await;
    story.gone_with_secret().await;
    story.end("exported_renewed_and_deleted", KIND).await;
}

#[tokio::test]
async fn secret_deleted_and_edited() {
    let story = exported(json!({})).await;
    story.delete::<Secret>("exported").await;
    story.wait_token("first").await;
    story.quiet().await;
    story
        .patch::<Secret>(
            "exported",
            json!({"data": {"token": null, "other": "eA=="}}),
        )
        .await;
    story.wait_token("first").await;
    story.end("secret_deleted_and_edited", KIND).await;
}

#[tokio::test]
async fn secret_of_somebody_else() {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    story.apply(secret("exported", &[("theirs", "text")])).await;
    story.apply(export(json!({}))).await;
    story.reach(EXPORT, "SecretNotOwned").await;
    story.delete::<Secret>("exported").await;
    story.reach(EXPORT, "Synced").await;
    story.end("secret_of_somebody_else", KIND).await;
}

#[tokio::test]
async fn secret_that_kubernetes_refuses() {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    story
        .apply(export(json!({"secret": {"labels": {"app": "no label!"}}})))
        .await;
    story.reach(EXPORT, "InvalidSpec").await;
    story
        .spec(EXPORT, json!({"secret": {"labels": {"app": "worker"}}}))
        .await;
    story.reach(EXPORT, "Synced").await;
    story.end("secret_that_kubernetes_refuses", KIND).await;
}

#[tokio::test]
async fn secret_described_otherwise() {
    let described =
        json!({"labels": {"a": "1"}, "annotations": {"b": "2"}, "type": "example.com/one"});
    let mut story = exported(json!({"secret": described})).await;
    story
        .spec(
            EXPORT,
            json!({"secret": {"labels": null, "format": "Json"}}),
        )
        .await;
    story.reach(EXPORT, "Synced").await;
    story.quiet().await;
    story
        .spec(EXPORT, json!({"secret": {"type": "example.com/two"}}))
        .await;
    story.reach(EXPORT, "Synced").await;
    story.quiet().await;
    story
        .spec(EXPORT, json!({"secret": {"name": "another"}}))
        .await;
    story.reach(EXPORT, "Synced").await;
    story.end("secret_described_otherwise", KIND).await;
}

#[tokio::test]
async fn budget_spent() {
    let mut story = exported(json!({"maxPerDay": 1})).await;
    story.imported("second").await;
    story.reach(EXPORT, "ExportBudgetSpent").await;
    story.spec(EXPORT, json!({"maxPerDay": 2})).await;
    story.reach(EXPORT, "Synced").await;
    story.end("budget_spent", KIND).await;
}

#[tokio::test]
async fn once() {
    let mut story = exported(json!({"when": "Once"})).await;
    story.imported("second").await;
    story.quiet().await;
    story.request(EXPORT).await;
    story.end("once", KIND).await;
}

#[tokio::test]
async fn config_by_id() {
    let mut story = Story::of_kinds().await;
    let id = story.by_hand(Kind::AuthConfig, json!({})).await;
    story
        .apply(export(json!({"authConfigRef": null, "authConfigId": id})))
        .await;
    story.reach(EXPORT, "Synced").await;
    story.sim.archive(&id);
    story.request(EXPORT).await;
    story.remove(EXPORT).await;
    story.gone_with_secret().await;
    story.end("config_by_id", KIND).await;
}

#[tokio::test]
async fn reference_missing() {
    let mut story = Story::of_kinds().await;
    story.apply(export(json!({}))).await;
    story.reach(EXPORT, "ReferenceNotFound").await;
    story.apply(Kind::AuthConfig.manifest(json!({}))).await;
    story.reach(EXPORT, "Synced").await;
    story.end("reference_missing", KIND).await;
}

#[tokio::test]
async fn planned_and_approved() {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    story.apply(export(json!({"mode": "Plan"}))).await;
    story.reach(EXPORT, "PlanPending").await;
    story.approve(EXPORT).await;
    story.reach(EXPORT, "Synced").await;
    story.end("planned_and_approved", KIND).await;
}

#[tokio::test]
async fn suspended_and_resumed() {
    let mut story = exported(json!({})).await;
    story.spec(EXPORT, json!({"suspend": true})).await;
    story.reach(EXPORT, "Suspended").await;
    story.imported("second").await;
    story.quiet().await;
    story.spec(EXPORT, json!({"suspend": null})).await;
    story.reach(EXPORT, "Synced").await;
    story.end("suspended_and_resumed", KIND).await;
}

#[tokio::test]
async fn deleted_as_orphan() {
    let story = exported(json!({"deletionPolicy": "Orphan"})).await;
    story.remove(EXPORT).await;
    story.gone_with_secret().await;
    story.end("deleted_as_orphan", KIND).await;
}

#[tokio::test]
async fn ids_published() {
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    let story = exported(publish).await;
    story.end("ids_published", KIND).await;
}

/// Runs a story whose export fails once.
async fn failing(action: Action, name: &str) {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    let fault = Fault::on("POST", EXPORTS).times(1);
    story.sim.faults().add(fault, action);
    story.apply(export(json!({}))).await;
    story.reach(EXPORT, "Synced").await;
    story.end(name, KIND).await;
}

#[tokio::test]
async fn unavailable() {
    let action = Action::error(500, "internal_server_error");
    failing(action, "unavailable").await;
}

#[tokio::test]
async fn answer_lost() {
    failing(Action::CloseAfterApply, "answer_lost").await;
}

#[tokio::test]
async fn rejected() {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    let action = Action::error(400, "invalid_data");
    story.sim.faults().add(Fault::on("POST", EXPORTS), action);
    story.apply(export(json!({}))).await;
    story.reach(EXPORT, "RemoteRejected").await;
    story.sim.faults().clear();
    story.spec(EXPORT, json!({"note": "another worker"})).await;
    story.reach(EXPORT, "Synced").await;
    story.end("rejected", KIND).await;
}

#[tokio::test]
async fn restarted() {
    let mut story = exported(json!({})).await;
    story.restart().await;
    story.request(EXPORT).await;
    story.end("restarted", KIND).await;
}

/// The annotation of the Secret still shows what was exported.
#[tokio::test]
async fn status_lost() {
    let mut story = exported(json!({})).await;
    story.stop().await;
    story.lose_status(EXPORT).await;
    story.start(Duration::ZERO);
    story.reach(EXPORT, "Synced").await;
    story.end("status_lost", KIND).await;
}

/// A restarted operator has no copy of the value, so it needs another export.
#[tokio::test]
async fn secret_deleted_after_a_restart() {
    let mut story = exported(json!({})).await;
    story.restart().await;
    story.delete::<Secret>("exported").await;
    story.wait_token("first").await;
    story.end("secret_deleted_after_a_restart", KIND).await;
}

#[tokio::test]
async fn rate_limited() {
    let action = Action::too_many_requests(Some("1"));
    failing(action, "rate_limited").await;
}
