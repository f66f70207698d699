//! `suspend: true`: nothing is done but deletion.

use crate::support::{World, credentials, ready, status, with};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::json;

fn word(object: &ProviderAuthCredentials) -> (String, String) {
    let (is_ready, reason, _) = ready(object).unwrap();
    (is_ready, reason)
}

fn held(is_ready: &str) -> (String, String) {
    (is_ready.to_owned(), "Suspended".to_owned())
}

#[tokio::test]
async fn what_is_suspended_is_left_and_what_came_in_meanwhile_is_one_patch_when_it_goes_on() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let remote = world.only_remote();
    let calls = world.calls();

    world.edit_spec("github", json!({"suspend": true})).await;
    let object = world.wait_reason("github", "Suspended").await;
    assert_eq!(word(&object), held("True"), "nothing is to be brought in");

    world
        .edit_spec("github", json!({"description": "new"}))
        .await;
    let object = world.wait_reason("github", "Suspended").await;
    assert_eq!(word(&object), held("False"), "an edit waits");
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world.sim.edit(&remote.id, json!({"name": "theirs"}));
    let object = world.look_again("github").await;
    assert_eq!(word(&object), held("False"));
    world.check_quiet().await;
    assert_eq!(world.calls(), calls, "not even a read");

    world.edit_spec("github", json!({"suspend": null})).await;
    world.wait_ready("github").await;
    world.wait_recorded("github").await;
    let remote = world.only_remote();
    assert_eq!(remote.readable["description"], "new");
    assert_eq!(remote.readable["name"], "github");
    assert_eq!(remote.write_only["client_secret"], "rotated");
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn what_is_suspended_from_the_start_is_made_when_it_goes_on() {
    let world = World::running().await;
    let suspended = with(credentials("github"), json!({"spec": {"suspend": true}}));
    world.apply(suspended).await;
    let object = world.wait_reason("github", "Suspended").await;
    assert_eq!(word(&object), held("False"));
    assert!(object.finalizers().is_empty());
    world.check_quiet().await;
    assert_eq!(world.calls(), 0);

    world.edit_spec("github", json!({"suspend": false})).await;
    world.wait_ready("github").await;
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn what_is_suspended_is_deleted_all_the_same() {
    let world = World::running().await;
    world.make(credentials("made")).await;
    world.edit_spec("made", json!({"suspend": true})).await;
    world.wait_reason("made", "Suspended").await;
    world
        .apply(with(credentials("new"), json!({"spec": {"suspend": true}})))
        .await;
    world.wait_reason("new", "Suspended").await;

    for name in ["made", "new"] {
        world.delete::<ProviderAuthCredentials>(name).await;
        world.wait_gone::<ProviderAuthCredentials>(name).await;
    }
    assert!(world.remote().is_empty());
    assert_eq!(world.writes().len(), 2, "one POST, one DELETE");
}

#[tokio::test]
async fn what_is_suspended_says_so_whatever_else_is_missing() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    world.edit_spec("github", json!({"suspend": true})).await;
    world.wait_reason("github", "Suspended").await;

    world.delete::<Secret>("oauth-app").await;
    let object = world.look_again("github").await;
    assert_eq!(word(&object), held("False"), "nobody knows what is wanted");
    world.apply(world.app_secret()).await;
    world
        .wait_for::<ProviderAuthCredentials>("github", "nothing to bring in again", |object| {
            word(object) == held("True")
        })
        .await;
    let elsewhere = json!({"connectionRef": {"name": "nowhere"}});
    world.edit_spec("github", elsewhere).await;
    world.look_again("github").await;
    world.wait_reason("github", "Suspended").await;
    assert_eq!(world.attempts().len(), 1);
}

#[tokio::test]
async fn a_suspended_resource_publishes_nothing_new_and_keeps_what_it_knows() {
    let world = World::running().await;
    let before = world.make(credentials("github")).await;
    let spec = json!({"suspend": true, "publish": {"configMap": {"name": "ids"}}});
    world.edit_spec("github", spec).await;
    let object = world.wait_reason("github", "Suspended").await;
    world.check_quiet().await;
    assert_eq!(status(&object).id, status(&before).id);
    assert!(world.config_map("ids").await.is_none());

    world.edit_spec("github", json!({"suspend": null})).await;
    world.wait_ready("github").await;
    world
        .until("the ids are published", async || {
            world.config_map("ids").await
        })
        .await;
    world.check_oracles().await;
}
