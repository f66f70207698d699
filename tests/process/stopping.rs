//! Ends: asked for, in the middle of a call, while standing by.

use crate::support::{Environment, Kind, PATIENCE, QUIET, credentials, secret};
use k8s_openapi::api::coordination::v1::Lease;
use metorial_simulator::{Action, Fault, Gate};

async fn holder(env: &Environment) -> String {
    let lease = env.api::<Lease>().get("metorial-operator").await.unwrap();
    lease.spec.unwrap().holder_identity.unwrap_or_default()
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_in_mid_call_finishes_it_and_gives_its_lease_up() {
    let env = Environment::new().await;
    let mut leader = env.start_process(&[]).await;
    env.wait_leads(&leader).await;
    assert!(!holder(&env).await.is_empty());
    let gate = Gate::new();
    env.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials"),
        Action::HoldAfterApply(gate.clone()),
    );
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    leader.terminate();
    env.apply(credentials("too-late")).await;
    // Longer than an operator needs to begin with a resource that was applied.
    tokio::time::sleep(QUIET).await;
    assert!(leader.ended().is_none(), "the call is still on its way");
    assert_eq!(env.attempts().len(), 1, "nothing new is begun");
    gate.open();

    let (ended, log) = env.wait_ended(&mut leader).await;
    assert_eq!(ended.code(), Some(0), "{log}");
    let github = env.credentials("github").get().await;
    assert!(
        github.is_ready(),
        "the result of the call is recorded\n{log}"
    );
    assert_eq!(holder(&env).await, "");

    env.sim.faults().clear();
    let successor = env.start_process(&[]).await;
    env.wait_leads(&successor).await;
    env.credentials("too-late").wait_ready().await;
    assert_eq!(env.live(Kind::Credentials).len(), 2);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_process_that_stands_by_ends_at_once_and_leaves_the_lease_alone() {
    let env = Environment::new().await;
    let mut leader = env.start_process(&[]).await;
    env.wait_leads(&leader).await;
    let held = holder(&env).await;
    let mut standby = env.start_process(&[]).await;
    env.wait_serves(&standby).await;
    standby.interrupt();
    let (ended, log) = env.wait_ended(&mut standby).await;
    assert_eq!(ended.code(), Some(0), "{log}");
    assert_eq!(holder(&env).await, held);
    assert!(leader.ended().is_none());
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
}

#[tokio::test]
async fn a_process_without_rivals_takes_no_lease_and_ends_when_asked_to() {
    let env = Environment::new().await;
    let mut only = env.start_process(&["--leader-elect=false"]).await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert!(
        env.api::<Lease>()
            .get_opt("metorial-operator")
            .await
            .unwrap()
            .is_none()
    );
    only.terminate();
    let (ended, log) = env.wait_ended(&mut only).await;
    assert_eq!(ended.code(), Some(0), "{log}");
}

#[tokio::test]
async fn a_leader_that_can_not_read_its_identity_is_not_ready_and_ends_when_it_is_asked_to() {
    let env = Environment::new().await;
    let name = "metorial-operator-fingerprint-key";
    env.apply(secret(name, &[("key", "short"), ("installation", "i")]))
        .await;
    for leads in ["true", "false"] {
        let flag = format!("--leader-elect={leads}");
        let mut leader = env.start_process(&[&flag]).await;
        env.until("the process says why it is not ready", async || {
            let (status, body) = leader.get("/readyz").await?;
            (status == 503 && body.contains(name)).then_some(())
        })
        .await;
        leader.terminate();
        let (ended, log) = env.wait_ended(&mut leader).await;
        assert_eq!(ended.code(), Some(0), "{log}");
        if leads == "true" {
            assert_eq!(holder(&env).await, "");
        }
    }
}
