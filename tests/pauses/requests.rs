//! Requests of a user to reconcile now.

use super::{patient, settled};
use crate::support::{Environment, credentials};
use metorial_simulator::{Action, Fault};
use std::time::Duration;

const PATH: &str = "/provider-auth-credentials";

#[tokio::test]
async fn a_request_ends_the_pause_of_a_refusal_once_and_not_again_right_after() {
    let mut env = Environment::new().await;
    env.start_operator_with(patient(env.settings()));
    let refusal = Action::error(400, "bad_request");
    let fault = env.sim.faults().add(Fault::on("POST", PATH), refusal);
    let github = env.credentials("github");
    env.apply(credentials("github")).await;
    github.wait_reason("RemoteRejected").await;
    github.reconcile_now().await;
    assert_eq!(env.sim.faults().happened(fault), 2);
    let handled = github.get().await.field("lastHandledReconcileAt").clone();
    for _ in 0..10 {
        github.request_reconcile().await;
    }
    settled(&env).await;
    assert_eq!(env.sim.faults().happened(fault), 2);
    // It is not lost: it is handled when its time has come.
    assert_eq!(github.get().await.field("lastHandledReconcileAt"), &handled);
}

#[tokio::test]
async fn requests_one_after_another_are_handled_with_a_rest_in_between() {
    let rest = Duration::from_secs(2);
    let mut env = Environment::new().await;
    let mut settings = env.settings();
    settings.timing.rest = rest;
    env.start_operator_with(settings);
    env.create(credentials("github")).await;
    let github = env.credentials("github");
    env.sim.clear_journal();
    for _ in 0..10 {
        github.request_reconcile().await;
    }
    github.reconcile_now().await;
    github.reconcile_now().await;
    let journal = env.sim.journal();
    assert!(journal.len() >= 2, "{journal:#?}");
    for pair in journal.windows(2) {
        let between = pair[1].at.duration_since(pair[0].at);
        assert!(between >= rest, "{between:?}: {journal:#?}");
    }
    env.check_oracles().await;
}
