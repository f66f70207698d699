//! An API server that stops, comes back, or does not answer; and definitions that are not installed yet.

use crate::support::{
    Environment, Kind, PATIENCE, Process, RECONCILIATIONS_RUNNING, Setup, credentials,
    free_address, own_plane, reconcile_timeout, succeed, sweep,
};
use control_plane::Part;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams};
use metorial_operator::resources::definitions;
use std::path::Path;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Whose turn it is to stop the API server.
static TURN: Mutex<()> = Mutex::const_new(());

/// An environment on a control plane that these stories alone use, one at a time.
async fn alone() -> (Environment, MutexGuard<'static, ()>) {
    let turn = TURN.lock().await;
    let plane = own_plane().await;
    sweep(&plane.client()).await;
    let env = Environment::on(plane, Setup::default()).await;
    env.apply_basics().await;
    (env, turn)
}

/// An API server that stands still until this is dropped, also where an assertion fails: other stories use it.
struct StandsStill<'a>(&'a Environment);

impl<'a> StandsStill<'a> {
    fn new(env: &'a Environment) -> Self {
        env.plane.freeze(Part::ApiServer).unwrap();
        Self(env)
    }
}

impl Drop for StandsStill<'_> {
    fn drop(&mut self) {
        // What comes next fails where that did.
        self.0.plane.thaw(Part::ApiServer).ok();
    }
}

async fn lives(process: &mut Process) {
    assert!(process.ended().is_none(), "{}", process.log());
    assert_eq!(
        process.get("/livez").await.unwrap().0,
        200,
        "{}",
        process.log()
    );
}

#[tokio::test]
async fn an_api_server_that_is_away_for_a_while_ends_no_process_and_loses_no_change() {
    let (env, _turn) = alone().await;
    let mut process = env
        .start_process(&["--request-timeout=5s", &reconcile_timeout("20s")])
        .await;
    env.apply(credentials("github")).await;
    let before = env.credentials("github").wait_ready().await;

    env.plane.stop(Part::ApiServer);
    // It stops leading by itself: it can't renew, so another could lead by then.
    env.wait_leads_no_more(&process).await;
    lives(&mut process).await;
    env.plane.start_again(Part::ApiServer).await.unwrap();
    env.apply(credentials("late")).await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_leads(&process).await;
    env.credentials("late").wait_ready().await;
    env.wait_client_secret(2, "rotated-0123456789").await;
    let after = env.credentials("github").wait_ready().await;
    assert_eq!(after.status().id, before.status().id);
    lives(&mut process).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn watches_that_break_off_again_and_again_lose_no_event() {
    let (env, _turn) = alone().await;
    let mut process = env.start_process(&[]).await;
    env.wait_leads(&process).await;
    for round in 0..3 {
        let name = format!("app-{round}");
        let secret = format!("rotated-{round}-0123456789");
        env.plane.start_again(Part::ApiServer).await.unwrap();
        env.apply(credentials(&name)).await;
        env.rotate("oauth-app", "client-secret", &secret).await;
        env.wait_client_secret(round + 1, &secret).await;
        if round > 0 {
            let former = format!("app-{}", round - 1);
            env.credentials(&former).wait_ready().await;
        }
    }
    env.credentials("app-0").remove().await;
    env.credentials("app-2").wait_ready().await;
    lives(&mut process).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn reconciliations_end_by_their_deadline_when_the_api_server_stands_still() {
    let (env, _turn) = alone().await;
    let flags = [
        "--leader-elect=false",
        "--request-timeout=1s",
        &reconcile_timeout("3s"),
    ];
    let mut process = env.start_process(&flags).await;
    env.connection("default").wait_reason("Synced").await;
    let gate = env.hold_after("POST", "/provider-auth-credentials");
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    let stands_still = StandsStill::new(&env);
    gate.open();
    let ended = async || {
        let running = process.metric(RECONCILIATIONS_RUNNING).await?;
        (running == 0.0).then_some(())
    };
    // `until` would describe the cluster, which stands still too.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while ended().await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "{}", process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lives(&mut process).await;
    drop(stands_still);

    let github = env.credentials("github").wait_ready().await;
    assert!(github.condition("Stalled").is_none());
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_holds_up_neither_a_start_nor_an_end() {
    let (env, _turn) = alone().await;
    let flags = ["--request-timeout=2s", &reconcile_timeout("5s")];
    let mut leader = env.start_process(&flags).await;
    env.wait_leads(&leader).await;
    env.connection("default").wait_reason("Synced").await;
    let kubeconfig = env.kubeconfig().await;
    let _stands_still = StandsStill::new(&env);
    leader.terminate();
    let (ended, log) = env.wait_ended(&mut leader).await;
    assert_eq!(ended.code(), Some(0), "{log}");

    let admin = free_address();
    let mut flags = env.flags(admin);
    flags.push("--request-timeout=8s".to_owned());
    let mut late = Process::start(&kubeconfig, &flags, admin);
    env.until("it is alive but not ready", async || {
        let (ready, _) = late.get("/readyz").await?;
        let (live, _) = late.get("/livez").await?;
        (ready == 503 && live == 200).then_some(())
    })
    .await;
    let (ended, log) = env.wait_ended(&mut late).await;
    assert_eq!(ended.code(), Some(1), "{log}");
    let errors: Vec<_> = log
        .lines()
        .filter(|line| line.starts_with("metorial-operator: "))
        .collect();
    assert_eq!(errors.len(), 1, "{log}");
    assert!(errors[0].contains("no answer in time"), "{log}");
}

#[tokio::test]
async fn a_process_waits_for_definitions_that_are_missing_and_continues_when_they_are_installed_again()
 {
    let (env, _turn) = alone().await;
    remove_definitions(&env).await;
    let levels = "--log=info,metorial_operator::runtime::list_watch=debug";
    let mut process = env.start_process(&[levels]).await;
    env.wait_leads(&process).await;
    let missing = env
        .until("it is not ready", async || {
            let (status, body) = process.get("/readyz").await?;
            let all = ["AuthExport", "ProviderConfigVault"].iter();
            let all = all.clone().all(|kind| body.contains(kind));
            (status == 503 && all).then_some(body)
        })
        .await;
    assert!(missing.contains("apply the operator's CRDs"), "{missing}");
    lives(&mut process).await;

    for round in 1..3 {
        install_definitions(&env).await;
        env.apply(env.default_connection()).await;
        env.apply(credentials("github")).await;
        let made = env.credentials("github").wait_ready().await;
        assert!(made.is_ready() && made.uid().is_some());
        env.wait_serves(&process).await;
        assert_eq!(env.live(Kind::Credentials).len(), 1);
        // With the definition go all objects of it, and what they stand for.
        remove_definitions(&env).await;
        assert!(env.live(Kind::Credentials).is_empty());
        assert_eq!(env.ever(Kind::Credentials).len(), round);
        lives(&mut process).await;
    }
    install_definitions(&env).await;
    // Said once each time that they were missing.
    let log = process.log();
    let imports = log
        .lines()
        .filter(|line| line.contains("\"kind\":\"AuthImport\""));
    let missing = imports
        .clone()
        .filter(|line| line.contains("apply the operator's CRDs"))
        .count();
    assert!((1..=3).contains(&missing), "{missing}: {log}");
    // A watch that is accepted again may end at its first event, so a list comes before the kind counts as watched.
    let steps: Vec<&str> = imports.collect();
    let watched = |line: &&str| line.contains("watching again");
    assert!(steps.iter().any(watched), "{log}");
    for (before, after) in steps.iter().zip(&steps[1..]) {
        let listed = before.contains("listed; watching");
        assert!(listed || !watched(after), "{before}\n{after}");
    }
}

async fn remove_definitions(env: &Environment) {
    let api = Api::<CustomResourceDefinition>::all(env.client.clone());
    // Users first: a connection waits for them.
    for definition in definitions().iter().rev() {
        api.delete(&definition.name_any(), &DeleteParams::default())
            .await
            .unwrap();
        env.until("the definition is gone", async || {
            let found = api.get_opt(&definition.name_any()).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
    }
}

async fn install_definitions(env: &Environment) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut apply = env.plane.kubectl();
    apply
        .args(["apply", "--server-side", "--force-conflicts", "-f"])
        .arg(directory);
    let mut wait = env.plane.kubectl();
    wait.args([
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd",
        "--all",
    ]);
    // kubectl remembers which kinds there are, and looks again only if it is asked to.
    let mut look = env.plane.kubectl();
    look.args(["api-resources", "--cached=false"]);
    for kubectl in [apply, wait, look] {
        succeed(kubectl).await;
    }
}
