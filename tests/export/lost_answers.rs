//! The value of an export is only in its answer: an export whose answer is lost has to be made again, once, and counts.

use crate::support::{
    Environment, Form, Given, Kind, Loss, PATIENCE, Samples, Scenario, VALUES, each, free_address,
};
use metorial_operator::settings::Settings;
use metorial_simulator::Profile;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// The losses of an answer that don't hang.
const LOSSES: [Loss; 4] = [
    Loss::Closed,
    Loss::Cut,
    Loss::GatewayTimeout,
    Loss::AppliedLater,
];

/// An operator whose metrics can be read, and that reckons with exports that are applied later.
fn start_observed(env: &mut Environment) -> SocketAddr {
    let listen = free_address();
    let mut settings = env.settings();
    settings.timing.settle = Duration::from_secs(3);
    env.start_operator_with(Settings { listen, ..settings });
    listen
}

async fn repeated(admin: SocketAddr) -> f64 {
    Samples::of(admin).await.get("exports_repeated_total")
}

#[tokio::test]
async fn an_export_whose_answer_is_lost_is_made_once_more() {
    each(LOSSES, async |loss| {
        let mut scenario = Given::form(Form::Export).prepared().await;
        let admin = start_observed(&mut scenario);
        scenario.next("POST", Kind::Export.path(), loss.after());
        scenario.apply_tested().await;
        scenario
            .wait_secret_text("exported", "token", VALUES[0])
            .await;
        scenario.sim.settled().await;
        scenario.tested().wait_ready().await;
        scenario.check_oracles().await;
        assert_eq!(scenario.exports().len(), 2);
        scenario.tested().reconcile_now().await;
        assert_eq!(scenario.exports().len(), 2);
        // One that is applied later may be there when the next one is made, or not yet.
        let counted = repeated(admin).await;
        assert!(counted == 1.0 || (loss == Loss::AppliedLater && counted == 0.0));
    })
    .await;
}

#[tokio::test]
async fn an_export_below_a_deployment_whose_answer_is_lost_is_made_once_more() {
    let given = Given::form(Form::Export).at(Profile::Reference);
    let mut scenario = given.prepared().await;
    let admin = start_observed(&mut scenario);
    scenario.next("POST", "/provider-deployments", Loss::Closed.after());
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    assert_eq!(scenario.exports().len(), 2);
    assert_eq!(repeated(admin).await, 1.0);
    scenario.check_oracles().await;
}

/// The operator is killed after an export was made and before its answer came.
async fn lost_by_a_crash(spec: Value) -> (Scenario, SocketAddr) {
    let mut scenario = Given::form(Form::Export).with_spec(spec).prepared().await;
    let gate = scenario.hold_after("POST", Kind::Export.path());
    scenario.apply_tested().await;
    scenario.start();
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    scenario.kill_operator();
    let admin = start_observed(&mut scenario);
    (scenario, admin)
}

#[tokio::test]
async fn an_export_that_was_lost_by_a_crash_is_made_once_more_and_counted() {
    let (mut scenario, admin) = lost_by_a_crash(json!({})).await;
    scenario.wait_synced(VALUES[0]).await;
    assert_eq!(scenario.exports().len(), 2);
    assert_eq!(repeated(admin).await, 1.0);
    let object = scenario.tested().get().await;
    let recent = object.field("recentExports").as_array().unwrap();
    assert_eq!(recent.len(), 2, "the lost one counts");
    scenario.stop_operator().await;
    let admin = start_observed(&mut scenario);
    scenario.tested().reconcile_now().await;
    scenario.change(VALUES[1]).await;
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.exports().len(), 3);
    assert_eq!(repeated(admin).await, 0.0, "it was counted once");
    scenario.check_oracles().await;
}

#[tokio::test]
async fn exports_that_were_lost_by_crashes_count_against_the_budget() {
    let (scenario, admin) = lost_by_a_crash(json!({"maxPerDay": 1})).await;
    let spent = scenario.tested().wait_reason("ExportBudgetSpent").await;
    let message = spent.message();
    assert!(message.starts_with("1 exports"), "{message}");
    assert_eq!(scenario.exports().len(), 1);
    assert_eq!(repeated(admin).await, 0.0);
}
