//! Keys that are revoked, replaced, unusable.

use crate::support::{
    World, canary, condition_of, connection, credentials, is_ready, message, ready, with, word_of,
};
use serde_json::json;

#[tokio::test]
async fn a_revoked_key_stalls_the_connection_and_what_is_converged_stays_as_it_is() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let converged = world.wait_ready("github").await;
    let calm = with(
        credentials("calm"),
        json!({"spec": {"oauth": {"clientSecret": {"secretKeyRef": {"name": "other-app"}}}}}),
    );
    world
        .apply(crate::support::secret(
            "other-app",
            &[("client-secret", &canary("other"))],
        ))
        .await;
    world.apply(calm).await;
    let calm = world.wait_ready("calm").await;

    world.sim.revoke_key(&world.key);
    world.apply(credentials("late")).await;
    let connection = world.wait_connection_of("default", "Unauthorized").await;
    assert_eq!(word_of(&connection, "Stalled").unwrap().0, "True");
    assert!(word_of(&connection, "Reconciling").is_none());
    let late = world
        .wait_says("late", "ConnectionNotReady", "Unauthorized")
        .await;
    assert_eq!(condition_of(&late, "Reconciling").unwrap().0, "True");

    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    let waiting = world.wait_reason("github", "ConnectionNotReady").await;
    assert_eq!(ready(&waiting).unwrap().0, "False");
    assert_eq!(
        waiting.status.unwrap().common.id,
        converged.status.unwrap().common.id
    );
    world.check_unwritten(&calm).await;
    world.check_quiet().await;
    assert!(world.requests().len() < 20, "{:?}", world.requests());

    let fresh = world.sim.add_key(&world.instance);
    world.use_key(&fresh).await;
    world.wait_connection_of("default", "Synced").await;
    world.wait_ready("late").await;
    world
        .wait_for("github", "ready again", |github| {
            is_ready(github) && message(github).contains("these secret values")
        })
        .await;
    world.check_unwritten(&calm).await;
    world.check_oracles().await;
    world.check_no_leak(&[&fresh]).await;
}

#[tokio::test]
async fn a_revoked_key_that_nobody_uses_is_found_at_the_next_check_and_repaired_in_place() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    world.wait_connection_of("default", "Synced").await;

    world.sim.revoke_key(&world.key);
    let connection = world.look_at_connection("default").await;
    assert_eq!(word_of(&connection, "Ready").unwrap().1, "Unauthorized");
    let github = world.look_again("github").await;
    assert!(is_ready(&github));

    world.sim.restore_key(&world.key);
    let connection = world.look_at_connection("default").await;
    assert_eq!(word_of(&connection, "Ready").unwrap().1, "Synced");
    world.check_oracles().await;
}

#[tokio::test]
async fn a_key_that_can_never_work_is_refused_before_anything_is_sent() {
    let mut world = World::bare(Default::default()).await;
    let publishable = world.sim.add_publishable_key(&world.instance);
    let bad = [
        (publishable.clone(), "publishable"),
        (format!("{}\n", world.key), "line break"),
        (format!("{}\r\nX-Other: 1", world.key), "line break"),
        (format!(" {}", world.key), "blanks"),
        (format!("{}ä", world.key), "not visible ASCII"),
        (String::new(), "is empty"),
    ];
    world.apply(world.app_secret()).await;
    world.apply(world.key_secret()).await;
    world.use_key(&bad[0].0).await;
    world.apply(world.connection()).await;
    world.apply(credentials("github")).await;
    world.start_operator();
    for (key, says) in &bad {
        world.use_key(key).await;
        let refused = world
            .wait_for(
                "default",
                says,
                |c: &metorial_operator::resources::Connection| {
                    word_of(c, "Ready").is_some_and(|(_, reason, message)| {
                        reason == "InvalidValue" && message.contains(says)
                    })
                },
            )
            .await;
        let (_, _, message) = word_of(&refused, "Stalled").unwrap();
        assert!(message.contains("Secret/metorial/api-key"), "{message}");
        world
            .wait_says("github", "ConnectionNotReady", "InvalidValue")
            .await;
    }
    assert_eq!(world.requests(), [""; 0]);
    world.check_no_leak(&[&publishable, &world.key]).await;

    world.use_key(&world.key).await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn another_key_of_the_same_instance_is_taken_up_and_changes_nothing() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let before = world.wait_ready("github").await;
    world.wait_connection_of("default", "Synced").await;
    let writes = world.attempts();

    let fresh = world.sim.add_key(&world.instance);
    let asked = world.requests().len();
    world.use_key(&fresh).await;
    world
        .until("the new key was shown to the API", async || {
            (world.requests().len() > asked).then_some(())
        })
        .await;
    world.sim.revoke_key(&world.key);
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .wait_remote("the new secret, by the new key", |object| {
            object.write_only["client_secret"] == "rotated-0123456789"
        })
        .await;
    let after = world.wait_ready("github").await;
    assert_eq!(
        after.status.unwrap().common.id,
        before.status.unwrap().common.id
    );
    assert_eq!(world.attempts().len(), writes.len() + 1);
    world.wait_connection_of("default", "Synced").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_connection_names_the_secret_or_the_key_that_it_waits_for() {
    let mut world = World::bare(Default::default()).await;
    world.start_operator();
    world.apply(connection("default", &world.sim.url())).await;
    let waiting = world.wait_connection_of("default", "SecretNotFound").await;
    assert_eq!(word_of(&waiting, "Reconciling").unwrap().0, "True");
    assert!(word_of(&waiting, "Stalled").is_none());

    world
        .apply(crate::support::secret("metorial", &[("another", "x")]))
        .await;
    let waiting = world
        .wait_connection_of("default", "SecretKeyNotFound")
        .await;
    let (_, _, message) = word_of(&waiting, "Ready").unwrap();
    assert!(
        message.contains("metorial") && message.contains("api-key"),
        "{message}"
    );

    world.use_key(&world.key).await;
    let found = world.wait_connection_of("default", "Synced").await;
    let instance = found.status.unwrap().instance.unwrap();
    assert_eq!(instance.id, world.instance.as_str());
    assert_eq!(instance.type_.as_deref(), Some("production"));
    assert_eq!(
        instance.organization_id.as_deref(),
        Some(world.organisation.as_str())
    );
}
