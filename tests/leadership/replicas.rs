//! Two replicas: one leads, and another takes over when it is gone; a leader that was asleep writes nothing more.

use crate::support::{PATIENCE, Process, World, credentials, is_ready, sample, status};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Resource, ResourceExt};
use metorial_operator::cluster::lease::Fence;
use metorial_operator::cluster::{Cause, Cluster};
use metorial_operator::metrics::Metrics;
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The lease runs for 15 s from the last renewal, and one came at most 3 s before anything that a test does.
const SOONEST: Duration = Duration::from_secs(11);

/// A world with a leader and a replica that stands by.
async fn two_replicas() -> (World, Process, Process) {
    let world = World::new().await;
    // A call may be answered long after its process was woken again.
    let patient = ["--request-timeout=2m", "--pass-timeout=5m"];
    let leader = world.start_process(&patient).await;
    world.wait_leads(&leader).await;
    let standby = world.start_process(&patient).await;
    world
        .until("the other stands by", async || {
            standby
                .get("/readyz")
                .await
                .filter(|(status, _)| *status == 200)
        })
        .await;
    (world, leader, standby)
}

/// Whether the process says that it leads; `None` while it says nothing.
async fn leads(process: &Process) -> Option<bool> {
    let (_, metrics) = process.get("/metrics").await?;
    Some(sample(&metrics, "metorial_operator_leader") == 1.0)
}

#[tokio::test]
async fn a_killed_leader_is_succeeded_when_its_lease_has_run_out_and_its_half_done_create_is_found()
{
    let (world, leader, standby) = two_replicas().await;
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    world.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    leader.kill();
    let killed = Instant::now();
    gate.open();
    assert_eq!(leads(&standby).await, Some(false));

    world.wait_leads(&standby).await;
    assert!(killed.elapsed() >= SOONEST, "{:?}", killed.elapsed());
    world.wait_ready("github").await;
    assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);
    assert_eq!(standby.api_requests("POST").await, 0.0);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_leader_that_slept_past_its_lease_writes_nothing_when_it_wakes() {
    let (world, sleeper, successor) = two_replicas().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;

    // It falls asleep in the middle of a pass, between the look and the write.
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("GET", "/provider-auth-credentials").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    sleeper.freeze();
    gate.open();
    world.wait_leads(&successor).await;
    world
        .wait_remote("rotated by the successor", |object| {
            object.write_only["client_secret"] == "rotated-0123456789"
        })
        .await;
    let settled = world
        .wait_for("github", "ready with the new secret", |github| {
            let pushed = status(github).inputs.unwrap_or_default();
            let times = pushed.iter().map(|input| &input.pushed_at);
            is_ready(github) && times.clone().min() != times.max()
        })
        .await;
    world.check_quiet().await;

    sleeper.thaw();
    world
        .until("the sleeper knows that it leads no more", async || {
            (leads(&sleeper).await == Some(false)).then_some(())
        })
        .await;
    world.check_quiet().await;
    assert_eq!(sleeper.api_requests("PATCH").await, 0.0);
    assert_eq!(successor.api_requests("PATCH").await, 1.0);
    assert_eq!(world.attempts().len(), 2);
    let now = world.credentials("github").await;
    assert_eq!(now.resource_version(), settled.resource_version());
    world.check_oracles().await;

    // It stands by, and leads again when its turn comes.
    successor.terminate();
    world.wait_leads(&sleeper).await;
    world
        .rotate("oauth-app", "client-secret", "rotated-again-0123456789")
        .await;
    world
        .wait_remote("rotated by the former sleeper", |object| {
            object.write_only["client_secret"] == "rotated-again-0123456789"
        })
        .await;
    world.wait_recorded("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_leader_that_slept_while_its_write_was_answered_does_not_report_what_is_outdated() {
    let (world, sleeper, successor) = two_replicas().await;
    world.make(credentials("github")).await;
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("PATCH", "/provider-auth-credentials").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    sleeper.freeze();
    gate.open();
    world.wait_leads(&successor).await;
    world
        .rotate("oauth-app", "client-secret", "rotated-again-0123456789")
        .await;
    world
        .wait_remote("rotated again by the successor", |object| {
            object.write_only["client_secret"] == "rotated-again-0123456789"
        })
        .await;
    let recorded = world.wait_recorded("github").await;
    world.check_quiet().await;

    sleeper.thaw();
    world
        .until("the sleeper knows that it leads no more", async || {
            (leads(&sleeper).await == Some(false)).then_some(())
        })
        .await;
    world.check_quiet().await;
    let now = world.credentials("github").await;
    assert_eq!(now.resource_version(), recorded.resource_version());
    assert_eq!(sleeper.api_requests("PATCH").await, 1.0);
    assert_eq!(successor.api_requests("PATCH").await, 1.0);
    world.check_oracles().await;
}

#[tokio::test]
async fn nothing_is_written_to_the_cluster_past_a_closed_fence() {
    let world = World::running().await;
    let made = world.make(credentials("github")).await;
    let metrics = Arc::new(Metrics::default());
    let cluster = Cluster::new(world.client.clone(), metrics, PATIENCE).fenced(Fence::default());
    let api = world.api::<ProviderAuthCredentials>();
    let read = cluster.get(&api, "github").await.unwrap();
    assert_eq!(read.unwrap().uid(), made.uid(), "reading is free");

    let status = json!({"id": "par_of_somebody_else"});
    let refused = [
        cluster.patch_status(&api, &made, status).await.unwrap_err(),
        cluster.set_finalizers(&api, &made, &[]).await.unwrap_err(),
        cluster
            .record_orphan(&world.namespace, "uid", "{}")
            .await
            .unwrap_err(),
    ];
    assert!(
        refused.iter().all(|error| error.cause == Cause::NotLeader),
        "{refused:?}"
    );
    let events = world.events("github").await;
    cluster
        .event(&made.object_ref(&()), "Orphaned", false, "late")
        .await;
    assert_eq!(world.events("github").await, events);
    let now = world.credentials("github").await;
    assert_eq!(now.resource_version(), made.resource_version());
}

#[tokio::test]
async fn a_replica_that_stands_by_asks_nothing_and_writes_nothing() {
    let (world, leader, standby) = two_replicas().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    assert_eq!(standby.api_requests("").await, 0.0);
    assert!(leader.api_requests("").await >= 2.0);
    for page in ["/livez", "/readyz"] {
        assert_eq!(standby.get(page).await.unwrap().0, 200);
    }
    let lease = world.api::<Lease>().get("metorial-operator").await.unwrap();
    assert_eq!(lease.spec.unwrap().lease_duration_seconds, Some(15));
}
