//! Deletions of what was never made, or may have been.

use crate::support::{PATIENCE, World, credentials, with};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_resource_whose_create_was_refused_goes_and_nothing_is_sent_for_it() {
    let world = World::running().await;
    let weird = json!({"spec": {"providerId": "no-such-provider"}});
    world.apply(with(credentials("weird"), weird)).await;
    let refused = world.wait_reason("weird", "RemoteRejected").await;
    assert!(!refused.finalizers().is_empty());
    let sent = world.attempts();
    world.delete::<ProviderAuthCredentials>("weird").await;
    world.wait_gone::<ProviderAuthCredentials>("weird").await;
    assert_eq!(world.attempts(), sent);
}

#[tokio::test]
async fn a_resource_that_was_surely_never_made_goes_even_if_its_key_is_gone() {
    let world = World::running().await;
    let weird = json!({"spec": {"providerId": "no-such-provider"}});
    world.apply(with(credentials("weird"), weird)).await;
    world.wait_reason("weird", "RemoteRejected").await;
    world.sim.revoke_key(&world.key);
    world.look_at_connection("default").await;
    world.wait_connection_of("default", "Unauthorized").await;
    world.delete::<ProviderAuthCredentials>("weird").await;
    world.wait_gone::<ProviderAuthCredentials>("weird").await;
}

#[tokio::test]
async fn a_resource_that_waits_for_its_references_holds_nothing_and_goes_at_once() {
    let world = World::running().await;
    world.delete::<Secret>("oauth-app").await;
    world.apply(credentials("github")).await;
    let waiting = world.wait_reason("github", "SecretNotFound").await;
    assert!(waiting.finalizers().is_empty());
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.attempts().is_empty());
}

#[tokio::test]
async fn a_deletion_after_a_create_with_a_lost_answer_finds_what_was_made() {
    let world = World::running().await;
    let list = Fault::on("GET", "/provider-auth-credentials");
    let gate = Gate::new();
    world
        .sim
        .faults()
        .add(Fault::on("POST", "/").times(1), Action::CloseAfterApply);
    // The search that follows is held until the resource is being deleted.
    world
        .sim
        .faults()
        .add(list, Action::HoldBefore(gate.clone()));
    world.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.delete::<ProviderAuthCredentials>("github").await;
    gate.open();
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
    assert_eq!(world.all_remote().len(), 1);
}

#[tokio::test]
async fn a_deletion_waits_for_a_create_that_may_still_be_applied() {
    let world = World::running().await;
    let later = Action::ApplyLater(Duration::from_millis(400));
    world
        .sim
        .faults()
        .add(Fault::on("POST", "/").times(1), later);
    world.apply(credentials("github")).await;
    world
        .sim
        .wait_for(
            |journal| journal.iter().any(|entry| entry.status == 504),
            PATIENCE,
        )
        .await
        .unwrap();
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    world.sim.settled().await;
    assert!(world.remote().is_empty(), "{}", world.describe().await);
    assert_eq!(world.all_remote().len(), 1, "one was made, and is gone");
}

#[tokio::test]
async fn a_deletion_after_a_death_in_mid_create_finds_what_was_made() {
    let mut world = World::running().await;
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("POST", "/").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    world.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.kill_operator();
    gate.open();
    world.delete::<ProviderAuthCredentials>("github").await;
    world.start_operator();
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
    assert_eq!(world.all_remote().len(), 1);
}
