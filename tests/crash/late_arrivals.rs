//! A create that arrives at the API after the operator that sent it was killed.

use crate::support::{Form, Given, Scenario, VALUES, each};
use metorial_simulator::Gate;

/// An operator was killed with a create under way, which arrives when the gate opens.
async fn killed_with_a_create_under_way(form: Form) -> (Scenario, Gate) {
    let mut scenario = Given::form(form).prepared().await;
    let gate = scenario.hold_before("POST", form.create_path());
    scenario.apply_tested().await;
    scenario.start();
    assert!(gate.wait_for_arrivals(1, crate::support::PATIENCE).await);
    scenario.kill_operator();
    scenario.sim.faults().clear();
    (scenario, gate)
}

#[tokio::test]
async fn a_create_that_arrives_after_its_sender_was_killed_is_found() {
    each(Form::SENT_ONCE, async |form| {
        let (mut scenario, gate) = killed_with_a_create_under_way(form).await;
        scenario.start_operator_that_waits();
        let tested = scenario.tested();
        let looking = tested.wait("searching for", |object| {
            object.is_current() && !object.reason().is_empty()
        });
        let looking = looking.await;
        assert_ne!(looking.ready().status, "True", "{form:?}");
        gate.open();
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_created_once();
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_create_that_arrives_after_its_resource_was_deleted_is_undone() {
    let forms = Form::SENT_ONCE.into_iter().filter(|form| !form.borrows());
    each(forms, async |form| {
        let (mut scenario, gate) = killed_with_a_create_under_way(form).await;
        scenario.tested().delete().await;
        scenario.start_operator_that_waits();
        scenario.tested().wait_reason("Deleting").await;
        gate.open();
        scenario.tested().wait_gone().await;
        assert_eq!(scenario.ever_objects().len(), 1, "{form:?}");
        assert!(scenario.live_objects().is_empty(), "{form:?}");
    })
    .await;
}
