//! The request budget of an organization: shared between namespaces, shown in the status, learned from the server.

use crate::support::{
    AllNamespaces, Environment, Kind, Setup, connection, credentials, secret, with,
};
use futures::{StreamExt, stream};
use metorial_simulator::{InstanceType, Limit, Options, Quirk};
use serde_json::json;
use std::time::Duration;

/// A window that is over soon. Shorter ones are not believed.
fn short_window(requests: usize) -> Option<Limit> {
    let per = Duration::from_secs(15);
    Some(Limit { requests, per })
}

async fn apply_credentials(env: &Environment, count: usize) {
    stream::iter(0..count)
        .for_each_concurrent(8, async |number| {
            env.apply(credentials(&format!("app-{number}"))).await;
        })
        .await;
}

fn refused(env: &Environment) -> usize {
    env.sim.journal().iter().filter(|e| e.status == 429).count()
}

#[tokio::test]
async fn a_namespace_with_many_resources_does_not_delay_the_edit_of_another_one() {
    let mut everywhere = AllNamespaces::new().await;
    everywhere.home.apply(everywhere.home.key_secret()).await;
    let organization = everywhere.home.organization.clone();
    let sim = &everywhere.home.sim;
    sim.set_rate_limit(&organization, short_window(20));
    let hostile = everywhere.namespace(json!({})).await;
    let team = everywhere.namespace(json!({})).await;
    for env in [&hostile, &team] {
        env.apply(env.app_secret()).await;
    }
    let shared = everywhere.cluster_connection("default", json!({"selector": {}}));
    everywhere.home.apply(shared).await;
    everywhere.start_operator();
    team.apply(credentials("github")).await;
    team.credentials("github").wait_ready().await;

    apply_credentials(&hostile, 100).await;
    let waiting = hostile.until("the budget is spent", async || {
        let all = hostile.all(Kind::Credentials).await;
        all.into_iter().find(|app| app.reason() == "RateLimited")
    });
    let message = waiting.await.message();
    let limit = format!("rate limit of organization {organization} (20 requests in ");
    assert!(message.starts_with(&limit), "{message}");
    let before = everywhere.home.live(Kind::Credentials).len();
    team.credentials("github")
        .edit(json!({"name": "Edited"}))
        .await;
    team.credentials("github").wait_ready().await;
    let after = everywhere.home.live(Kind::Credentials).len();
    assert!(
        after - before <= 20,
        "{} creates came first",
        after - before
    );
    assert!(after < 101, "others still wait");
    assert_eq!(refused(&everywhere.home), 0);
}

#[tokio::test]
async fn the_status_shows_the_limit_and_a_short_window_is_not_taken_for_a_long_one() {
    let mut env = Environment::new().await;
    env.sim.set_rate_limit(&env.organization, short_window(5));
    env.start_operator();
    let connection = env.connection("default");
    let shown = connection.wait_ready().await;
    let rate_limit = shown.field("rateLimit");
    assert_eq!(rate_limit["source"], "Server");
    assert_eq!(
        (&rate_limit["limit"], &rate_limit["remaining"]),
        (&json!(5), &json!(4))
    );

    // Two requests ask whose key it is, and which callback URL their provider has.
    apply_credentials(&env, 7).await;
    let spent = connection.wait("spent", |connection| {
        let shown = connection.field("rateLimit");
        shown["remaining"] == 0 && shown["resetTime"].is_string()
    });
    assert!(spent.await.is_ready(), "that is no fault of the connection");
    for number in 0..7 {
        env.credentials(&format!("app-{number}")).wait_ready().await;
    }
    // The connection is reconciled without a request to the API.
    let defaults = json!({"defaults": {"interval": "20m"}});
    connection.edit(defaults).await;
    connection
        .wait("available again", |connection| {
            let shown = connection.field("rateLimit");
            shown["remaining"] != 0 && shown["resetTime"].is_null()
        })
        .await;
    assert_eq!(refused(&env), 0, "{}", env.describe().await);
}

#[tokio::test]
async fn a_server_that_reports_no_limit_is_not_held_to_the_documented_one() {
    let mut env = Environment::bare(Default::default()).await;
    let organization = env.sim.add_organization("Globex");
    env.sim.set_rate_limit(&organization, None);
    let instance = env
        .sim
        .add_instance(&organization, InstanceType::Development);
    let key = env.sim.add_key(&instance);
    env.apply(secret("metorial", &[("api-key", &key)])).await;
    env.apply(env.app_secret()).await;
    env.apply(env.default_connection()).await;
    apply_credentials(&env, 120).await;
    env.start_operator();
    env.until("more are created than documented", async || {
        (env.live_in(&instance).len() == 120).then_some(())
    })
    .await;
    let connection = env.connection("default");
    let shown = connection.wait("a higher limit", |connection| {
        connection.field("rateLimit")["limit"] == 200
    });
    assert_eq!(shown.await.field("rateLimit")["source"], "Assumed");
}

#[tokio::test]
async fn what_waits_is_reconciled_at_once_when_the_limit_grows() {
    let mut everywhere = AllNamespaces::new().await;
    let home = &everywhere.home;
    home.apply(home.key_secret()).await;
    let team = everywhere.namespace(json!({})).await;
    // It has another limit of its own, and shares that of the administrator.
    let development = home
        .sim
        .add_instance(&home.organization, InstanceType::Development);
    let key = home.sim.add_key(&development);
    team.apply(secret("metorial", &[("api-key", &key)])).await;
    team.apply(team.app_secret()).await;
    let limit = json!({"spec": {"rateLimit": {"requests": 2, "per": "10m"}}});
    let shared = everywhere.cluster_connection("shared", json!(null));
    home.apply(with(shared, limit)).await;
    everywhere.start_operator();
    let shared = everywhere.home.cluster_connection("shared");
    shared.wait_reason("Synced").await;
    team.apply(connection("default", &everywhere.home.sim.url()))
        .await;
    team.connection("default").wait_reason("Synced").await;
    team.apply(credentials("github")).await;
    let github = team.credentials("github");
    let waiting = github.wait_reason("RateLimited").await;
    assert!(
        waiting
            .message()
            .contains("(2 requests in 600 s) reached; waiting until ")
    );
    let again = github.reconcile_now().await;
    assert_eq!(
        waiting.message(),
        again.message(),
        "the same for each attempt"
    );
    let through = team.connection("default");
    let shown = through.wait("spent", |connection| {
        connection.field("rateLimit")["remaining"] == 0
    });
    assert_eq!(shown.await.field("rateLimit")["source"], "Spec");

    // It is another connection than the one that github uses.
    shared.edit(json!({"rateLimit": {"requests": 100}})).await;
    github.wait_ready().await;
}

#[tokio::test]
async fn a_busy_production_key_holds_no_edit_with_a_development_key_back() {
    let options = Options::default().without(Quirk::LimitPerOrganization);
    let mut env = Environment::bare(Setup { options }).await;
    env.apply_basics().await;
    let development = env
        .sim
        .add_instance(&env.organization, InstanceType::Development);
    let key = env.sim.add_key(&development);
    env.connect("development", &key).await;
    let through = json!({"spec": {"connectionRef": {"name": "development"}}});
    env.apply(with(credentials("edited"), through)).await;
    env.start_operator();
    env.credentials("edited").wait_ready().await;
    // More than the documented limit of a development key.
    apply_credentials(&env, 110).await;
    env.until("all are created", async || {
        (env.live(Kind::Credentials).len() == 110).then_some(())
    })
    .await;
    env.credentials("edited")
        .edit(json!({"name": "Edited"}))
        .await;
    env.until("the edit arrived", async || {
        let objects = env.live_in(&development);
        objects
            .iter()
            .any(|object| object.readable["name"] == "Edited")
            .then_some(())
    })
    .await;
    env.credentials("edited").wait_ready().await;
    assert_eq!(refused(&env), 0);
}
