//! Configs and vaults whose value changes: the API can't change it, so another object takes the place of the former.

use super::kind::{Kind, resource};
use super::story::{Name, Story};
use serde_json::json;

const VAULT: Name = ("ProviderConfigVault", "it");
const USER: Name = ("ProviderConfig", "user");

async fn never(kind: Kind) {
    let mut story = Story::with(kind, json!({"replace": "Never"})).await;
    story.new_value(kind, "second").await;
    story.reach(kind.it(), "ImmutableFieldChanged").await;
    story.new_value(kind, "first").await;
    story.reach(kind.it(), "Synced").await;
    story.new_value(kind, "third").await;
    story.reach(kind.it(), "ImmutableFieldChanged").await;
    story.spec(kind.it(), json!({"replace": "Allow"})).await;
    story.reach(kind.it(), "Synced").await;
    story.end("replaced_never", kind.word()).await;
}

#[tokio::test]
async fn never_config() {
    never(Kind::Config).await;
}

#[tokio::test]
async fn never_vault() {
    never(Kind::Vault).await;
}

/// The former object stays for an hour, unless the resource is deleted.
async fn grace(kind: Kind) {
    let mut story = Story::with(kind, json!({"replaceGrace": "1h"})).await;
    story.new_value(kind, "second").await;
    story.reach_in_grace(kind.it(), "Synced", true).await;
    story.quiet().await;
    story.remove(kind.it()).await;
    story.gone(kind.it()).await;
    story.end("replaced_after_grace", kind.word()).await;
}

#[tokio::test]
async fn grace_config() {
    grace(Kind::Config).await;
}

#[tokio::test]
async fn grace_vault() {
    grace(Kind::Vault).await;
}

#[tokio::test]
async fn vault_with_a_config() {
    let mut story = Story::with(Kind::Vault, json!({})).await;
    let user = json!({"providerId": "postgres", "vaultRef": {"name": "it"}});
    story.apply(resource(USER, user)).await;
    story.reach(USER, "Synced").await;
    story.new_value(Kind::Vault, "second").await;
    story
        .wait(VAULT, "the former vault is deleted", |vault| {
            !vault["status"]["previousIds"].is_null()
                && vault["status"]["pendingDeletion"].is_null()
        })
        .await;
    story.quiet().await;
    story.remove(VAULT).await;
    story.reach(VAULT, "DeletionBlocked").await;
    story.quiet().await;
    story.remove(USER).await;
    story.gone(VAULT).await;
    story.end("with_a_config", "vault").await;
}

#[tokio::test]
async fn config_without_its_vault() {
    let mut story = Story::of_kinds().await;
    let user = json!({"providerId": "postgres", "vaultRef": {"name": "it"}});
    story.apply(resource(USER, user)).await;
    story.reach(USER, "ReferenceNotFound").await;
    story.apply(Kind::Vault.manifest(json!({}))).await;
    story.reach(USER, "Synced").await;
    story.end("without_its_vault", "config").await;
}
