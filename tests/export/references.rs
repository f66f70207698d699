//! Imports and exports follow their auth config to the one that takes its place, and may be deleted in any order with it.

use crate::support::{
    Environment, Kind, Manifest, auth_config, export, import_into, initial, part,
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

fn worker() -> Manifest {
    export("worker", "linear", "linear-token")
}

fn rotation() -> Manifest {
    import_into("rotation", "linear", "next")
}

/// An auth config and what refers to it, both ready.
async fn given(config: Manifest, other: Manifest) -> Environment {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.value("next", "second").await;
    env.apply(other.clone()).await;
    env.create(config).await;
    env.create(other).await;
    env
}

/// Somebody deletes the auth config at Metorial, and it is created again; returns the new id.
async fn created_again(env: &Environment) -> String {
    let former = env.auth_config("linear").get().await.id();
    assert!(env.sim.archive(&former));
    env.auth_config("linear").request_reconcile().await;
    let config = env.auth_config("linear");
    let again = config.wait("another id", |object| {
        object.status().id.is_some_and(|id| id != former)
    });
    again.await.id()
}

#[tokio::test]
async fn an_export_follows_its_auth_config_to_the_one_that_takes_its_place() {
    let env = given(auth_config("linear"), worker()).await;
    let id = created_again(&env).await;
    env.export("worker")
        .wait("the other id", |it| it.is_ready() && it.id() == id)
        .await;
    assert_eq!(env.exports().len(), 2, "one of each auth config");
    env.check_oracles().await;
}

#[tokio::test]
async fn an_import_follows_its_auth_config_to_the_one_that_takes_its_place() {
    let env = given(initial("linear"), rotation()).await;
    let id = created_again(&env).await;
    env.until("the value is in the other one", async || {
        let config = env.sim.object(&id)?;
        (config.write_only["value"]["token"] == "second").then_some(())
    })
    .await;
    env.import("rotation")
        .wait("the other id", |it| it.is_ready() && it.id() == id)
        .await;
    assert_eq!(env.imports().len(), 2, "one into each auth config");
    env.check_oracles().await;
}

#[tokio::test]
async fn an_auth_config_may_be_deleted_before_the_export_of_it() {
    let env = given(auth_config("linear"), worker()).await;
    env.sim.clear_journal();
    env.auth_config("linear").remove().await;
    assert!(env.live(Kind::AuthConfig).is_empty());
    env.export("worker").wait_reason("ReferenceNotFound").await;
    let secret = env.api::<Secret>().get_opt("linear-token").await.unwrap();
    assert!(secret.is_some(), "its users still have the value");
    env.export("worker").remove().await;
    let writes = env.writes();
    assert_eq!(writes.len(), 1, "one deletion and nothing else: {writes:?}");
}

#[tokio::test]
async fn an_auth_config_may_be_deleted_before_the_import_into_it() {
    let env = given(initial("linear"), rotation()).await;
    env.sim.clear_journal();
    env.auth_config("linear").remove().await;
    assert!(env.live(Kind::AuthConfig).is_empty());
    env.import("rotation")
        .wait_reason("ReferenceNotFound")
        .await;
    env.import("rotation").remove().await;
    let writes = env.writes();
    assert_eq!(writes.len(), 1, "one deletion and nothing else: {writes:?}");
}

#[tokio::test]
async fn an_export_moves_to_another_auth_config_when_its_spec_says_so() {
    let env = given(auth_config("linear"), worker()).await;
    env.value("other", "third").await;
    let other = json!({"value": {"from": [part("/token", "other")]}});
    env.create(auth_config("another").spec(other)).await;
    let moved = json!({"authConfigRef": {"name": "another"}});
    env.export("worker").edit(moved).await;
    env.wait_secret_text("linear-token", "token", "third").await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 2);
    env.check_oracles().await;
}
