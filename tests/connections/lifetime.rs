//! Connections that come after their users, or go before them.

use crate::support::{Environment, Kind, PATIENCE, connection, credentials, secret, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::IN_USE_FINALIZER;
use serde_json::json;

#[tokio::test]
async fn a_connection_may_come_after_everything_that_uses_it() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.app_secret()).await;
    env.start_operator();
    env.apply(credentials("github")).await;
    let named = json!({"spec": {"connectionRef": {"name": "named"}}});
    env.apply(with(credentials("by-name"), named)).await;
    for (name, says) in [
        ("github", "Connection/default"),
        ("by-name", "Connection/named"),
    ] {
        let waiting = env
            .credentials(name)
            .wait_reason("ConnectionNotFound")
            .await;
        assert!(waiting.message().contains(says), "{}", waiting.message());
        assert!(waiting.finalizers().is_empty(), "nothing is held yet");
    }

    env.apply(connection("named", &env.sim.url())).await;
    env.credentials("by-name")
        .wait_message("ConnectionNotReady", "SecretNotFound")
        .await;
    env.apply(env.key_secret()).await;
    env.credentials("by-name").wait_ready().await;
    env.apply(env.default_connection()).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.writes().len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_connection_that_is_deleted_while_in_use_works_until_its_last_user_is_deleted() {
    let env = Environment::running().await;
    for name in ["first", "second"] {
        env.apply(credentials(name)).await;
        env.credentials(name).wait_ready().await;
    }
    env.connection("default").delete().await;
    let waiting = env.connection("default").wait_reason("Deleting").await;
    let says = waiting.condition("Ready").unwrap().message;
    for part in ["2 resource(s)", "/first", "/second", &env.namespace] {
        assert!(says.contains(part), "{part}: {says}");
    }
    assert!(waiting.finalizers().contains(&IN_USE_FINALIZER.to_owned()));
    assert!(waiting.condition("Stalled").is_none());

    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_client_secret(2, "rotated-0123456789").await;
    env.credentials("first").wait_ready().await;

    env.credentials("first").remove().await;
    env.connection("default")
        .wait_message("Deleting", "1 resource(s)")
        .await;
    env.credentials("second").remove().await;
    env.connection("default").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_connection_without_users_is_deleted_at_once_even_if_its_key_is_missing() {
    let env = Environment::running().await;
    env.connection("default").wait_reason("Synced").await;
    env.delete::<Secret>("metorial").await;
    env.connection("default")
        .wait_reason("SecretNotFound")
        .await;
    env.connection("default").remove().await;
}

#[tokio::test]
async fn a_connection_that_is_created_again_under_its_name_serves_its_former_users() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let before = env.credentials("github").wait_ready().await;
    env.connection("default").delete().await;
    env.connection("default").wait_reason("Deleting").await;
    // A person in a hurry takes the finalizer off.
    let without = json!({"metadata": {"finalizers": null}});
    env.connection("default").patch(without).await;
    env.connection("default").wait_gone().await;
    env.check_unwritten(&before).await;

    env.apply(secret(
        "new-key",
        &[("api-key", &env.sim.add_key(&env.instance))],
    ))
    .await;
    let other = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "new-key"}}}});
    env.apply(with(env.default_connection(), other)).await;
    env.connection("default").wait_reason("Synced").await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_only(Kind::Credentials, "the new secret", |o| {
        o.write_only["client_secret"] == "rotated-0123456789"
    })
    .await;
    let after = env.credentials("github").wait_ready().await;
    assert_eq!(after.status().id, before.status().id);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_connection_that_is_created_again_does_not_get_the_report_of_the_one_before() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.key_secret()).await;
    let check = env.hold_before("GET", "/instance");
    env.start_operator();
    env.apply(env.default_connection()).await;
    assert!(check.wait_for_arrivals(1, PATIENCE).await);
    env.connection("default").remove().await;
    let history = env.history_of(Kind::Connection).await;
    env.apply(env.default_connection()).await;
    check.open();
    env.connection("default").wait_reason("Synced").await;
    for reason in ["InvalidSpec", "ClusterUnavailable"] {
        assert!(!history.had("default", reason), "{reason}");
    }
}
