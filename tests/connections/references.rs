//! References to connections that don't exist or can't be used, from resources that are ready.

use crate::support::{Environment, connection, credentials};
use serde_json::{Value, json};

fn referring_to(connection: &str) -> Value {
    json!({"connectionRef": {"name": connection}})
}

#[tokio::test]
async fn an_edit_that_names_another_connection_is_reported_though_nothing_else_changed() {
    let env = Environment::running().await;
    let before = env.create(credentials("github")).await;
    let requests = env.requests();
    let github = env.credentials("github");
    github.edit(referring_to("nowhere")).await;
    let missing = github.wait_reason("ConnectionNotFound").await;
    assert_eq!(missing.condition("Ready").unwrap().status, "False");
    assert!(
        missing.message().contains("nowhere"),
        "{}",
        missing.message()
    );

    // The same edit, with another failure after it.
    let key = json!({"apiKey": {"secretKeyRef": {"name": "none", "key": "none"}}});
    let broken = connection("nowhere", &env.sim.url()).spec(key);
    env.apply(broken).await;
    github.wait_message("ConnectionNotReady", "nowhere").await;
    env.check_quiet().await;
    assert_eq!(env.requests(), requests);

    github.edit(referring_to("default")).await;
    let after = github.wait_ready().await;
    assert_eq!(after.status().id, before.status().id);
    assert_eq!(env.attempts().len(), 1, "{:?}", env.attempts());
    env.check_oracles().await;
}

#[tokio::test]
async fn an_operator_of_single_namespaces_says_that_it_serves_no_cluster_connections() {
    let env = Environment::running().await;
    let shared = json!({"connectionRef": {"kind": "ClusterConnection", "name": "shared"}});
    env.apply(credentials("github").spec(shared)).await;
    let refused = "this operator watches single namespaces; refer to a Connection";
    let github = env.credentials("github");
    github.wait_message("NamespaceNotAllowed", refused).await;
    assert!(env.attempts().is_empty());
}
