//! Connection, and what resources do while theirs is not ready.

use super::kind::Kind;
use super::story::{Name, Story};
use super::support::{connection, secret, with};
use metorial_operator::resources::APPROVE;
use metorial_simulator::{Action, Fault, InstanceType};
use serde_json::{Value, json};

const CONNECTION: Name = ("Connection", "default");
const USER: Name = Kind::AuthCredentials.it();
const KIND: &str = "connection";

/// Begins with a Connection, its credentials in place.
async fn in_use() -> Story {
    let mut story = Story::begin_without_connection().await;
    story.apply(story.key_secret()).await;
    story.apply(story.app_secret()).await;
    story.apply(story.default_connection()).await;
    story.reach(CONNECTION, "Synced").await;
    story.apply(Kind::AuthCredentials.manifest(json!({}))).await;
    story.reach(USER, "Synced").await;
    story.quiet().await;
    story
}

#[tokio::test]
async fn created_after_its_user() {
    let mut story = Story::begin_without_connection().await;
    story.apply(story.app_secret()).await;
    story.apply(Kind::AuthCredentials.manifest(json!({}))).await;
    story.reach(USER, "ConnectionNotFound").await;
    story.apply(story.default_connection()).await;
    story.reach(CONNECTION, "SecretNotFound").await;
    story.reach(USER, "ConnectionNotReady").await;
    story.apply(secret("metorial", &[("other", "text")])).await;
    story.reach(CONNECTION, "SecretKeyNotFound").await;
    story.quiet().await;
    story.apply(story.key_secret()).await;
    story.reach(CONNECTION, "Synced").await;
    story.reach(USER, "Synced").await;
    story.end("created_after_its_user", KIND).await;
}

#[tokio::test]
async fn key_revoked_and_replaced() {
    let mut story = in_use().await;
    story.sim.revoke_key(&story.key);
    story.request(CONNECTION).await;
    story.rotate("oauth-app", "client-secret", "rotated").await;
    story.reach(USER, "ConnectionNotReady").await;
    let key = story.sim.add_key(&story.instance);
    story.use_key(&key).await;
    story.reach(CONNECTION, "Synced").await;
    story.reach(USER, "Synced").await;
    story.end("key_revoked_and_replaced", KIND).await;
}

#[tokio::test]
async fn key_of_another_instance() {
    let mut story = in_use().await;
    let other = story
        .sim
        .add_instance(&story.organization, InstanceType::Development);
    let key = story.sim.add_key(&other);
    story.use_key(&key).await;
    story.reach(CONNECTION, "InstanceMismatch").await;
    story.quiet().await;
    story.use_key(&story.key).await;
    story.reach(CONNECTION, "Synced").await;
    story.end("key_of_another_instance", KIND).await;
}

#[tokio::test]
async fn deleted_while_in_use() {
    let mut story = in_use().await;
    story.remove(CONNECTION).await;
    story.reach(CONNECTION, "Deleting").await;
    story.remove(USER).await;
    story.gone(USER).await;
    story.gone(CONNECTION).await;
    story.end("deleted_while_in_use", KIND).await;
}

#[tokio::test]
async fn url_not_allowed() {
    let mut story = Story::begin_without_connection().await;
    story.apply(story.key_secret()).await;
    let elsewhere = json!({"spec": {"baseUrl": "https://example.com"}});
    story
        .apply(with(story.default_connection(), elsewhere))
        .await;
    story.reach(CONNECTION, "UrlNotAllowed").await;
    story.remove(CONNECTION).await;
    story.gone(CONNECTION).await;
    story.end("url_not_allowed", KIND).await;
}

#[tokio::test]
async fn instance_not_the_one_asked_for() {
    let mut story = Story::begin_without_connection().await;
    story.apply(story.key_secret()).await;
    let development = json!({"spec": {"instance": {"type": "development"}}});
    story
        .apply(with(story.default_connection(), development))
        .await;
    story.reach(CONNECTION, "InstanceMismatch").await;
    story
        .spec(CONNECTION, json!({"instance": {"type": "production"}}))
        .await;
    story.reach(CONNECTION, "Synced").await;
    story.end("instance_not_the_one_asked_for", KIND).await;
}

#[tokio::test]
async fn unavailable_at_first() {
    let mut story = Story::begin_without_connection().await;
    story.apply(story.key_secret()).await;
    let action = Action::error(500, "internal_server_error");
    story
        .sim
        .faults()
        .add(Fault::on("GET", "/instance").times(1), action);
    story.apply(story.default_connection()).await;
    story.reach(CONNECTION, "RemoteUnavailable").await;
    story.reach(CONNECTION, "Synced").await;
    story.end("unavailable_at_first", KIND).await;
}

#[tokio::test]
async fn deletion_blocked_by_a_revoked_key() {
    let mut story = in_use().await;
    story.sim.revoke_key(&story.key);
    story.request(CONNECTION).await;
    story.remove(USER).await;
    story.reach(USER, "DeletionBlocked").await;
    story.spec(USER, json!({"deletionPolicy": "Orphan"})).await;
    story.gone(USER).await;
    story.end("deletion_blocked_by_a_revoked_key", KIND).await;
}

#[tokio::test]
async fn key_that_the_api_does_not_know() {
    let mut story = Story::begin_without_connection().await;
    story
        .apply(secret("metorial", &[("api-key", "metorial_sk_unknown")]))
        .await;
    story.apply(story.default_connection()).await;
    story.reach(CONNECTION, "Unauthorized").await;
    story.use_key(&story.key).await;
    story.reach(CONNECTION, "Synced").await;
    story.end("key_that_the_api_does_not_know", KIND).await;
}

#[tokio::test]
async fn key_that_can_never_work() {
    let mut story = Story::begin_without_connection().await;
    let key = story.sim.add_publishable_key(&story.instance);
    story.apply(secret("metorial", &[("api-key", &key)])).await;
    story.apply(story.default_connection()).await;
    story.reach(CONNECTION, "InvalidValue").await;
    story.remove(CONNECTION).await;
    story.gone(CONNECTION).await;
    story.end("key_that_can_never_work", KIND).await;
}

#[tokio::test]
async fn another_key_of_the_same_instance() {
    let mut story = in_use().await;
    let key = story.sim.add_key(&story.instance);
    story.use_key(&key).await;
    story.quiet().await;
    story.rotate("oauth-app", "client-secret", "rotated").await;
    story.reach(USER, "Synced").await;
    story.end("another_key_of_the_same_instance", KIND).await;
}

#[tokio::test]
async fn user_moves_to_another_connection() {
    let mut story = in_use().await;
    let other = ("Connection", "other");
    story.apply(connection("other", &story.sim.url())).await;
    story.reach(other, "Synced").await;
    story
        .spec(USER, json!({"connectionRef": {"name": "other"}}))
        .await;
    story.reach(USER, "Synced").await;
    story.quiet().await;
    story.remove(CONNECTION).await;
    story.gone(CONNECTION).await;
    story.end("user_moves_to_another_connection", KIND).await;
}

#[tokio::test]
async fn user_moves_to_another_instance() {
    let mut story = in_use().await;
    let development = story
        .sim
        .add_instance(&story.organization, InstanceType::Development);
    let key = story.sim.add_key(&development);
    let other = ("Connection", "other");
    story.apply(secret("other", &[("api-key", &key)])).await;
    let apart = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "other"}}}});
    story
        .apply(with(connection("other", &story.sim.url()), apart))
        .await;
    story.reach(other, "Synced").await;
    story
        .spec(USER, json!({"connectionRef": {"name": "other"}}))
        .await;
    story.reach(USER, "InstanceMismatch").await;
    story.spec(USER, json!({"connectionRef": null})).await;
    story.reach(USER, "Synced").await;
    story.end("user_moves_to_another_instance", KIND).await;
}

#[tokio::test]
async fn more_than_half_of_the_objects_gone() {
    let mut story = in_use().await;
    let kind = USER.0;
    let all = [(kind, "it"), (kind, "second"), (kind, "third")];
    for name in &all[1..] {
        let mut manifest = Kind::AuthCredentials.manifest(json!({}));
        manifest["metadata"]["name"] = name.1.into();
        story.apply(manifest).await;
        story.reach(*name, "Synced").await;
    }
    story.quiet().await;
    for name in all {
        story.sim.archive(&story.id(name).await);
    }
    for name in all {
        story.request(name).await;
        story.quiet().await;
    }
    story.reach(CONNECTION, "SuspiciousLoss").await;
    let approve = json!({"metadata": {"annotations": {APPROVE: "recreate"}}});
    story.edit(CONNECTION, approve).await;
    for name in all {
        story.reach(name, "Synced").await;
    }
    let disarmed = |connection: &Value| connection["metadata"]["annotations"][APPROVE].is_null();
    story
        .wait(CONNECTION, "the approval is removed", disarmed)
        .await;
    story.end("more_than_half_of_the_objects_gone", KIND).await;
}
