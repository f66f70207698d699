//! The files of the quickstart may come in any order: what is there waits for what is still to come.

use crate::support::{Setup, World, each, example, ready};
use metorial_operator::resources::ProviderAuthCredentials;

const FILES: [&str; 3] = ["secret.yaml", "connection.yaml", "credentials.yaml"];
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// Applies a file as a user does who filled in the values.
async fn apply(world: &World, file: &str) {
    for manifest in example("quickstart", file) {
        world.apply(world.filled_in(manifest)).await;
    }
}

/// What is there tells what it waits for.
async fn wait_for_the_rest(world: &World, there: &[usize]) {
    let has = |file: usize| there.contains(&file);
    if has(1) {
        let reason = if has(0) { "Synced" } else { "SecretNotFound" };
        world.wait_connection(reason).await;
    }
    if has(2) {
        let reason = match has(0) {
            true => "ConnectionNotFound",
            false => "SecretNotFound",
        };
        world.wait_reason("github", reason).await;
    }
}

#[tokio::test]
async fn the_quickstart_converges_whatever_the_order_of_its_files() {
    each(ORDERS, async |order| {
        let mut world = World::bare(Setup::default()).await;
        world.start_operator();
        for place in 0..3 {
            apply(&world, FILES[order[place]]).await;
            if place < 2 {
                wait_for_the_rest(&world, &order[..=place]).await;
            }
        }
        let remote = world.wait_in_step("github").await;
        let scopes = remote.readable["scopes"].as_array().unwrap().len();
        assert_eq!((&remote.readable["name"], scopes), (&"github".into(), 2));
        assert_eq!(remote.write_only["client_secret"], world.client_secret);
        assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);
        world.check_finalizer("github").await;
        world.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_apply_of_the_quickstart_writes_nothing() {
    let mut world = World::bare(Setup::default()).await;
    world.start_operator();
    for file in FILES {
        apply(&world, file).await;
    }
    world.wait_in_step("github").await;
    let before: ProviderAuthCredentials = world.credentials("github").await;
    for file in FILES {
        apply(&world, file).await;
    }
    world.check_oracles().await;
    let after = world.credentials("github").await;
    assert_eq!(
        before.metadata.resource_version,
        after.metadata.resource_version
    );
    assert_eq!(ready(&before), ready(&after));
    assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);
}
