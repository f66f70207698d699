//! Specs that the API refuses, and deletions that wait.

use super::kind::Kind;
use super::story::Story;
use serde_json::json;

async fn refused_by_schema(kind: Kind) {
    let mut story = Story::of_kinds().await;
    let literal = json!({"value": {"literal": {"unknown": 1}}});
    story.apply(kind.manifest(literal)).await;
    story.reach(kind.it(), "InvalidValue").await;
    story
        .spec(kind.it(), json!({"value": {"literal": null}}))
        .await;
    story.reach(kind.it(), "Synced").await;
    story.end("refused_by_schema", kind.word()).await;
}

#[tokio::test]
async fn auth_config_refused_by_schema() {
    refused_by_schema(Kind::AuthConfig).await;
}

#[tokio::test]
async fn config_refused_by_schema() {
    refused_by_schema(Kind::Config).await;
}

#[tokio::test]
async fn vault_refused_by_schema() {
    refused_by_schema(Kind::Vault).await;
}

async fn provider_unknown(kind: Kind, field: &str) {
    let mut story = Story::of_kinds().await;
    story.apply(kind.manifest(json!({field: "unknown"}))).await;
    story.reach(kind.it(), "RemoteRejected").await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("provider_unknown", kind.word()).await;
}

#[tokio::test]
async fn credentials_provider_unknown() {
    provider_unknown(Kind::AuthCredentials, "providerId").await;
}

#[tokio::test]
async fn auth_config_method_unknown() {
    provider_unknown(Kind::AuthConfig, "authMethodId").await;
}

#[tokio::test]
async fn config_provider_unknown() {
    provider_unknown(Kind::Config, "providerId").await;
}

#[tokio::test]
async fn vault_provider_unknown() {
    provider_unknown(Kind::Vault, "providerId").await;
}

/// Credentials that an end user authorized an auth config with.
async fn deletion_blocked() -> Story {
    let kind = Kind::AuthCredentials;
    let mut story = Story::with(kind, json!({})).await;
    let id = story.id(kind.it()).await;
    story
        .sim
        .add_auth_config(&story.instance, &id, json!({"name": "person"}));
    story.remove(kind.it()).await;
    story.reach(kind.it(), "DeletionBlocked").await;
    story
}

#[tokio::test]
async fn deletion_blocked_until_cascade() {
    let (story, kind) = (deletion_blocked().await, Kind::AuthCredentials);
    story
        .spec(kind.it(), json!({"deletionPolicy": "Cascade"}))
        .await;
    story.gone(kind.it()).await;
    story
        .end("deletion_blocked_until_cascade", kind.word())
        .await;
}

#[tokio::test]
async fn deletion_blocked_until_orphan() {
    let (story, kind) = (deletion_blocked().await, Kind::AuthCredentials);
    story
        .spec(kind.it(), json!({"deletionPolicy": "Orphan"}))
        .await;
    story.gone(kind.it()).await;
    story
        .end("deletion_blocked_until_orphan", kind.word())
        .await;
}

#[tokio::test]
async fn authorized_by_an_end_user() {
    let app = Kind::AuthCredentials;
    let mut story = Story::with(app, json!({})).await;
    let id = story.id(app.it()).await;
    let id = story
        .sim
        .add_auth_config(&story.instance, &id, json!({"name": "person"}));
    let kind = Kind::AuthConfig;
    let adopt = json!({"adopt": {"id": id, "policy": "Override"}});
    story.apply(kind.manifest(adopt)).await;
    story.reach(kind.it(), "AdoptionMismatch").await;
    story.spec(kind.it(), json!({"mode": "Observe"})).await;
    story.reach(kind.it(), "Observed").await;
    story.end("authorized_by_an_end_user", kind.word()).await;
}
