//! Deletions without the API, without a key, without a connection.

use crate::support::{Environment, Kind, connection, credentials, in_shard, secret};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::settings::Settings;
use serde_json::json;
use std::time::Duration;

const WAY_OUT: &str = "deletionPolicy: Orphan";

/// It is blocked, and its message says how to continue.
async fn blocked(env: &Environment, name: &str, why: &str) {
    let blocked = env
        .credentials(name)
        .wait_message("DeletionBlocked", why)
        .await;
    assert_eq!(blocked.condition("Stalled").unwrap().status, "True");
    assert!(blocked.message().contains(WAY_OUT), "{}", blocked.message());
}

async fn orphan(env: &Environment, name: &str) {
    let policy = json!({"deletionPolicy": "Orphan"});
    env.credentials(name).edit(policy).await;
    env.credentials(name).wait_gone().await;
}

#[tokio::test]
async fn a_deletion_waits_for_an_api_that_is_down_and_continues_when_it_is_back() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.sim.set_down(true);
    env.credentials("github").delete().await;
    let waiting = env
        .credentials("github")
        .wait_reason("RemoteUnavailable")
        .await;
    assert_eq!(waiting.condition("Reconciling").unwrap().status, "True");
    assert_eq!(waiting.ready().status, "False");
    env.sim.set_down(false);
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn the_last_good_key_is_used_when_its_secret_or_its_connection_is_deleted_first() {
    let env = Environment::running().await;
    for name in ["first", "second"] {
        env.create(credentials(name)).await;
    }
    env.delete::<Secret>("metorial").await;
    env.connection("default")
        .wait_reason("SecretNotFound")
        .await;
    env.credentials("first").remove().await;
    assert_eq!(env.live(Kind::Credentials).len(), 1);

    let free = json!({"metadata": {"finalizers": null}});
    env.connection("default").patch(free).await;
    env.connection("default").remove().await;
    env.credentials("second").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_deletion_with_a_revoked_key_is_blocked_and_continues_once_the_key_is_replaced() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    env.create(credentials("left")).await;
    env.sim.revoke_key(&env.key);
    for name in ["github", "left"] {
        env.credentials(name).delete().await;
        blocked(&env, name, "Unauthorized").await;
    }
    env.check_quiet().await;
    orphan(&env, "left").await;
    let fresh = env.sim.add_key(&env.instance);
    env.use_key(&fresh).await;
    env.credentials("github").wait_gone().await;
    assert_ne!(env.only(Kind::Credentials).id, made.id());
}

#[tokio::test]
async fn after_a_restart_without_a_key_a_deletion_is_blocked_and_says_how_to_continue() {
    let mut env = Environment::running().await;
    env.create(credentials("github")).await;
    env.create(credentials("left")).await;
    env.stop_operator().await;
    env.delete::<Secret>("metorial").await;
    for name in ["github", "left"] {
        env.credentials(name).delete().await;
    }
    env.start_operator();
    for name in ["github", "left"] {
        blocked(&env, name, "SecretNotFound").await;
    }
    env.check_quiet().await;
    orphan(&env, "left").await;
    env.apply(env.key_secret()).await;
    env.credentials("github").wait_gone().await;
    assert_eq!(env.live(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn after_a_restart_without_a_connection_a_deletion_is_blocked_until_there_is_one_again() {
    let mut env = Environment::running().await;
    env.create(credentials("github")).await;
    env.connection("default").wait_reason("Synced").await;
    env.stop_operator().await;
    let free = json!({"metadata": {"finalizers": null}});
    env.connection("default").patch(free).await;
    env.connection("default").delete().await;
    env.credentials("github").delete().await;
    env.start_operator();
    blocked(&env, "github", "ConnectionNotFound").await;
    env.apply(env.default_connection()).await;
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn another_connection_to_the_same_instance_deletes_what_the_first_can_not_any_more() {
    let mut env = Environment::running().await;
    env.create(credentials("github")).await;
    env.create(credentials("kept").spec(json!({"deletionPolicy": "Orphan"})))
        .await;
    let other = env.sim.add_key(&env.instance);
    env.use_key("metorial_sk_revoked").await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.restart_operator();
    env.credentials("github").delete().await;
    blocked(&env, "github", "default").await;
    env.apply(secret("other", &[("api-key", &other)])).await;
    let second = connection("second", &env.sim.url());
    let key = json!({"apiKey": {"secretKeyRef": {"name": "other", "key": "api-key"}}});
    env.apply(second.spec(key)).await;
    env.connection("second").wait_reason("Synced").await;
    env.credentials("github").wait_gone().await;
    env.credentials("kept").remove().await;
    assert_eq!(env.live(Kind::Credentials).len(), 1, "that was to be kept");
}

#[tokio::test]
async fn a_deletion_that_another_connection_may_not_make_is_made_once_its_own_works_again() {
    let env = Environment::running().await;
    env.create(credentials("github").through("default")).await;
    let narrow = env.sim.add_key(&env.instance);
    env.sim
        .restrict_key(&narrow, ["organization.instance:read"]);
    env.connect("narrow", &narrow).await;
    env.connection("narrow").wait_reason("Synced").await;
    let (_, of_another_instance) = env.another_instance();
    env.use_key(&of_another_instance).await;
    env.connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    let deleted = env.credentials("github");
    deleted.delete().await;
    let through = "sent through Connection/narrow, not Connection/default";
    deleted.wait_message("Forbidden", through).await;
    env.use_key(&env.key).await;
    deleted.wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_revoked_key_whose_secret_is_gone_is_given_up_for_another_connection_or_the_way_out() {
    let env = Environment::running().await;
    for name in ["first", "second"] {
        env.create(credentials(name)).await;
    }
    let spare = env.sim.add_key(&env.instance);
    env.delete::<Secret>("metorial").await;
    env.connection("default")
        .wait_reason("SecretNotFound")
        .await;
    env.sim.revoke_key(&env.key);
    env.credentials("first").delete().await;
    blocked(&env, "first", "SecretNotFound").await;
    env.connection("default").delete().await;
    env.connection("default")
        .wait_reason("SecretNotFound")
        .await;

    env.connect("spare", &spare).await;
    env.credentials("first").wait_gone().await;
    env.credentials("second").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

/// The same settings, but what failed is not tried again by itself.
fn without_retries(mut settings: Settings) -> Settings {
    let long = Duration::from_secs(3600);
    settings.timing.backoff = (long, long);
    settings
}

#[tokio::test]
async fn a_blocked_deletion_continues_as_soon_as_another_connection_is_ready() {
    let mut env = Environment::running().await;
    env.create(credentials("github")).await;
    env.use_key("metorial_sk_revoked").await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.stop_operator().await;
    env.start_operator_with(without_retries(env.settings()));
    env.credentials("github").delete().await;
    blocked(&env, "github", "Connection/default").await;
    env.connect("spare", &env.sim.add_key(&env.instance)).await;
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_deletion_in_a_shard_uses_a_connection_that_no_resource_of_that_shard_uses() {
    let env = Environment::new().await;
    let _rest = env.start_another_operator(env.shard_settings(None));
    let shard = env.start_another_operator(env.shard_settings(Some("one")));
    for name in ["first", "second"] {
        env.create(in_shard(credentials(name), "one")).await;
    }
    env.connect("spare", &env.sim.add_key(&env.instance)).await;
    env.connection("spare").wait_reason("Synced").await;
    env.use_key("metorial_sk_revoked").await;
    env.connection("default").wait_reason("Unauthorized").await;
    shard.kill();

    let settings = without_retries(env.shard_settings(Some("one")));
    let _shard = env.start_another_operator(settings);
    env.credentials("first").remove().await;
    env.rotate("spare-key", "api-key", "metorial_sk_revoked")
        .await;
    env.connection("spare").wait_reason("Unauthorized").await;
    env.credentials("second").delete().await;
    blocked(&env, "second", "Connection/default").await;
    // Its Secret is that of a connection of another shard.
    let fresh = env.sim.add_key(&env.instance);
    env.rotate("spare-key", "api-key", &fresh).await;
    env.credentials("second").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}
