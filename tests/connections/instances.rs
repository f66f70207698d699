//! Keys and references that open another instance than the one that objects live in.

use crate::support::{
    World, condition_of, connection, credentials, is_ready, message, secret, status, with, word_of,
};
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use serde_json::json;

#[tokio::test]
async fn a_key_of_another_instance_creates_changes_and_deletes_nothing_there_or_here() {
    let world = World::running().await;
    for name in ["github", "doomed"] {
        world.apply(credentials(name)).await;
        world.wait_ready(name).await;
    }
    let before = world.credentials("github").await;
    let (there, key) = world.elsewhere();
    world.use_key(&key).await;
    let connection = world
        .wait_connection_of("default", "InstanceMismatch")
        .await;
    let (_, _, says) = word_of(&connection, "Stalled").unwrap();
    assert!(
        says.contains(there.as_str()) && says.contains(world.instance.as_str()),
        "{says}"
    );
    assert_eq!(
        connection.status.unwrap().instance.unwrap().id,
        world.instance.as_str()
    );
    world.check_unwritten(&before).await;
    let writes = world.attempts();

    world.apply(credentials("late")).await;
    world
        .wait_says("late", "ConnectionNotReady", "InstanceMismatch")
        .await;
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .wait_says("github", "ConnectionNotReady", "InstanceMismatch")
        .await;
    world.delete::<ProviderAuthCredentials>("doomed").await;
    world
        .wait_says("doomed", "DeletionBlocked", "InstanceMismatch")
        .await;
    world.check_quiet().await;
    assert_eq!(world.attempts(), writes);
    assert!(world.live_in(&there).is_empty());
    assert_eq!(world.remote().len(), 2);

    world.use_key(&world.key).await;
    world.wait_gone::<ProviderAuthCredentials>("doomed").await;
    world.wait_ready("late").await;
    world.wait_ready("github").await;
    assert!(world.live_in(&there).is_empty());
    world.check_oracles().await;
}

#[tokio::test]
async fn an_instance_stays_pinned_over_a_restart() {
    let mut world = World::running().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    world.stop_operator().await;
    let (there, key) = world.elsewhere();
    world.use_key(&key).await;
    let before = world.credentials("github").await;
    world.start_operator();
    world
        .wait_connection_of("default", "InstanceMismatch")
        .await;
    world.check_unwritten(&before).await;
    world.check_quiet().await;
    assert!(world.live_in(&there).is_empty());
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn spec_instance_refuses_every_other_instance() {
    let mut world = World::new().await;
    world.apply(credentials("github")).await;
    let guards = [
        json!({"instance": {"id": "ins_another"}}),
        json!({"instance": {"id": null, "type": "development"}}),
        json!({"instance": {"id": world.instance.as_str(), "type": "development"}}),
    ];
    world.edit_connection("default", guards[0].clone()).await;
    world.start_operator();
    for (guard, says) in guards.iter().zip([
        "spec.instance.id",
        "spec.instance.type",
        "spec.instance.type",
    ]) {
        world.edit_connection("default", guard.clone()).await;
        let refused = world
            .wait_connection_of("default", "InstanceMismatch")
            .await;
        let (_, _, message) = word_of(&refused, "Stalled").unwrap();
        assert!(message.contains(says), "{message}");
        assert!(
            refused.status.unwrap().instance.is_none(),
            "nothing is pinned"
        );
    }
    world
        .wait_says("github", "ConnectionNotReady", "InstanceMismatch")
        .await;
    assert!(world.attempts().is_empty());

    let right = json!({"instance": {"id": world.instance.as_str(), "type": "production"}});
    world.edit_connection("default", right).await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn an_object_that_refers_to_a_connection_of_another_instance_is_stalled_itself() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    let (there, key) = world.elsewhere();
    world.apply(secret("other-key", &[("api-key", &key)])).await;
    let other = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "other-key"}}}});
    world
        .apply(with(connection("other", &world.sim.url()), other))
        .await;
    world.wait_connection_of("other", "Synced").await;
    let writes = world.attempts();

    let through = |name: &str| json!({"spec": {"connectionRef": {"name": name}}});
    world
        .patch::<ProviderAuthCredentials>("github", through("other"))
        .await;
    let moved = world.wait_reason("github", "InstanceMismatch").await;
    assert_eq!(condition_of(&moved, "Stalled").unwrap().0, "True");
    let says = message(&moved);
    assert!(
        says.contains(there.as_str()) && says.contains(world.instance.as_str()),
        "{says}"
    );
    world.check_quiet().await;
    assert_eq!(world.attempts(), writes);

    world
        .patch::<ProviderAuthCredentials>("github", through("default"))
        .await;
    world.wait_ready("github").await;
    assert_eq!(world.attempts(), writes);

    // A deletion goes to where the object lives, whatever the spec says by then.
    world
        .patch::<ProviderAuthCredentials>("github", through("other"))
        .await;
    world.wait_reason("github", "InstanceMismatch").await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty() && world.live_in(&there).is_empty());
}

#[tokio::test]
async fn an_object_moves_to_another_connection_of_its_instance_and_lets_the_old_one_go() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let before = world.wait_ready("github").await;
    world.apply(connection("second", &world.sim.url())).await;
    world.wait_connection_of("second", "Synced").await;
    let writes = world.attempts();

    let through = json!({"spec": {"connectionRef": {"kind": "Connection", "name": "second"}}});
    world
        .patch::<ProviderAuthCredentials>("github", through)
        .await;
    let moved = world
        .wait_for("github", "in use through the second", |object| {
            is_ready(object) && status(object).connection.as_deref() == Some("Connection/second")
        })
        .await;
    assert_eq!(status(&moved).id, status(&before).id);
    assert_eq!(world.attempts(), writes);
    world.delete::<Connection>("default").await;
    world.wait_gone::<Connection>("default").await;
    world.check_oracles().await;
}
