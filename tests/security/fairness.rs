//! What takes long or fails in one namespace does not delay another one.

use crate::support::{AllNamespaces, PATIENCE, connection, credentials, secret, with_timeouts};
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;

/// More resources than the operator reconciles at once.
const SLOW: usize = 20;

#[tokio::test]
async fn a_namespace_whose_requests_all_hang_leaves_workers_to_others() {
    let mut everywhere = AllNamespaces::new().await;
    let (slow_instance, slow_key) = everywhere.home.another_instance();
    let slow = everywhere.namespace(json!({})).await;
    let other = everywhere.namespace(json!({})).await;
    let sim = &everywhere.home.sim;
    let keys = [(&slow, &slow_key), (&other, &everywhere.home.key)];
    for (team, key) in keys {
        team.apply(team.app_secret()).await;
        team.apply(secret("metorial", &[("api-key", key)])).await;
        team.apply(connection("default", &sim.url())).await;
    }
    let gate = Gate::new();
    let create = Fault::on("POST", "/provider-auth-credentials").instance(&slow_instance);
    sim.faults().add(create, Action::HoldBefore(gate.clone()));
    // No request is given up while the gate is closed.
    let settings = with_timeouts(everywhere.settings(), PATIENCE * 4, PATIENCE * 8);
    everywhere.home.start_operator_with(settings);
    let sim = &everywhere.home.sim;
    for number in 0..SLOW {
        slow.apply(credentials(&format!("slow-{number}"))).await;
    }
    // Six of the eight workers; nobody else needs the others yet.
    assert!(gate.wait_for_arrivals(6, PATIENCE).await);
    other.apply(credentials("github")).await;
    other.credentials("github").wait_ready().await;
    let mut hanging = sim.journal();
    hanging.retain(|entry| entry.is_write() && entry.instance.as_ref() == Some(&slow_instance));
    let unanswered = hanging.iter().all(|entry| entry.answered_at.is_none());
    assert!(
        unanswered && hanging.len() == 6,
        "it waited for the slow ones"
    );
    gate.open();
    for number in 0..SLOW {
        slow.credentials(&format!("slow-{number}"))
            .wait_ready()
            .await;
    }
}
