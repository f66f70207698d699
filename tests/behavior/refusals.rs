//! Specs that the API refuses, and deletions that wait.

use super::kind::{Kind, resource};
use super::story::Story;
use super::support::with;
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
    story.reach(kind.it(), "InvalidSpec").await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("provider_unknown", kind.word()).await;
}

#[tokio::test]
async fn deployment_provider_unknown() {
    provider_unknown(Kind::Deployment, "providerId").await;
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

/// Begins the deletion of credentials that an end user authorized an auth config with.
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

#[tokio::test]
async fn credentials_from_a_config_map() {
    let kind = Kind::AuthCredentials;
    let mut story = Story::of_kinds().await;
    let id = json!({"secretKeyRef": null, "configMapKeyRef": {"name": "app", "key": "id"}});
    let mut manifest = kind.manifest(json!({}));
    manifest["spec"]["oauth"]["clientId"] = with(json!({}), id);
    story.apply(manifest).await;
    story.reach(kind.it(), "ConfigMapNotFound").await;
    let map = |id: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"id": id}});
    story.apply(map("Iv1.first")).await;
    story.reach(kind.it(), "Synced").await;
    story.apply(map("Iv1.second")).await;
    story.reach(kind.it(), "Synced").await;
    story.end("from_a_config_map", kind.word()).await;
}

/// A vault and a config that names it by its id at Metorial.
#[tokio::test]
async fn config_on_a_vault_by_id() {
    let kind = Kind::Config;
    let mut story = Story::of_kinds().await;
    let id = story.by_hand(Kind::Vault, json!({})).await;
    let spec = json!({"providerId": "postgres", "vaultId": id});
    story.apply(resource(kind.it(), spec)).await;
    story.reach(kind.it(), "Synced").await;
    let other = story.by_hand(Kind::Vault, json!({"name": "other"})).await;
    story.spec(kind.it(), json!({"vaultId": other})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("on_a_vault_by_id", kind.word()).await;
}
