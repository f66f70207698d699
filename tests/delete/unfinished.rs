//! Deletions of what was never made, or may have been.

use crate::support::{Environment, Kind, PATIENCE, credentials, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_resource_whose_create_was_refused_is_deleted_and_nothing_is_sent() {
    let env = Environment::running().await;
    let weird = json!({"spec": {"providerId": "no-such-provider"}});
    env.apply(with(credentials("weird"), weird)).await;
    let refused = env.credentials("weird").wait_reason("InvalidSpec").await;
    assert!(!refused.finalizers().is_empty());
    let sent = env.attempts();
    env.credentials("weird").remove().await;
    assert_eq!(env.attempts(), sent);
}

#[tokio::test]
async fn a_resource_that_was_certainly_never_created_is_deleted_even_without_a_key() {
    let env = Environment::running().await;
    let weird = json!({"spec": {"providerId": "no-such-provider"}});
    env.apply(with(credentials("weird"), weird)).await;
    env.credentials("weird").wait_reason("InvalidSpec").await;
    env.sim.revoke_key(&env.key);
    env.connection("default").reconcile_now().await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.credentials("weird").remove().await;
}

#[tokio::test]
async fn a_resource_that_waits_for_its_references_has_no_finalizer_and_is_deleted_at_once() {
    let env = Environment::running().await;
    env.delete::<Secret>("oauth-app").await;
    env.apply(credentials("github")).await;
    let waiting = env
        .credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    assert!(waiting.finalizers().is_empty());
    env.credentials("github").remove().await;
    assert!(env.attempts().is_empty());
}

#[tokio::test]
async fn a_deletion_after_a_create_with_a_lost_answer_finds_what_was_made() {
    let env = Environment::running().await;
    let list = Fault::on("GET", "/provider-auth-credentials");
    let gate = Gate::new();
    env.sim
        .faults()
        .add(Fault::on("POST", "/").times(1), Action::CloseAfterApply);
    // The search that follows is held until the resource is being deleted.
    env.sim.faults().add(list, Action::HoldBefore(gate.clone()));
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.credentials("github").delete().await;
    gate.open();
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn a_deletion_waits_for_a_create_that_may_still_be_applied() {
    let mut env = Environment::new().await;
    env.start_operator_that_waits();
    let later = Action::ApplyLater(Duration::from_millis(400));
    env.sim.faults().add(Fault::on("POST", "/").times(1), later);
    env.apply(credentials("github")).await;
    env.sim
        .wait_for(
            |journal| journal.iter().any(|entry| entry.status == 504),
            PATIENCE,
        )
        .await
        .unwrap();
    env.credentials("github").remove().await;
    env.sim.settled().await;
    assert!(
        env.live(Kind::Credentials).is_empty(),
        "{}",
        env.describe().await
    );
    assert_eq!(
        env.ever(Kind::Credentials).len(),
        1,
        "one was made, and is gone"
    );
}

#[tokio::test]
async fn a_deletion_after_a_death_in_mid_create_finds_what_was_made() {
    let mut env = Environment::running().await;
    let gate = Gate::new();
    env.sim.faults().add(
        Fault::on("POST", "/").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.kill_operator();
    gate.open();
    env.credentials("github").delete().await;
    env.start_operator();
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}
