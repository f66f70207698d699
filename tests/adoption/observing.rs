//! `mode: Observe`: an object is looked at and never written.

use crate::support::{World, condition, credentials, drifted, ready, status, with};
use kube::ResourceExt;
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};

fn observing(id: &str) -> Value {
    with(
        credentials("github"),
        json!({"spec": {"mode": "Observe", "adopt": {"id": id}}}),
    )
}

#[tokio::test]
async fn an_observed_object_is_told_about_and_never_written_not_even_by_a_deletion() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"metadata": {"a": 1}})).await;
    world.apply(observing(&theirs.id)).await;
    let observed = world.wait_reason("github", "Observed").await;
    assert_eq!(ready(&observed).unwrap().0, "True");
    assert_eq!(status(&observed).id.as_ref(), Some(&theirs.id));
    assert_eq!(drifted(&observed), Vec::<String>::new());
    assert!(observed.finalizers().is_empty(), "nothing holds it");

    world
        .sim
        .edit(&theirs.id, json!({"name": "renamed", "scopes": ["admin"]}));
    let seen = world.look_again("github").await;
    assert_eq!(drifted(&seen), ["name", "oauth.scopes"]);
    assert_eq!(condition(&seen, "Drifted").unwrap().status, "True");
    assert_eq!(ready(&seen).unwrap().0, "True");

    world.rotate("oauth-app", "client-secret", "rotated").await;
    world.look_again("github").await;
    world.check_quiet().await;
    world.sim.set_down(true);
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    world.sim.set_down(false);
    assert!(world.attempts().is_empty());
    assert_eq!(world.only_remote().readable["name"], "renamed");
}

#[tokio::test]
async fn an_observed_object_that_goes_is_missed_and_not_made_again() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({})).await;
    world.apply(observing(&theirs.id)).await;
    world.wait_reason("github", "Observed").await;
    world.sim.archive(&theirs.id);
    world.look_again("github").await;
    world.wait_reason("github", "RemoteMissing").await;
    world.check_quiet().await;
    assert!(world.attempts().is_empty());
}

#[tokio::test]
async fn an_observed_object_is_taken_over_by_the_rules_of_adoption_once_the_mode_says_so() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "their name"})).await;
    world.apply(observing(&theirs.id)).await;
    world.wait_reason("github", "Observed").await;

    world.edit_spec("github", json!({"mode": "Enforce"})).await;
    let refused = world.wait_reason("github", "AdoptionMismatch").await;
    assert!(ready(&refused).unwrap().2.contains("name"));
    world.check_quiet().await;
    assert!(world.attempts().is_empty());

    let override_ = json!({"adopt": {"policy": "Override"}});
    world.edit_spec("github", override_).await;
    world.wait_ready("github").await;
    world.wait_recorded("github").await;
    assert_eq!(world.only_remote().readable["name"], "github");
    assert_eq!(world.writes().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn what_was_observed_of_another_cluster_may_be_taken_by_override_too() {
    let world = World::running().await;
    let marker = json!({"cluster": "c", "namespace": "n", "name": "x", "kind": "ProviderAuthCredentials", "uid": "u"});
    let theirs = world
        .make_by_hand(json!({"metadata": {"kubernetes": marker}}))
        .await;
    world.apply(observing(&theirs.id)).await;
    world.wait_reason("github", "Observed").await;
    world.edit_spec("github", json!({"mode": "Enforce"})).await;
    world.wait_reason("github", "OwnershipConflict").await;
    let override_ = json!({"adopt": {"policy": "Override"}});
    world.edit_spec("github", override_).await;
    world.wait_ready("github").await;
    world.wait_recorded("github").await;
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn an_object_of_ours_that_is_only_observed_from_now_on_is_left_as_it_is_for_good() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let ours = world.only_remote();
    let observe = json!({"mode": "Observe", "adopt": {"id": ours.id}});
    world.edit_spec("github", observe).await;
    world.wait_reason("github", "Observed").await;
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world.edit_spec("github", json!({"name": "renamed"})).await;
    let seen = world.look_again("github").await;
    assert!(drifted(&seen).contains(&"name".to_owned()));
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.attempts().len(), 1);
    assert_eq!(world.only_remote().updated_at, ours.updated_at);
    let told = world.wait_event("github", "Orphaned").await;
    assert!(told.contains(&ours.id), "{told}");
}
