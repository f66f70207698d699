//! Two replicas: one leads, and another takes over when it is gone; a leader that was asleep writes nothing more.

use crate::support::{
    ApiProxy, Environment, Kind, PATIENCE, Process, auth_config, credentials, export,
    reconcile_timeout, write_without_leading,
};
use control_plane::free_address;
use k8s_openapi::api::coordination::v1::Lease;
use metorial_simulator::Gate;
use std::path::Path;
use std::time::{Duration, Instant};

/// The time for which another replica sees the same renewal before it leads.
const LEASE: Duration = Duration::from_secs(15);

/// An environment with a leader and a replica that stands by. Their calls may be answered long after their process was woken
/// again.
async fn two_patient_replicas() -> (Environment, Process, Process) {
    two_replicas(&["--request-timeout=2m", &reconcile_timeout("5m")]).await
}

async fn two_replicas(flags: &[&str]) -> (Environment, Process, Process) {
    let env = Environment::new().await;
    let leader = env.start_process(flags).await;
    env.wait_leads(&leader).await;
    let standby = env.start_process(flags).await;
    env.wait_serves(&standby).await;
    (env, leader, standby)
}

/// The same, where the leader reaches the cluster through a proxy.
async fn two_replicas_and_a_proxy() -> (Environment, ApiProxy, Process, Process) {
    let env = Environment::new().await;
    let user = env
        .plane
        .kubeconfig_for_service_account(&env.namespace, "metorial-operator");
    let proxy = ApiProxy::start(user.await.unwrap(), Vec::new()).await;
    let admin = free_address();
    let kubeconfig = proxy.kubeconfig(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let leader = Process::start(&kubeconfig, &env.flags(admin), admin);
    env.wait_leads(&leader).await;
    let standby = env.start_process(&[]).await;
    env.wait_serves(&standby).await;
    (env, proxy, leader, standby)
}

/// Waits until the lease is renewed; returns a moment before that, at which it was not yet.
async fn wait_renewed(env: &Environment) -> Instant {
    let leases = env.api::<Lease>();
    let version = async || {
        let lease = leases.get_opt("metorial-operator").await.unwrap()?;
        lease.metadata.resource_version
    };
    let before = env
        .until("there is a lease", async || version().await)
        .await;
    let mut last = Instant::now();
    env.until("the lease is renewed", async || {
        let began = Instant::now();
        match version().await? == before {
            true => last = began,
            false => return Some(()),
        }
        None
    })
    .await;
    last
}

/// Has the client secret of a ready resource rotated, and the response to the first request of this method held.
async fn rotation_held_after(env: &Environment, method: &str) -> Gate {
    env.create(credentials("github")).await;
    let gate = env.hold_after(method, "/provider-auth-credentials");
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    gate
}

/// Waits until the one object at Metorial has this client secret.
async fn wait_secret(env: &Environment, secret: &str) {
    env.wait_only(Kind::Credentials, "rotated", |object| {
        object.write_only["client_secret"] == secret
    })
    .await;
}

#[tokio::test]
async fn a_leader_that_renews_stays_the_only_one_for_longer_than_a_lease_lasts() {
    let (env, leader, standby) = two_patient_replicas().await;
    let lease = async || {
        let lease = env.api::<Lease>().get("metorial-operator").await.unwrap();
        let spec = lease.spec.unwrap();
        (spec.holder_identity, spec.lease_transitions.unwrap_or(0))
    };
    let first = lease().await;
    let began = Instant::now();
    for _ in 0..6 {
        wait_renewed(&env).await;
        assert_eq!(standby.leads().await, Some(false));
        assert_eq!(lease().await, first);
    }
    assert!(began.elapsed() > LEASE, "{:?}", began.elapsed());
    assert_eq!(leader.leads().await, Some(true));
}

#[tokio::test]
async fn a_killed_leader_is_succeeded_when_its_lease_has_run_out_and_its_half_done_create_is_found()
{
    let (env, leader, standby) = two_patient_replicas().await;
    let gate = env.hold_after("POST", "/provider-auth-credentials");
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    // The next renewal is after this moment.
    let renewed = wait_renewed(&env).await;
    leader.kill();
    gate.open();
    assert_eq!(standby.leads().await, Some(false));

    env.wait_leads(&standby).await;
    assert!(renewed.elapsed() >= LEASE, "{:?}", renewed.elapsed());
    env.credentials("github").wait_ready().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    assert_eq!(standby.api_requests("POST").await, 0.0);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_lease_that_is_deleted_makes_no_second_leader() {
    let (env, leader, standby) = two_patient_replicas().await;
    env.until("it knows who leads", async || {
        standby.log().contains("standing by").then_some(())
    })
    .await;
    let leases = env.api::<Lease>();
    let holder = async || {
        let lease = leases.get_opt("metorial-operator").await.unwrap()?;
        lease.spec?.holder_identity
    };
    let before = holder().await;
    env.delete::<Lease>("metorial-operator").await;
    let again = env.until("there is a lease again", async || holder().await);
    assert_eq!(Some(again.await), before);
    // The replica that stands by has read it by the time that the leader has renewed it twice.
    for _ in 0..2 {
        wait_renewed(&env).await;
    }

    leader.freeze();
    let deleted = Instant::now();
    env.delete::<Lease>("metorial-operator").await;
    env.wait_leads(&standby).await;
    let elapsed = deleted.elapsed();
    assert!(elapsed >= LEASE, "{elapsed:?}");
    leader.thaw();
    env.wait_leads_no_more(&leader).await;
}

#[tokio::test]
async fn a_leader_that_slept_past_its_lease_writes_nothing_when_it_wakes() {
    let (env, sleeper, successor) = two_patient_replicas().await;
    // It falls asleep in the middle of a reconciliation, between the read and the write.
    let gate = rotation_held_after(&env, "GET").await;
    sleeper.freeze();
    gate.open();
    env.wait_leads(&successor).await;
    wait_secret(&env, "rotated-0123456789").await;
    let settled = env
        .credentials("github")
        .wait("ready with the new secret", |github| {
            let pushed = github.status().inputs.unwrap_or_default();
            let times = pushed.iter().map(|input| &input.pushed_at);
            github.is_ready() && times.clone().min() != times.max()
        })
        .await;
    env.check_quiet_process().await;

    sleeper.thaw();
    env.wait_leads_no_more(&sleeper).await;
    env.check_quiet_process().await;
    assert_eq!(sleeper.api_requests("PATCH").await, 0.0);
    assert_eq!(successor.api_requests("PATCH").await, 1.0);
    assert_eq!(env.attempts().len(), 2);
    let now = env.credentials("github").get().await;
    assert_eq!(now.resource_version(), settled.resource_version());
    env.check_oracles().await;

    // It stands by, and leads again when its turn comes.
    successor.terminate();
    env.wait_leads(&sleeper).await;
    env.rotate("oauth-app", "client-secret", "rotated-again-0123456789")
        .await;
    wait_secret(&env, "rotated-again-0123456789").await;
    env.credentials("github").wait_recorded().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_leader_that_slept_while_its_write_was_answered_does_not_report_what_is_outdated() {
    let (env, sleeper, successor) = two_patient_replicas().await;
    let gate = rotation_held_after(&env, "PATCH").await;
    sleeper.freeze();
    gate.open();
    env.wait_leads(&successor).await;
    env.rotate("oauth-app", "client-secret", "rotated-again-0123456789")
        .await;
    wait_secret(&env, "rotated-again-0123456789").await;
    let recorded = env.credentials("github").wait_recorded().await;
    env.check_quiet_process().await;

    sleeper.thaw();
    env.wait_leads_no_more(&sleeper).await;
    env.check_quiet_process().await;
    let now = env.credentials("github").get().await;
    assert_eq!(now.resource_version(), recorded.resource_version());
    // The response to the sleeper's PATCH is counted only if it was read before the leadership had ended.
    assert_eq!(successor.api_requests("PATCH").await, 1.0);
    assert_eq!(env.attempts().len(), 3);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_leader_that_slept_begins_anew_although_its_successor_has_released_the_lease() {
    let (env, sleeper, successor) = two_replicas(&[]).await;
    env.apply(auth_config("linear")).await;
    env.value("token", "first").await;
    env.create(export("worker", "linear", "linear-token")).await;
    env.export("worker").wait_ready().await;

    sleeper.freeze();
    env.wait_leads(&successor).await;
    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_ready().await;
    successor.terminate();
    env.until("the lease is free", async || {
        let lease = env.api::<Lease>().get("metorial-operator").await.unwrap();
        let holder = lease.spec.and_then(|spec| spec.holder_identity);
        holder.is_none_or(|holder| holder.is_empty()).then_some(())
    })
    .await;

    // It still has the first value in memory, and must not write that.
    sleeper.thaw();
    env.until("it has noticed", async || {
        sleeper.log().contains("leadership lost").then_some(())
    })
    .await;
    env.wait_leads(&sleeper).await;
    env.export("worker").reconcile_now().await;
    let text = env.secret_text("linear-token", "token").await;
    assert_eq!(text.as_deref(), Some("second"));
    assert_eq!(env.exports().len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_operator_that_does_not_lead_writes_nothing_to_the_cluster() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    // It is written after the status.
    env.credentials("github").wait_event("Created").await;
    let events = env.credentials("github").events().await;
    let refused = write_without_leading(&env, "github").await;
    assert_eq!(refused, [true; 3]);
    assert_eq!(env.credentials("github").events().await, events);
    env.check_unwritten(&made).await;
}

#[tokio::test]
async fn a_replica_that_stands_by_asks_nothing_and_writes_nothing() {
    let (env, leader, standby) = two_patient_replicas().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(standby.api_requests("").await, 0.0);
    assert!(leader.api_requests("").await >= 2.0);
    for page in ["/livez", "/readyz"] {
        assert_eq!(standby.get(page).await.unwrap().0, 200);
    }
    let lease = env.api::<Lease>().get("metorial-operator").await.unwrap();
    assert_eq!(lease.spec.unwrap().lease_duration_seconds, Some(15));
}

#[tokio::test]
async fn a_leader_that_can_not_reach_the_cluster_is_succeeded_and_sends_nothing_more_to_the_api() {
    let (env, proxy, leader, successor) = two_replicas_and_a_proxy().await;
    // It is cut off in the middle of a reconciliation, between the read and the write.
    let gate = rotation_held_after(&env, "GET").await;
    proxy.cut();
    env.wait_leads(&successor).await;
    gate.open();
    env.wait_leads_no_more(&leader).await;
    wait_secret(&env, "rotated-0123456789").await;
    env.credentials("github").wait_recorded().await;

    proxy.mend();
    env.check_quiet_process().await;
    assert_eq!(leader.api_requests("PATCH").await, 0.0);
    assert_eq!(successor.api_requests("PATCH").await, 1.0);
    assert_eq!(env.attempts().len(), 2);
    env.check_oracles().await;

    // It stands by, and leads again when its turn comes.
    successor.terminate();
    env.wait_leads(&leader).await;
}
