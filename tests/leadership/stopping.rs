//! Ends: asked for, in the middle of a call, while standing by.

use crate::support::{PATIENCE, World, credentials, is_ready};
use k8s_openapi::api::coordination::v1::Lease;
use metorial_simulator::{Action, Fault, Gate};
use std::time::Duration;

async fn holder(world: &World) -> String {
    let lease = world.api::<Lease>().get("metorial-operator").await.unwrap();
    lease.spec.unwrap().holder_identity.unwrap_or_default()
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_in_mid_call_finishes_it_and_gives_its_lease_up() {
    let world = World::new().await;
    let mut leader = world.start_process(&[]).await;
    world.wait_leads(&leader).await;
    assert!(!holder(&world).await.is_empty());
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials"),
        Action::HoldAfterApply(gate.clone()),
    );
    world.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    leader.terminate();
    world.apply(credentials("too-late")).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(leader.ended().is_none(), "the call is still on its way");
    assert_eq!(world.attempts().len(), 1, "nothing new is begun");
    gate.open();

    let (ended, log) = world.wait_ended(&mut leader).await;
    assert_eq!(ended.code(), Some(0), "{log}");
    let github = world.credentials("github").await;
    assert!(
        is_ready(&github),
        "what the call brought is recorded\n{log}"
    );
    assert_eq!(holder(&world).await, "");

    world.sim.faults().clear();
    let successor = world.start_process(&[]).await;
    world.wait_leads(&successor).await;
    world.wait_ready("too-late").await;
    assert_eq!(world.remote().len(), 2);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_process_that_stands_by_ends_at_once_and_leaves_the_lease_alone() {
    let world = World::new().await;
    let mut leader = world.start_process(&[]).await;
    world.wait_leads(&leader).await;
    let held = holder(&world).await;
    let mut standby = world.start_process(&[]).await;
    world
        .until("the other stands by", async || {
            standby
                .get("/readyz")
                .await
                .filter(|(status, _)| *status == 200)
        })
        .await;
    standby.interrupt();
    let (ended, log) = world.wait_ended(&mut standby).await;
    assert_eq!(ended.code(), Some(0), "{log}");
    assert_eq!(holder(&world).await, held);
    assert!(leader.ended().is_none());
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
}

#[tokio::test]
async fn a_process_without_rivals_takes_no_lease_and_ends_when_asked_to() {
    let world = World::new().await;
    let mut only = world.start_process(&["--leader-elect=false"]).await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    assert!(
        world
            .api::<Lease>()
            .get_opt("metorial-operator")
            .await
            .unwrap()
            .is_none()
    );
    only.terminate();
    let (ended, log) = world.wait_ended(&mut only).await;
    assert_eq!(ended.code(), Some(0), "{log}");
}
