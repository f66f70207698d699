//! `suspend: true`: nothing is done but deletion.

use crate::support::{Environment, Kind, Snapshot, credentials};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

fn readiness(object: &Snapshot) -> (String, String) {
    (object.ready().status, object.reason())
}

fn held(is_ready: &str) -> (String, String) {
    (is_ready.to_owned(), "Suspended".to_owned())
}

#[tokio::test]
async fn a_suspended_resource_is_left_alone_and_all_changes_are_one_patch_when_it_is_resumed() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let remote = env.only(Kind::Credentials);
    let calls = env.calls();

    env.credentials("github")
        .edit(json!({"suspend": true}))
        .await;
    let object = env.credentials("github").wait_reason("Suspended").await;
    assert_eq!(readiness(&object), held("True"), "nothing is to be pushed");

    env.credentials("github")
        .edit(json!({"description": "new"}))
        .await;
    let object = env.credentials("github").wait_reason("Suspended").await;
    assert_eq!(readiness(&object), held("False"), "an edit waits");
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.sim.edit(&remote.id, json!({"name": "theirs"}));
    let object = env.credentials("github").reconcile_now().await;
    assert_eq!(readiness(&object), held("False"));
    env.check_quiet().await;
    assert_eq!(env.calls(), calls, "not even a read");

    env.credentials("github")
        .edit(json!({"suspend": null}))
        .await;
    env.credentials("github").wait_ready().await;
    env.credentials("github").wait_recorded().await;
    let remote = env.only(Kind::Credentials);
    assert_eq!(remote.readable["description"], "new");
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.write_only["client_secret"], "rotated");
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_that_is_suspended_from_the_start_is_created_when_it_is_resumed() {
    let env = Environment::running().await;
    let suspended = credentials("github").suspended();
    env.apply(suspended).await;
    let object = env.credentials("github").wait_reason("Suspended").await;
    assert_eq!(readiness(&object), held("False"));
    assert!(object.finalizers().is_empty());
    env.check_quiet().await;
    assert_eq!(env.calls(), 0);

    env.credentials("github")
        .edit(json!({"suspend": false}))
        .await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
    assert_eq!(env.writes().len(), 1);
}

#[tokio::test]
async fn a_suspended_resource_is_deleted_all_the_same() {
    let env = Environment::running().await;
    env.create(credentials("made")).await;
    env.credentials("made").edit(json!({"suspend": true})).await;
    env.credentials("made").wait_reason("Suspended").await;
    env.apply(credentials("new").suspended()).await;
    env.credentials("new").wait_reason("Suspended").await;

    for name in ["made", "new"] {
        env.credentials(name).remove().await;
    }
    assert!(env.live(Kind::Credentials).is_empty());
    assert_eq!(env.writes().len(), 2, "one POST, one DELETE");
}

#[tokio::test]
async fn a_suspended_resource_says_so_whatever_else_is_missing() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.credentials("github")
        .edit(json!({"suspend": true}))
        .await;
    env.credentials("github").wait_reason("Suspended").await;

    env.delete::<Secret>("oauth-app").await;
    let object = env.credentials("github").reconcile_now().await;
    assert_eq!(
        readiness(&object),
        held("False"),
        "the wanted values are not known"
    );
    env.apply(env.app_secret()).await;
    // A status does not tell whether two Secrets hold the same value, so this is known only once nothing holds it back.
    let object = env.credentials("github").reconcile_now().await;
    assert_eq!(readiness(&object), held("False"));
    let elsewhere = json!({"connectionRef": {"name": "nowhere"}});
    env.credentials("github").edit(elsewhere).await;
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_reason("Suspended").await;
    assert_eq!(env.attempts().len(), 1);
}

#[tokio::test]
async fn a_suspended_resource_publishes_nothing_new_and_keeps_what_it_knows() {
    let env = Environment::running().await;
    let before = env.create(credentials("github")).await;
    let spec = json!({"suspend": true, "publish": {"configMap": {"name": "ids"}}});
    env.credentials("github").edit(spec).await;
    let object = env.credentials("github").wait_reason("Suspended").await;
    env.check_quiet().await;
    assert_eq!(object.status().id, before.status().id);
    assert!(env.config_map("ids").await.is_none());

    env.credentials("github")
        .edit(json!({"suspend": null}))
        .await;
    env.credentials("github").wait_ready().await;
    env.until("the ids are published", async || {
        env.config_map("ids").await
    })
    .await;
    env.check_oracles().await;
}
