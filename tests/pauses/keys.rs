//! An API key that is refused, and events about its Secret.

use super::{Reconciliations, patient, refresh, settled};
use crate::support::{Environment, credentials};
use metorial_simulator::{Action, Fault};

/// A connection whose key is refused.
async fn refused() -> (Environment, Reconciliations) {
    let mut env = Environment::new().await;
    let reconciliations = Reconciliations::default();
    env.sim.revoke_key(&env.key);
    let settings = patient(env.settings());
    env.start_operator_with(reconciliations.counted("Connection", settings));
    env.apply(credentials("github")).await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.credentials("github")
        .wait_reason("ConnectionNotReady")
        .await;
    settled(&env).await;
    (env, reconciliations)
}

#[tokio::test]
async fn a_secret_that_a_tool_refreshes_costs_no_request_while_its_key_is_refused() {
    let (env, reconciliations) = refused().await;
    let asked = env.requests();
    refresh(&env, "metorial", &reconciliations).await;
    settled(&env).await;
    assert_eq!(env.requests(), asked);

    let key = env.sim.add_key(&env.instance);
    env.use_key(&key).await;
    env.credentials("github").wait_ready().await;
}

#[tokio::test]
async fn a_key_that_was_refused_is_tried_again_on_request() {
    let (env, _) = refused().await;
    let asked = env.requests().len();
    env.connection("default").reconcile_now().await;
    settled(&env).await;
    assert_eq!(env.requests().len(), asked + 1);
    // The next request comes too soon.
    env.connection("default").request_reconcile().await;
    settled(&env).await;
    assert_eq!(env.requests().len(), asked + 1);
}

#[tokio::test]
async fn a_secret_that_a_tool_refreshes_costs_no_request_while_its_key_is_accepted() {
    let mut env = Environment::new().await;
    let reconciliations = Reconciliations::default();
    let settings = patient(env.settings());
    env.start_operator_with(reconciliations.counted("Connection", settings));
    env.create(credentials("github")).await;
    let asked = env.requests();
    refresh(&env, "metorial", &reconciliations).await;
    settled(&env).await;
    assert_eq!(env.requests(), asked);
}

#[tokio::test]
async fn a_connection_that_the_api_can_not_serve_is_not_asked_about_for_each_event() {
    let mut env = Environment::new().await;
    let reconciliations = Reconciliations::default();
    let action = Action::error(503, "unavailable");
    let fault = env.sim.faults().add(Fault::on("GET", "/instance"), action);
    let settings = patient(env.settings());
    env.start_operator_with(reconciliations.counted("Connection", settings));
    env.connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    settled(&env).await;
    let asked = env.sim.faults().happened(fault);
    refresh(&env, "metorial", &reconciliations).await;
    settled(&env).await;
    assert_eq!(env.sim.faults().happened(fault), asked);
}
