//! What is left behind on purpose.

use crate::support::{Environment, Kind, credentials, with};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// Deletes ready credentials that are to be orphaned: they go, nothing is sent, and an event names the id.
async fn orphaned(env: &Environment, name: &str, id: &str) {
    let asked = env.requests();
    env.credentials(name).remove().await;
    assert_eq!(env.requests(), asked, "nothing is sent");
    assert_eq!(env.sim.object(id).unwrap().readable["status"], "active");
    let note = env.credentials(name).wait_event("Orphaned").await;
    assert!(note.contains(id), "{note}");
}

#[tokio::test]
async fn orphan_sends_nothing_and_works_without_the_api() {
    let env = Environment::running().await;
    let orphan = json!({"spec": {"deletionPolicy": "Orphan"}});
    let first = env.create(with(credentials("first"), orphan.clone())).await;
    let second = env.create(with(credentials("second"), orphan)).await;
    orphaned(&env, "first", &first.id()).await;
    env.sim.set_down(true);
    orphaned(&env, "second", &second.id()).await;
}

#[tokio::test]
async fn orphan_works_without_connection_and_key_after_a_restart() {
    let mut env = Environment::running().await;
    let orphan = json!({"spec": {"deletionPolicy": "Orphan"}});
    let made = env.create(with(credentials("github"), orphan)).await;
    env.connection("default").wait_reason("Synced").await;
    env.stop_operator().await;
    env.delete::<Secret>("metorial").await;
    let without = json!({"metadata": {"finalizers": null}});
    env.connection("default").patch(without).await;
    env.connection("default").remove().await;
    env.start_operator();
    orphaned(&env, "github", &made.id()).await;
}

#[tokio::test]
async fn a_connection_may_make_orphan_the_default_and_an_object_may_differ() {
    let env = Environment::running().await;
    let defaults = json!({"defaults": {"deletionPolicy": "Orphan"}});
    env.connection("default").edit(defaults).await;
    env.connection("default").wait_reason("Synced").await;
    let kept = env.create(credentials("kept")).await;
    let own = json!({"spec": {"deletionPolicy": "Delete"}});
    env.create(with(credentials("own"), own)).await;
    orphaned(&env, "kept", &kept.id()).await;
    env.credentials("own").remove().await;
    assert_eq!(env.only(Kind::Credentials).id, kept.id());
}

#[tokio::test]
async fn the_default_to_orphan_holds_while_the_connection_is_not_ready() {
    let mut env = Environment::running().await;
    let defaults = json!({"defaults": {"deletionPolicy": "Orphan"}});
    env.connection("default").edit(defaults).await;
    env.connection("default").wait_reason("Synced").await;
    let kept = env.create(credentials("kept")).await;
    env.stop_operator().await;
    env.sim.revoke_key(&env.key);
    env.start_operator();
    env.connection("default").wait_reason("Unauthorized").await;
    env.credentials("kept").remove().await;
    assert_eq!(env.only(Kind::Credentials).id, kept.id());
}
