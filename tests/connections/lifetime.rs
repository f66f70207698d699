//! Connections that come after their users, or go before them.

use crate::support::{World, connection, credentials, message, secret, status, with, word_of};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use metorial_operator::resources::{Connection, IN_USE_FINALIZER, ProviderAuthCredentials};
use serde_json::json;

#[tokio::test]
async fn a_connection_may_come_after_everything_that_uses_it() {
    let mut world = World::bare(Default::default()).await;
    world.apply(world.app_secret()).await;
    world.start_operator();
    world.apply(credentials("github")).await;
    let named = json!({"spec": {"connectionRef": {"name": "named"}}});
    world.apply(with(credentials("by-name"), named)).await;
    for (name, says) in [
        ("github", "Connection/default"),
        ("by-name", "Connection/named"),
    ] {
        let waiting = world.wait_reason(name, "ConnectionNotFound").await;
        assert!(message(&waiting).contains(says), "{}", message(&waiting));
        assert!(waiting.finalizers().is_empty(), "nothing is held yet");
    }

    world.apply(connection("named", &world.sim.url())).await;
    world
        .wait_says("by-name", "ConnectionNotReady", "SecretNotFound")
        .await;
    world.apply(world.key_secret()).await;
    world.wait_ready("by-name").await;
    world.apply(world.connection()).await;
    world.wait_ready("github").await;
    assert_eq!(world.writes().len(), 2);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_connection_that_is_deleted_while_in_use_serves_on_until_its_last_user_is_gone() {
    let world = World::running().await;
    for name in ["first", "second"] {
        world.apply(credentials(name)).await;
        world.wait_ready(name).await;
    }
    world.delete::<Connection>("default").await;
    let waiting = world.wait_connection_of("default", "Deleting").await;
    let (_, _, says) = word_of(&waiting, "Ready").unwrap();
    for part in ["2 resource(s)", "/first", "/second", &world.namespace] {
        assert!(says.contains(part), "{part}: {says}");
    }
    assert!(waiting.finalizers().contains(&IN_USE_FINALIZER.to_owned()));
    assert!(word_of(&waiting, "Stalled").is_none());

    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .until("it still serves", async || {
            let rotated = |o: &metorial_simulator::Stored| {
                o.write_only["client_secret"] == "rotated-0123456789"
            };
            world.remote().iter().all(rotated).then_some(())
        })
        .await;
    world.wait_ready("first").await;

    world.delete::<ProviderAuthCredentials>("first").await;
    world.wait_gone::<ProviderAuthCredentials>("first").await;
    world
        .wait_for("default", "one is left", |connection: &Connection| {
            word_of(connection, "Ready").is_some_and(|(_, _, says)| says.contains("1 resource(s)"))
        })
        .await;
    world.delete::<ProviderAuthCredentials>("second").await;
    world.wait_gone::<ProviderAuthCredentials>("second").await;
    world.wait_gone::<Connection>("default").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn a_connection_without_users_goes_at_once_even_if_its_key_is_gone() {
    let world = World::running().await;
    world.wait_connection_of("default", "Synced").await;
    world.delete::<Secret>("metorial").await;
    world.wait_connection_of("default", "SecretNotFound").await;
    world.delete::<Connection>("default").await;
    world.wait_gone::<Connection>("default").await;
}

#[tokio::test]
async fn a_connection_that_is_made_anew_under_its_name_takes_its_users_over() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let before = world.wait_ready("github").await;
    world.delete::<Connection>("default").await;
    world.wait_connection_of("default", "Deleting").await;
    // A person in a hurry takes the finalizer off.
    let without = json!({"metadata": {"finalizers": null}});
    world.patch::<Connection>("default", without).await;
    world.wait_gone::<Connection>("default").await;
    world.check_unwritten(&before).await;

    world
        .apply(secret(
            "new-key",
            &[("api-key", &world.sim.add_key(&world.instance))],
        ))
        .await;
    let other = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "new-key"}}}});
    world.apply(with(world.connection(), other)).await;
    world.wait_connection_of("default", "Synced").await;
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .wait_remote("the new secret", |o| {
            o.write_only["client_secret"] == "rotated-0123456789"
        })
        .await;
    let after = world.wait_ready("github").await;
    assert_eq!(status(&after).id, status(&before).id);
    world.check_oracles().await;
}
