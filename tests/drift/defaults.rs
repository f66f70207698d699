//! The defaults of the connection.

use crate::support::{Environment, Kind, credentials, with};
use serde_json::json;

#[tokio::test]
async fn what_the_connection_says_holds_for_resources_that_say_nothing_and_changes_with_it() {
    let mut env = Environment::new().await;
    let defaults = json!({"drift": "Report", "deletionPolicy": "Orphan"});
    let defaults = json!({"spec": {"defaults": defaults}});
    env.apply(with(env.default_connection(), defaults)).await;
    env.start_operator();
    env.create(credentials("silent")).await;
    let own = json!({"spec": {"drift": "Correct", "deletionPolicy": "Delete"}});
    env.create(with(credentials("outspoken"), own)).await;
    for remote in env.live(Kind::Credentials) {
        env.sim.edit(&remote.id, json!({"name": "theirs"}));
    }

    let silent = env.credentials("silent").reconcile_now().await;
    assert_eq!(silent.drifted(), ["name"]);
    env.credentials("outspoken").reconcile_now().await;
    env.credentials("outspoken").wait_recorded().await;
    assert_eq!(env.patches().len(), 1);

    let correct = json!({"spec": {"defaults": {"drift": "Correct"}}});
    env.connection("default").patch(correct).await;
    let silent = env.credentials("silent").wait_recorded().await;
    assert!(silent.condition("Drifted").is_none());
    assert_eq!(env.patches().len(), 2);
    env.check_oracles().await;

    for name in ["silent", "outspoken"] {
        env.credentials(name).remove().await;
    }
    assert_eq!(env.only(Kind::Credentials).readable["name"], "silent");
}
