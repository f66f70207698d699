//! The first story of the product: an OAuth app is declared and is there, its Secret changes and so does the app, the
//! resource is deleted and so is the app. The files of the quickstart may be applied in any order.

use crate::support::{Environment, Kind, Setup, credentials, each, example};

const FILES: [&str; 3] = ["secret.yaml", "connection.yaml", "credentials.yaml"];
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

#[tokio::test]
async fn an_oauth_app_is_created_changed_and_deleted_as_it_is_declared() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;

    let made = env.credentials("github").wait_ready().await;
    let remote = env.only(Kind::Credentials);
    assert_eq!(made.status().id.as_ref(), Some(&remote.id));
    assert_eq!(remote.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(remote.write_only["client_secret"], env.client_secret);
    assert_eq!(remote.readable["name"], "github");
    env.credentials("github").check_finalizer().await;
    assert_eq!(env.writes(), ["POST /provider-auth-credentials"]);

    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_only(Kind::Credentials, "the new secret is there", |o| {
        o.write_only["client_secret"] == "rotated-0123456789"
    })
    .await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;

    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

/// Applies a file as a user does who filled in the values.
async fn apply(env: &Environment, file: &str) {
    for manifest in example("quickstart", file) {
        env.apply(env.filled_in(manifest)).await;
    }
}

/// What is there says what it waits for.
async fn wait_for_the_rest(env: &Environment, there: &[usize]) {
    let has = |file: usize| there.contains(&file);
    if has(1) {
        let reason = if has(0) { "Synced" } else { "SecretNotFound" };
        env.connection("default").wait_reason(reason).await;
    }
    if has(2) {
        let reason = match has(0) {
            true => "ConnectionNotFound",
            false => "SecretNotFound",
        };
        env.credentials("github").wait_reason(reason).await;
    }
}

#[tokio::test]
async fn the_quickstart_converges_whatever_the_order_of_its_files() {
    each(ORDERS, async |order| {
        let mut env = Environment::bare(Setup::default()).await;
        env.start_operator();
        for place in 0..3 {
            apply(&env, FILES[order[place]]).await;
            if place < 2 {
                wait_for_the_rest(&env, &order[..=place]).await;
            }
        }
        let remote = env.credentials("github").wait_synced().await;
        let scopes = remote.readable["scopes"].as_array().unwrap().len();
        assert_eq!((&remote.readable["name"], scopes), (&"github".into(), 2));
        assert_eq!(remote.write_only["client_secret"], env.client_secret);
        assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
        env.credentials("github").check_finalizer().await;
        env.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_second_apply_of_the_quickstart_writes_nothing() {
    let mut env = Environment::bare(Setup::default()).await;
    env.start_operator();
    for file in FILES {
        apply(&env, file).await;
    }
    env.credentials("github").wait_synced().await;
    let before = env.credentials("github").get().await;
    for file in FILES {
        apply(&env, file).await;
    }
    env.check_oracles().await;
    let after = env.credentials("github").get().await;
    assert_eq!(
        before.metadata.resource_version,
        after.metadata.resource_version
    );
    assert_eq!(before.ready(), after.ready());
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
}
