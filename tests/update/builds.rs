//! Builds of the server that differ from the others in how they keep values, filter and refuse.

use crate::support::{Environment, Kind, auth_config, credentials, resource};
use metorial_simulator::{Limit, Quirk, Stored};
use serde_json::{Value, json};
use std::time::Duration;

const FIRST: &str = "first-0123456789";
const SECOND: &str = "second-0123456789";

fn has_token(remote: &Stored, token: &str) -> bool {
    remote.write_only["value"]["token"] == token
}

#[tokio::test]
async fn where_an_update_loses_the_value_nothing_is_sent_without_need_and_a_rotation_restores_it() {
    let mut env = Environment::running().await;
    env.sim.set_quirk(Quirk::PatchLosesAuthConfigValue, true);
    env.value("token", FIRST).await;
    env.create(auth_config("linear")).await;
    let linear = env.auth_config("linear");
    linear.reconcile_now().await;
    linear
        .patch(json!({"metadata": {"labels": {"team": "a"}}}))
        .await;
    env.restart_operator();
    env.auth_config("linear").reconcile_now().await;
    env.check_oracles().await;
    assert!(env.patches().is_empty());
    assert!(has_token(&env.only(Kind::AuthConfig), FIRST));

    let linear = env.auth_config("linear");
    linear.edit(json!({"name": "renamed"})).await;
    linear.wait_synced().await;
    assert_eq!(env.patches(), [json!({"name": "renamed"})]);
    env.value("token", SECOND).await;
    let rotated = |remote: &Stored| has_token(remote, SECOND);
    env.wait_only(Kind::AuthConfig, "imported", rotated).await;
    linear.wait_synced().await;
    env.check_oracles().await;
    assert_eq!(env.imports().len(), 1);
}

/// An auth config of an OAuth method with this value.
async fn oauth(env: &Environment, value: Value) {
    env.value("oauth", &value.to_string()).await;
    let from = json!({"pointer": "", "format": "Json", "secretKeyRef": {"name": "values", "key": "oauth"}});
    let spec =
        json!({"authMethodId": "github-oauth2", "value": {"from": [from]}, "validation": "None"});
    env.apply(resource("ProviderAuthConfig", "github", spec))
        .await;
}

#[tokio::test]
async fn a_refresh_token_that_the_server_discards_is_no_drift() {
    let env = Environment::running().await;
    env.sim.set_quirk(Quirk::RefreshTokenDiscarded, true);
    let value = json!({"accessToken": FIRST, "refreshToken": "refresh-0123456789", "expiresAt": "2099-01-01T00:00:00.000Z"});
    oauth(&env, value).await;
    let github = env.auth_config("github");
    github.wait_ready().await;
    github.reconcile_now().await;
    env.check_oracles_hiding(&[FIRST, "refresh-0123456789"])
        .await;
    let kept = env.only(Kind::AuthConfig).write_only["value"].clone();
    assert_eq!(kept["accessToken"], FIRST);
    assert!(kept["refreshToken"].is_null());
    assert_eq!(env.attempts(), ["POST /provider-auth-configs"]);
}

#[tokio::test]
async fn an_expiry_that_the_server_requires_is_named_and_can_be_added() {
    let env = Environment::running().await;
    env.sim.set_quirk(Quirk::ExpiresAtRequired, true);
    oauth(&env, json!({"accessToken": FIRST})).await;
    let github = env.auth_config("github");
    let refused = github.wait_message("RemoteRejected", "expiresAt").await;
    assert!(!refused.message().contains(FIRST));
    assert!(env.live(Kind::AuthConfig).is_empty());
    oauth(
        &env,
        json!({"accessToken": FIRST, "expiresAt": "2099-01-01T00:00:00.000Z"}),
    )
    .await;
    github.wait_ready().await;
    env.check_oracles_hiding(&[FIRST]).await;
}

#[tokio::test]
async fn objects_are_read_in_smaller_lists_where_filters_are_short() {
    let mut env = Environment::running().await;
    env.sim.set_quirk(Quirk::ShortArrayFilters, true);
    let names: Vec<String> = (0..45).map(|number| format!("app-{number}")).collect();
    for name in &names {
        env.apply(credentials(name)).await;
    }
    for name in &names {
        env.credentials(name).wait_ready().await;
    }
    env.restart_operator();
    for name in &names {
        env.credentials(name).request_reconcile().await;
    }
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.wait_client_secret(names.len(), "rotated").await;
    for name in &names {
        env.credentials(name).wait_ready().await;
    }
    assert_eq!(env.ever(Kind::Credentials).len(), names.len());
    env.check_oracles_hiding(&["rotated"]).await;
}

#[tokio::test]
async fn a_limit_under_another_code_is_a_limit() {
    let mut env = Environment::running().await;
    env.sim.set_quirk(Quirk::ThrottledAsTooMany, true);
    env.create(credentials("first")).await;
    let limit = Limit {
        requests: 0,
        per: Duration::from_secs(600),
    };
    // No answer has shown it to the operator.
    env.sim.set_rate_limit(&env.organization, Some(limit));
    env.apply(credentials("second")).await;
    env.credentials("second").wait_reason("RateLimited").await;
    let asked = env.requests().len();
    env.check_quiet().await;
    assert_eq!(env.requests().len(), asked, "nothing until it is over");
    assert!(env.sim.journal().iter().any(|entry| entry.status == 429));
    assert_eq!(env.live(Kind::Credentials).len(), 1);
    env.sim.set_rate_limit(&env.organization, None);
    env.restart_operator();
    env.credentials("second").wait_ready().await;
    env.check_oracles().await;
}
