//! AuthImport: one import for each change of a value.

use super::kind::{Kind, resource};
use super::story::{Name, Story};
use super::support::with;
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const IMPORT: Name = ("AuthImport", "import");
const IMPORTS: &str = "/provider-auth-config-imports";
const KIND: &str = "import";

/// Returns the manifest of an import of `next` of the Secret `values`.
fn import(target: Value) -> Value {
    let value =
        json!({"from": [{"pointer": "/token", "secretKeyRef": {"name": "values", "key": "next"}}]});
    resource(
        IMPORT,
        with(json!({"note": "moved", "value": value}), target),
    )
}

fn into_new() -> Value {
    json!({"providerId": "linear"})
}

fn into_ref() -> Value {
    json!({"authConfigRef": {"name": "it"}})
}

async fn begin() -> Story {
    let story = Story::of_kinds().await;
    story.rotate("values", "next", "second").await;
    story
}

/// Begins with an auth config whose value belongs to imports.
async fn begin_with_config() -> Story {
    let mut story = begin().await;
    let config = Kind::AuthConfig.manifest(json!({"valuePolicy": "Initial"}));
    story.apply(config).await;
    story.reach(Kind::AuthConfig.it(), "Synced").await;
    story
}

async fn imported(target: Value) -> Story {
    let mut story = begin_with_config().await;
    story.apply(import(target)).await;
    story.reach(IMPORT, "Synced").await;
    story.quiet().await;
    story
}

impl Story {
    async fn next(&self, text: &str) {
        self.rotate("values", "next", text).await;
    }
}

#[tokio::test]
async fn into_a_new_config() {
    let mut story = begin().await;
    story.apply(import(into_new())).await;
    story.reach(IMPORT, "Synced").await;
    story.next("third").await;
    story.reach(IMPORT, "Synced").await;
    story.remove(IMPORT).await;
    story.gone(IMPORT).await;
    story.end("into_a_new_config", KIND).await;
}

#[tokio::test]
async fn into_a_config_by_reference() {
    let mut story = imported(into_ref()).await;
    story.next("third").await;
    story.reach(IMPORT, "Synced").await;
    story.quiet().await;
    story.remove(IMPORT).await;
    story.gone(IMPORT).await;
    story.end("into_a_config_by_reference", KIND).await;
}

#[tokio::test]
async fn into_a_config_by_id() {
    let mut story = begin().await;
    let id = story.by_hand(Kind::AuthConfig, json!({})).await;
    story.apply(import(json!({"authConfigId": id}))).await;
    story.reach(IMPORT, "Synced").await;
    story.next("third").await;
    story.reach(IMPORT, "Synced").await;
    story.remove(IMPORT).await;
    story.gone(IMPORT).await;
    story.end("into_a_config_by_id", KIND).await;
}

#[tokio::test]
async fn once() {
    let once = with(into_ref(), json!({"when": "Once"}));
    let mut story = imported(once).await;
    story.next("third").await;
    story.quiet().await;
    story.request(IMPORT).await;
    story.spec(IMPORT, json!({"when": "OnChange"})).await;
    story.reach(IMPORT, "Synced").await;
    story.end("once", KIND).await;
}

#[tokio::test]
async fn target_changed() {
    let mut story = imported(into_ref()).await;
    let id = story.by_hand(Kind::AuthConfig, json!({})).await;
    story
        .spec(IMPORT, json!({"authConfigRef": null, "authConfigId": id}))
        .await;
    story.reach(IMPORT, "Synced").await;
    story.end("target_changed", KIND).await;
}

#[tokio::test]
async fn value_conflict() {
    let mut story = Story::with(Kind::AuthConfig, json!({})).await;
    story.next("second").await;
    story.apply(import(into_ref())).await;
    story.reach(IMPORT, "ValueConflict").await;
    story.quiet().await;
    story
        .spec(Kind::AuthConfig.it(), json!({"valuePolicy": "Initial"}))
        .await;
    story.reach(IMPORT, "Synced").await;
    story.end("value_conflict", KIND).await;
}

#[tokio::test]
async fn reference_missing() {
    let mut story = begin().await;
    story.apply(import(into_ref())).await;
    story.reach(IMPORT, "ReferenceNotFound").await;
    story
        .apply(Kind::AuthConfig.manifest(json!({"valuePolicy": "Initial"})))
        .await;
    story.reach(IMPORT, "Synced").await;
    story.end("reference_missing", KIND).await;
}

#[tokio::test]
async fn value_that_the_schema_refuses() {
    let mut story = begin().await;
    let value = json!({"literal": {"other": "text"}, "from": null});
    let spec = json!({"authMethodId": "linear-token", "value": value});
    story.apply(import(with(into_new(), spec))).await;
    story.reach(IMPORT, "InvalidValue").await;
    story
        .spec(
            IMPORT,
            json!({"value": {"literal": {"other": null, "token": "text"}}}),
        )
        .await;
    story.reach(IMPORT, "Synced").await;
    story.end("value_that_the_schema_refuses", KIND).await;
}

#[tokio::test]
async fn planned_and_approved() {
    let mut story = begin_with_config().await;
    story
        .apply(import(with(into_ref(), json!({"mode": "Plan"}))))
        .await;
    story.reach(IMPORT, "PlanPending").await;
    story.approve(IMPORT).await;
    story.reach(IMPORT, "Synced").await;
    story.end("planned_and_approved", KIND).await;
}

#[tokio::test]
async fn suspended_and_resumed() {
    let mut story = imported(into_ref()).await;
    story.spec(IMPORT, json!({"suspend": true})).await;
    story.reach(IMPORT, "Suspended").await;
    story.next("third").await;
    story.quiet().await;
    story.spec(IMPORT, json!({"suspend": null})).await;
    story.reach(IMPORT, "Synced").await;
    story.end("suspended_and_resumed", KIND).await;
}

#[tokio::test]
async fn new_config_deleted_as_orphan() {
    let mut story = begin().await;
    let orphan = json!({"deletionPolicy": "Orphan"});
    story.apply(import(with(into_new(), orphan))).await;
    story.reach(IMPORT, "Synced").await;
    story.remove(IMPORT).await;
    story.gone(IMPORT).await;
    story.end("new_config_deleted_as_orphan", KIND).await;
}

#[tokio::test]
async fn new_config_archived_and_recreated() {
    let mut story = begin().await;
    story.apply(import(into_new())).await;
    story.reach(IMPORT, "Synced").await;
    story.sim.archive(&story.id(IMPORT).await);
    story.request(IMPORT).await;
    story.end("new_config_archived_and_recreated", KIND).await;
}

#[tokio::test]
async fn config_by_id_archived() {
    let mut story = begin().await;
    let id = story.by_hand(Kind::AuthConfig, json!({})).await;
    story.apply(import(json!({"authConfigId": id}))).await;
    story.reach(IMPORT, "Synced").await;
    story.sim.archive(&id);
    story.request(IMPORT).await;
    story.end("config_by_id_archived", KIND).await;
}

#[tokio::test]
async fn ids_published() {
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    let story = imported(with(into_ref(), publish)).await;
    story.end("ids_published", KIND).await;
}

/// Runs a story whose import fails once.
async fn failing(target: Value, action: Action, name: &str) {
    let mut story = begin_with_config().await;
    let fault = Fault::on("POST", IMPORTS).times(1);
    story.sim.faults().add(fault, action);
    story.apply(import(target)).await;
    story.reach(IMPORT, "Synced").await;
    story.end(name, KIND).await;
}

#[tokio::test]
async fn unavailable() {
    let action = Action::error(500, "internal_server_error");
    failing(into_ref(), action, "unavailable").await;
}

#[tokio::test]
async fn answer_lost() {
    failing(into_ref(), Action::CloseAfterApply, "answer_lost").await;
}

#[tokio::test]
async fn answer_of_a_new_config_lost() {
    let lost = Action::CloseAfterApply;
    failing(into_new(), lost, "answer_of_a_new_config_lost").await;
}

#[tokio::test]
async fn rejected() {
    let mut story = begin_with_config().await;
    let action = Action::error(400, "invalid_data");
    story.sim.faults().add(Fault::on("POST", IMPORTS), action);
    story.apply(import(into_ref())).await;
    story.reach(IMPORT, "RemoteRejected").await;
    story.sim.faults().clear();
    story.next("third").await;
    story.reach(IMPORT, "Synced").await;
    story.end("rejected", KIND).await;
}

#[tokio::test]
async fn restarted() {
    let mut story = imported(into_ref()).await;
    story.restart().await;
    story.request(IMPORT).await;
    story.end("restarted", KIND).await;
}

/// The tag in the note shows which import was ours.
#[tokio::test]
async fn status_lost() {
    let mut story = imported(into_ref()).await;
    story.stop().await;
    story.lose_status(IMPORT).await;
    story.start(Duration::ZERO);
    story.reach(IMPORT, "Synced").await;
    story.end("status_lost", KIND).await;
}

#[tokio::test]
async fn rate_limited() {
    let action = Action::too_many_requests(Some("1"));
    failing(into_ref(), action, "rate_limited").await;
}

/// A person imports another value, which the operator leaves.
#[tokio::test]
async fn value_of_somebody_else() {
    let mut story = imported(into_ref()).await;
    let id = story.id(IMPORT).await;
    story.import_by_hand(&id, "theirs").await;
    story.request(IMPORT).await;
    story.end("value_of_somebody_else", KIND).await;
}
