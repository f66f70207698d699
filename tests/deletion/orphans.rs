//! What is left behind on purpose.

use crate::support::{World, credentials, status, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use serde_json::json;

/// Deletes ready credentials that are to be orphaned: they go, nothing is sent, and an event names the id.
async fn orphaned(world: &World, name: &str, id: &str) {
    let asked = world.requests();
    world.delete::<ProviderAuthCredentials>(name).await;
    world.wait_gone::<ProviderAuthCredentials>(name).await;
    assert_eq!(world.requests(), asked, "nothing is sent");
    assert_eq!(world.sim.object(id).unwrap().readable["status"], "active");
    assert!(world.events(name).await.contains(&"Orphaned".to_owned()));
}

#[tokio::test]
async fn orphan_sends_nothing_and_works_without_the_api() {
    let world = World::running().await;
    let orphan = json!({"spec": {"deletionPolicy": "Orphan"}});
    let first = world.make(with(credentials("first"), orphan.clone())).await;
    let second = world.make(with(credentials("second"), orphan)).await;
    orphaned(&world, "first", &status(&first).id.unwrap()).await;
    world.sim.set_down(true);
    orphaned(&world, "second", &status(&second).id.unwrap()).await;
}

#[tokio::test]
async fn orphan_works_when_connection_and_key_are_gone_and_nobody_remembers_them() {
    let mut world = World::running().await;
    let orphan = json!({"spec": {"deletionPolicy": "Orphan"}});
    let made = world.make(with(credentials("github"), orphan)).await;
    world.wait_connection_of("default", "Synced").await;
    world.stop_operator().await;
    world.delete::<Secret>("metorial").await;
    let without = json!({"metadata": {"finalizers": null}});
    world.patch::<Connection>("default", without).await;
    world.delete::<Connection>("default").await;
    world.wait_gone::<Connection>("default").await;
    world.start_operator();
    orphaned(&world, "github", &status(&made).id.unwrap()).await;
}

#[tokio::test]
async fn a_connection_may_make_orphan_the_default_and_an_object_may_differ() {
    let world = World::running().await;
    let defaults = json!({"defaults": {"deletionPolicy": "Orphan"}});
    world.edit_connection("default", defaults).await;
    world.wait_connection_of("default", "Synced").await;
    let kept = world.make(credentials("kept")).await;
    let own = json!({"spec": {"deletionPolicy": "Delete"}});
    world.make(with(credentials("own"), own)).await;
    orphaned(&world, "kept", &status(&kept).id.unwrap()).await;
    world.delete::<ProviderAuthCredentials>("own").await;
    world.wait_gone::<ProviderAuthCredentials>("own").await;
    assert_eq!(world.only_remote().id, status(&kept).id.unwrap());
}

#[tokio::test]
async fn the_default_to_orphan_holds_while_the_connection_is_in_trouble() {
    let mut world = World::running().await;
    let defaults = json!({"defaults": {"deletionPolicy": "Orphan"}});
    world.edit_connection("default", defaults).await;
    world.wait_connection_of("default", "Synced").await;
    let kept = world.make(credentials("kept")).await;
    world.stop_operator().await;
    world.sim.revoke_key(&world.key);
    world.start_operator();
    world.wait_connection_of("default", "Unauthorized").await;
    world.delete::<ProviderAuthCredentials>("kept").await;
    world.wait_gone::<ProviderAuthCredentials>("kept").await;
    assert_eq!(world.only_remote().id, status(&kept).id.unwrap());
}
