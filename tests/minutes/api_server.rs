//! An API server that goes, comes back, or does not answer; and definitions that are not there yet.

use crate::support::{
    PATIENCE, Process, Setup, World, condition_of, credentials, free_address, is_ready, own_plane,
    sample, succeed, sweep,
};
use control_plane::Part;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams};
use metorial_operator::resources::{ProviderAuthCredentials, definitions};
use metorial_simulator::{Action, Fault, Gate};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Whose turn it is to stop the API server.
static TURN: Mutex<()> = Mutex::const_new(());

/// A world on a control plane that these stories alone use, one at a time.
async fn alone() -> (World, MutexGuard<'static, ()>) {
    let turn = TURN.lock().await;
    let plane = own_plane().await;
    sweep(&plane.client()).await;
    let world = World::on(plane, Setup::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    world.apply(world.connection()).await;
    (world, turn)
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
async fn an_api_server_that_is_away_for_a_while_ends_nothing_and_loses_no_change() {
    let (world, _turn) = alone().await;
    let mut process = world
        .start_process(&["--request-timeout=5s", "--reconcile-timeout=20s"])
        .await;
    world.apply(credentials("github")).await;
    let before = world.wait_ready("github").await;

    world.plane.stop(Part::ApiServer);
    // It stops leading by itself: it can't renew, so another could lead by then.
    world
        .until("it leads no more", async || {
            let metrics = process.get("/metrics").await?.1;
            (sample(&metrics, "metorial_operator_leader") == 0.0).then_some(())
        })
        .await;
    lives(&mut process).await;
    world.plane.start_again(Part::ApiServer).await.unwrap();
    world.apply(credentials("late")).await;
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world.wait_leads(&process).await;
    world.wait_ready("late").await;
    world
        .until("everything has the new secret", async || {
            let live = world.remote();
            let rotated = |o: &metorial_simulator::Stored| {
                o.write_only["client_secret"] == "rotated-0123456789"
            };
            (live.len() == 2 && live.iter().all(rotated)).then_some(())
        })
        .await;
    let after = world.wait_ready("github").await;
    assert_eq!(
        after.status.unwrap().common.id,
        before.status.unwrap().common.id
    );
    lives(&mut process).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn watches_that_break_off_again_and_again_lose_no_event() {
    let (world, _turn) = alone().await;
    let mut process = world.start_process(&[]).await;
    world.wait_leads(&process).await;
    for round in 0..3 {
        let name = format!("app-{round}");
        let secret = format!("rotated-{round}-0123456789");
        world.plane.start_again(Part::ApiServer).await.unwrap();
        world.apply(credentials(&name)).await;
        world.rotate("oauth-app", "client-secret", &secret).await;
        world
            .until("all have the new secret", async || {
                let live = world.remote();
                let rotated =
                    |o: &metorial_simulator::Stored| o.write_only["client_secret"] == secret;
                (live.len() == round + 1 && live.iter().all(rotated)).then_some(())
            })
            .await;
        if round > 0 {
            let former = format!("app-{}", round - 1);
            world.wait_ready(&former).await;
        }
    }
    world.delete::<ProviderAuthCredentials>("app-0").await;
    world.wait_gone::<ProviderAuthCredentials>("app-0").await;
    world.wait_ready("app-2").await;
    lives(&mut process).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn passes_end_by_their_deadline_when_the_api_server_stands_still() {
    let (world, _turn) = alone().await;
    let flags = [
        "--leader-elect=false",
        "--request-timeout=1s",
        "--reconcile-timeout=3s",
    ];
    let mut process = world.start_process(&flags).await;
    world.wait_connection_of("default", "Synced").await;
    let gate = Gate::new();
    world.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials").times(1),
        Action::HoldAfterApply(gate.clone()),
    );
    world.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.plane.freeze(Part::ApiServer).unwrap();
    gate.open();
    let ended = async || {
        let metrics = process.get("/metrics").await?.1;
        (sample(&metrics, "metorial_operator_reconciliations_running") == 0.0).then_some(())
    };
    // `until` would describe the world, which stands still too.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while ended().await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "{}", process.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    lives(&mut process).await;
    world.plane.thaw(Part::ApiServer).unwrap();

    let github = world.wait_ready("github").await;
    assert!(condition_of(&github, "Stalled").is_none());
    assert_eq!(world.attempts(), ["POST /provider-auth-credentials"]);
    world.check_oracles().await;
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_holds_up_neither_a_start_nor_an_end() {
    let (world, _turn) = alone().await;
    let flags = ["--request-timeout=2s", "--reconcile-timeout=5s"];
    let mut leader = world.start_process(&flags).await;
    world.wait_leads(&leader).await;
    world.wait_connection_of("default", "Synced").await;
    let kubeconfig = world.kubeconfig().await;
    world.plane.freeze(Part::ApiServer).unwrap();
    leader.terminate();
    let (ended, log) = world.wait_ended(&mut leader).await;
    assert_eq!(ended.code(), Some(0), "{log}");

    let admin = free_address();
    let mut flags = world.flags(admin);
    flags.push("--request-timeout=8s".to_owned());
    let mut late = Process::start(&kubeconfig, &flags, admin);
    world
        .until("it is alive but not ready", async || {
            let (ready, _) = late.get("/readyz").await?;
            let (live, _) = late.get("/livez").await?;
            (ready == 503 && live == 200).then_some(())
        })
        .await;
    let (ended, log) = world.wait_ended(&mut late).await;
    assert_eq!(ended.code(), Some(1), "{log}");
    let told: Vec<_> = log
        .lines()
        .filter(|line| line.starts_with("metorial-operator: "))
        .collect();
    assert_eq!(told.len(), 1, "{log}");
    assert!(told[0].contains("no answer in time"), "{log}");
    world.plane.thaw(Part::ApiServer).unwrap();
}

#[tokio::test]
async fn a_process_waits_for_definitions_that_are_not_there_and_goes_on_when_they_come_again() {
    let (world, _turn) = alone().await;
    remove_definitions(&world).await;
    let mut process = world.start_process(&[]).await;
    world.wait_leads(&process).await;
    world
        .until("it looked for them", async || {
            process.log().contains("a watch failed").then_some(())
        })
        .await;
    lives(&mut process).await;
    assert_eq!(process.get("/readyz").await.unwrap().0, 200);

    for round in 1..3 {
        install_definitions(&world).await;
        world.apply(world.connection()).await;
        world.apply(credentials("github")).await;
        let made = world.wait_ready("github").await;
        assert!(is_ready(&made) && made.uid().is_some());
        assert_eq!(world.remote().len(), 1);
        // With the definition go all objects of it, and what they stand for.
        remove_definitions(&world).await;
        assert!(world.remote().is_empty());
        assert_eq!(world.all_remote().len(), round);
        lives(&mut process).await;
    }
    install_definitions(&world).await;
}

async fn remove_definitions(world: &World) {
    let api = Api::<CustomResourceDefinition>::all(world.client.clone());
    // Users first: a connection waits for them.
    for definition in definitions().iter().rev() {
        api.delete(&definition.name_any(), &DeleteParams::default())
            .await
            .unwrap();
        world
            .until("the definition is gone", async || {
                let found = api.get_opt(&definition.name_any()).await.unwrap();
                found.is_none().then_some(())
            })
            .await;
    }
}

async fn install_definitions(world: &World) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut apply = world.plane.kubectl();
    apply
        .args(["apply", "--server-side", "--force-conflicts", "-f"])
        .arg(directory);
    let mut wait = world.plane.kubectl();
    wait.args([
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd",
        "--all",
    ]);
    // kubectl remembers which kinds there are, and looks again only if it is asked to.
    let mut look = world.plane.kubectl();
    look.args(["api-resources", "--cached=false"]);
    for kubectl in [apply, wait, look] {
        succeed(kubectl).await;
    }
}
