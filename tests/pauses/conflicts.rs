//! Somebody changes a resource between the operator's read and its write: nothing is asked of the API again for that.

use crate::support::{Environment, KubeCall, KubeGate, PATIENCE, credentials};
use serde_json::json;

const PATH: &str = "/provider-auth-credentials";

/// Changes what has no effect on a decision.
async fn touch(env: &Environment) {
    let metadata = json!({"annotations": {"example.com/touched": "yes"}});
    env.credentials("github")
        .patch(json!({"metadata": metadata}))
        .await;
}

/// The methods of the requests for objects so far. Descriptions of providers and of the server are read once an hour.
fn methods(env: &Environment) -> Vec<String> {
    let journal = env.sim.journal().into_iter();
    let of_objects = journal.filter(|entry| entry.path.starts_with(PATH));
    of_objects.map(|entry| entry.method).collect()
}

#[tokio::test]
async fn a_finalizer_is_removed_after_a_conflict_without_another_request() {
    let env = Environment::running().await;
    env.create(credentials("other")).await;
    env.create(credentials("github")).await;
    env.sim.clear_journal();
    env.credentials("other").remove().await;
    let undisturbed = methods(&env);

    env.sim.clear_journal();
    let gate = env.hold_after("DELETE", PATH);
    env.credentials("github").delete().await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    touch(&env).await;
    gate.open();
    env.credentials("github").wait_gone().await;
    assert_eq!(methods(&env), undisturbed);
}

#[tokio::test]
async fn a_finalizer_is_added_after_a_conflict_without_another_request() {
    let env = Environment::running().await;
    env.connection("default").wait_reason("Synced").await;
    let theirs = env.create_by_hand(json!({})).await;
    env.apply(credentials("github").adopting(&theirs.id)).await;
    env.credentials("github").wait_ready().await;
    let undisturbed = methods(&env);
    env.credentials("github").remove().await;

    let theirs = env.create_by_hand(json!({})).await;
    let gate = env.hold_after("GET", PATH);
    env.apply(credentials("github").adopting(&theirs.id)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    touch(&env).await;
    gate.open();
    env.credentials("github").wait_ready().await;
    assert_eq!(methods(&env), undisturbed);
}

#[tokio::test]
async fn a_change_of_the_spec_in_between_is_decided_upon_before_anything_is_written() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({})).await;
    let gate = env.hold_after("GET", PATH);
    let manifest = credentials("github").adopting(&theirs.id);
    env.apply(manifest).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.credentials("github")
        .edit(json!({"name": "renamed", "adopt": {"policy": "Override"}}))
        .await;
    gate.open();
    env.credentials("github").wait_ready().await;
    let patches = env.patches();
    assert_eq!(patches.len(), 1, "{patches:#?}");
    assert_eq!(patches[0]["name"], "renamed");
}

#[tokio::test]
async fn a_status_is_written_after_a_conflict_without_another_request() {
    let mut env = Environment::new().await;
    let write = KubeCall("PATCH providerauthcredentials/github/status".to_owned());
    let gate = KubeGate::conflicting(write.clone());
    env.start_operator_behind(&gate);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let calls = gate.calls();
    let writes = calls.iter().filter(|call| **call == write);
    assert_eq!(writes.count(), 2, "{calls:#?}");
    assert_eq!(methods(&env), ["POST"], "{:#?}", env.requests());
    env.check_oracles().await;
}
