//! Deletions without the API, without a key, without a connection.

use crate::support::{World, condition_of, credentials, message, ready, status};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use serde_json::json;

const WAY_OUT: &str = "deletionPolicy: Orphan";

/// Blocked, and told how to go on.
async fn blocked(world: &World, name: &str, why: &str) {
    let blocked = world.wait_says(name, "DeletionBlocked", why).await;
    assert_eq!(condition_of(&blocked, "Stalled").unwrap().0, "True");
    assert!(message(&blocked).contains(WAY_OUT), "{}", message(&blocked));
}

async fn orphan(world: &World, name: &str) {
    let policy = json!({"deletionPolicy": "Orphan"});
    world.edit_spec(name, policy).await;
    world.wait_gone::<ProviderAuthCredentials>(name).await;
}

#[tokio::test]
async fn a_deletion_waits_for_an_api_that_is_down_and_goes_on_when_it_is_back() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    world.sim.set_down(true);
    world.delete::<ProviderAuthCredentials>("github").await;
    let waiting = world.wait_reason("github", "RemoteUnavailable").await;
    assert_eq!(condition_of(&waiting, "Reconciling").unwrap().0, "True");
    assert_eq!(ready(&waiting).unwrap().0, "False");
    world.sim.set_down(false);
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn the_last_good_key_serves_when_its_secret_or_its_connection_goes_first() {
    let world = World::running().await;
    for name in ["first", "second"] {
        world.make(credentials(name)).await;
    }
    world.delete::<Secret>("metorial").await;
    world.wait_connection_of("default", "SecretNotFound").await;
    world.delete::<ProviderAuthCredentials>("first").await;
    world.wait_gone::<ProviderAuthCredentials>("first").await;
    assert_eq!(world.remote().len(), 1);

    let free = json!({"metadata": {"finalizers": null}});
    world.patch::<Connection>("default", free).await;
    world.delete::<Connection>("default").await;
    world.wait_gone::<Connection>("default").await;
    world.delete::<ProviderAuthCredentials>("second").await;
    world.wait_gone::<ProviderAuthCredentials>("second").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn a_deletion_with_a_revoked_key_is_blocked_and_goes_on_once_the_key_is_repaired() {
    let world = World::running().await;
    let made = world.make(credentials("github")).await;
    world.make(credentials("left")).await;
    world.sim.revoke_key(&world.key);
    for name in ["github", "left"] {
        world.delete::<ProviderAuthCredentials>(name).await;
        blocked(&world, name, "Unauthorized").await;
    }
    world.check_quiet().await;
    orphan(&world, "left").await;
    let fresh = world.sim.add_key(&world.instance);
    world.use_key(&fresh).await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_ne!(world.only_remote().id, status(&made).id.unwrap());
}

#[tokio::test]
async fn after_a_restart_without_a_key_a_deletion_is_blocked_and_told_the_way_out() {
    let mut world = World::running().await;
    world.make(credentials("github")).await;
    world.make(credentials("left")).await;
    world.stop_operator().await;
    world.delete::<Secret>("metorial").await;
    for name in ["github", "left"] {
        world.delete::<ProviderAuthCredentials>(name).await;
    }
    world.start_operator();
    for name in ["github", "left"] {
        blocked(&world, name, "SecretNotFound").await;
    }
    world.check_quiet().await;
    orphan(&world, "left").await;
    world.apply(world.key_secret()).await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.remote().len(), 1);
}

#[tokio::test]
async fn after_a_restart_without_a_connection_a_deletion_is_blocked_until_there_is_one_again() {
    let mut world = World::running().await;
    world.make(credentials("github")).await;
    world.wait_connection_of("default", "Synced").await;
    world.stop_operator().await;
    let free = json!({"metadata": {"finalizers": null}});
    world.patch::<Connection>("default", free).await;
    world.delete::<Connection>("default").await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.start_operator();
    blocked(&world, "github", "ConnectionNotFound").await;
    world.apply(world.connection()).await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}
