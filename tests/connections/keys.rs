//! Keys that are revoked, replaced, unusable.

use crate::support::{Environment, Kind, canary, connection, credentials, secret};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_revoked_key_stalls_the_connection_and_ready_resources_stay_ready() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let converged = env.credentials("github").wait_ready().await;
    let calm = credentials("calm")
        .spec(json!({"oauth": {"clientSecret": {"secretKeyRef": {"name": "other-app"}}}}));
    env.apply(secret("other-app", &[("client-secret", &canary("other"))]))
        .await;
    env.apply(calm).await;
    let calm = env.credentials("calm").wait_ready().await;

    env.sim.revoke_key(&env.key);
    env.apply(credentials("late")).await;
    let connection = env.connection("default").wait_reason("Unauthorized").await;
    assert_eq!(connection.condition("Stalled").unwrap().status, "True");
    assert!(connection.condition("Reconciling").is_none());
    let late = env
        .credentials("late")
        .wait_message("ConnectionNotReady", "Unauthorized")
        .await;
    assert_eq!(late.condition("Reconciling").unwrap().status, "True");

    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    let waiting = env
        .credentials("github")
        .wait_reason("ConnectionNotReady")
        .await;
    assert_eq!(waiting.ready().status, "False");
    assert_eq!(waiting.status().id, converged.status().id);
    env.check_unwritten(&calm).await;
    env.check_quiet().await;
    assert!(env.requests().len() < 20, "{:?}", env.requests());

    let fresh = env.sim.add_key(&env.instance);
    env.use_key(&fresh).await;
    env.connection("default").wait_reason("Synced").await;
    env.credentials("late").wait_ready().await;
    env.credentials("github")
        .wait("ready again", |github| {
            github.is_ready() && github.message().contains("these secret values")
        })
        .await;
    env.check_unwritten(&calm).await;
    env.check_oracles().await;
    env.check_no_leak(&[&fresh]).await;
}

#[tokio::test]
async fn a_revoked_key_that_nobody_uses_is_found_at_the_next_check_and_may_be_restored() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    env.connection("default").wait_reason("Synced").await;

    env.sim.revoke_key(&env.key);
    let connection = env.connection("default").reconcile_now().await;
    assert_eq!(
        connection.condition("Ready").unwrap().reason,
        "Unauthorized"
    );
    let github = env.credentials("github").reconcile_now().await;
    assert!(github.is_ready());

    env.sim.restore_key(&env.key);
    let connection = env.connection("default").reconcile_now().await;
    assert_eq!(connection.condition("Ready").unwrap().reason, "Synced");
    env.check_oracles().await;
}

#[tokio::test]
async fn a_key_that_can_never_work_is_refused_before_anything_is_sent() {
    let mut env = Environment::bare(Default::default()).await;
    let publishable = env.sim.add_publishable_key(&env.instance);
    let bad = [
        (publishable.clone(), "publishable"),
        (format!("{}\n", env.key), "line break"),
        (format!("{}\r\nX-Other: 1", env.key), "line break"),
        (format!(" {}", env.key), "without spaces"),
        (format!("{}ä", env.key), "not visible ASCII"),
        (String::new(), "is empty"),
    ];
    env.apply(env.app_secret()).await;
    env.apply(env.key_secret()).await;
    env.use_key(&bad[0].0).await;
    env.apply(env.default_connection()).await;
    env.apply(credentials("github")).await;
    env.start_operator();
    for (key, says) in &bad {
        env.use_key(key).await;
        let default = env.connection("default");
        let refused = default.wait_message("InvalidValue", says).await;
        let message = refused.condition("Stalled").unwrap().message;
        assert!(message.contains("Secret/metorial/api-key"), "{message}");
        env.credentials("github")
            .wait_message("ConnectionNotReady", "InvalidValue")
            .await;
    }
    assert_eq!(env.requests(), [""; 0]);
    env.check_no_leak(&[&publishable, &env.key]).await;

    env.use_key(&env.key).await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn another_key_of_the_same_instance_is_used_and_changes_nothing() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let before = env.credentials("github").wait_ready().await;
    env.connection("default").wait_reason("Synced").await;
    let writes = env.attempts();

    let fresh = env.sim.add_key(&env.instance);
    let asked = env.requests().len();
    env.use_key(&fresh).await;
    env.until("the new key was shown to the API", async || {
        (env.requests().len() > asked).then_some(())
    })
    .await;
    env.sim.revoke_key(&env.key);
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_only(
        Kind::Credentials,
        "the new secret, by the new key",
        |object| object.write_only["client_secret"] == "rotated-0123456789",
    )
    .await;
    let after = env.credentials("github").wait_ready().await;
    assert_eq!(after.status().id, before.status().id);
    assert_eq!(env.attempts().len(), writes.len() + 1);
    env.connection("default").wait_reason("Synced").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_connection_names_the_secret_or_the_key_that_it_waits_for() {
    let mut env = Environment::bare(Default::default()).await;
    env.start_operator();
    env.apply(connection("default", &env.sim.url())).await;
    let waiting = env
        .connection("default")
        .wait_reason("SecretNotFound")
        .await;
    assert_eq!(waiting.condition("Reconciling").unwrap().status, "True");
    assert!(waiting.condition("Stalled").is_none());

    env.apply(secret("metorial", &[("another", "x")])).await;
    let waiting = env
        .connection("default")
        .wait_reason("SecretKeyNotFound")
        .await;
    let message = waiting.condition("Ready").unwrap().message;
    assert!(
        message.contains("metorial") && message.contains("api-key"),
        "{message}"
    );

    env.use_key(&env.key).await;
    let found = env.connection("default").wait_reason("Synced").await;
    let instance = found.field("instance");
    assert_eq!(instance["id"], env.instance.as_str());
    assert_eq!(instance["type"], "production");
    assert_eq!(instance["organizationId"], env.organization.as_str());
}

#[tokio::test]
async fn without_a_watch_of_secrets_a_missing_key_is_found_soon_and_a_wrong_one_at_the_next_check()
{
    let mut env = Environment::bare(Default::default()).await;
    let mut settings = env.settings();
    settings.secret_watch = false;
    settings.timing.connection_check = Duration::from_secs(3);
    env.start_operator_with(settings);
    env.apply(env.default_connection()).await;
    let connection = env.connection("default");
    connection.wait_reason("SecretNotFound").await;
    env.apply(secret("metorial", &[("api-key", "")])).await;
    connection.wait_reason("InvalidValue").await;
    env.use_key("metorial_sk_wrong").await;
    connection.wait_reason("Unauthorized").await;
    env.use_key(&env.key).await;
    connection.wait_reason("Synced").await;
}
