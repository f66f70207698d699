//! The fault script, the journal, gates and outages.

use std::sync::Arc;
use std::time::Duration;

use metorial_simulator::{Action, Collection, Fault, Gate, Quirk};
use serde_json::json;

use crate::support::{SOON, World, credentials};

const PATH: &str = "/provider-auth-credentials";

fn custom(world: &World) -> usize {
    let objects = world
        .sim
        .objects(&world.instance, Collection::AuthCredentials);
    objects
        .iter()
        .filter(|object| object.readable["is_managed"] == false)
        .count()
}

async fn create(world: &World) -> reqwest::Result<u16> {
    let request = world.request("POST", PATH).json(&credentials("a"));
    world.try_send(request).await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_lost_answer_is_journalled_as_applied() {
    let world = World::new().await;
    world
        .sim
        .faults()
        .add(Fault::on("POST", PATH).times(1), Action::CloseAfterApply);
    assert!(create(&world).await.is_err());
    assert_eq!(custom(&world), 1);
    let journal = world.sim.journal();
    assert_eq!(journal.len(), 1);
    assert!(journal[0].is_write() && journal[0].applied);
    assert_eq!(journal[0].status, 0);
    assert_eq!(journal[0].instance.as_ref(), Some(&world.instance));
    assert_eq!(journal[0].body["config"]["client_secret"], "hush");
    assert_eq!(create(&world).await.unwrap(), 200);
}

#[tokio::test]
async fn a_connection_closed_before_applies_nothing() {
    let world = World::new().await;
    world
        .sim
        .faults()
        .add(Fault::writes().nth(2), Action::CloseBefore);
    assert_eq!(create(&world).await.unwrap(), 200);
    assert!(create(&world).await.is_err());
    assert_eq!(world.get("/instance").await.status, 200);
    assert_eq!(custom(&world), 1);
    assert!(!world.sim.journal()[1].applied);
    world.sim.faults().clear();
    assert_eq!(create(&world).await.unwrap(), 200);
}

#[tokio::test]
async fn a_timeout_may_be_applied_later() {
    let world = World::new().await;
    let later = Action::ApplyLater(Duration::from_millis(1));
    world
        .sim
        .faults()
        .add(Fault::on("POST", PATH).times(1), later);
    assert_eq!(create(&world).await.unwrap(), 504);
    world
        .sim
        .wait_for(|journal| journal[0].applied, SOON)
        .await
        .unwrap();
    world.sim.settled().await;
    assert_eq!(custom(&world), 1);
    assert_eq!(world.sim.journal()[0].status, 504);
}

#[tokio::test]
async fn answers_can_be_anything() {
    let world = World::new().await;
    let once = |action: Action| world.sim.faults().add(Fault::any().times(1), action);
    once(Action::html(502));
    assert!(
        world
            .get("/instance")
            .await
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    once(Action::error(409, "conflict"));
    assert_eq!(world.get("/instance").await.refusal(), (409, "conflict"));
    once(Action::too_many_requests(Some("-5")));
    assert_eq!(
        world.get("/instance").await.header("retry-after"),
        Some("-5")
    );
    once(Action::no_such_route());
    assert_eq!(world.get(PATH).await.body["entity"], "endpoint");
    once(Action::empty_list());
    assert!(world.get(PATH).await.ids().is_empty());
    once(Action::rewrite(|answer| answer["id"] = json!(7)));
    assert_eq!(world.get("/instance").await.body["id"], 7);
    once(Action::AnswerAfterApply {
        status: 500,
        headers: vec![("X-Echo".to_owned(), "yes".to_owned())],
        body: "boom".into(),
    });
    let answer = world
        .send(world.request("POST", PATH).json(&credentials("a")))
        .await;
    assert_eq!((answer.status, answer.header("x-echo")), (500, Some("yes")));
    assert_eq!(custom(&world), 1);
}

#[tokio::test]
async fn answers_can_be_cut_padded_or_never_come() {
    let world = World::new().await;
    let once = |action: Action| world.sim.faults().add(Fault::any().times(1), action);
    once(Action::CutAnswer(5));
    assert!(
        world
            .try_send(world.request("GET", "/instance"))
            .await
            .is_err()
    );
    once(Action::Pad(100_000));
    assert_eq!(
        world.get("/instance").await.body["id"],
        world.instance.as_str()
    );
    once(Action::PadHeaders(50));
    assert_eq!(
        world.get("/instance").await.header("x-padding-49"),
        Some("49")
    );
    for action in [Action::Hang, Action::Drip, Action::HangAfterApply] {
        once(action);
        let hasty = world
            .request("GET", "/instance")
            .timeout(Duration::from_millis(50));
        assert!(world.try_send(hasty).await.unwrap_err().is_timeout());
    }
    once(Action::Delay(Duration::from_millis(1)));
    assert_eq!(world.get("/instance").await.status, 200);
}

#[tokio::test]
async fn a_gate_holds_a_request_on_either_side_of_its_effect() {
    let world = Arc::new(World::new().await);
    let start = || {
        let world = Arc::clone(&world);
        tokio::spawn(async move { create(&world).await })
    };
    let before = Gate::new();
    world
        .sim
        .faults()
        .add(Fault::writes().times(1), Action::HoldBefore(before.clone()));
    let held = start();
    assert!(before.wait_for_arrivals(1, SOON).await);
    assert_eq!(custom(&world), 0);
    before.open();
    assert_eq!(held.await.unwrap().unwrap(), 200);

    let after = Gate::new();
    world.sim.faults().add(
        Fault::writes().times(1),
        Action::HoldAfterApply(after.clone()),
    );
    let held = start();
    assert!(after.wait_for_arrivals(1, SOON).await);
    assert_eq!(custom(&world), 2);
    let waiting = world.sim.journal().pop().unwrap();
    assert!(waiting.applied && waiting.answered_at.is_none());
    held.abort();
    after.open();
    let answered = |journal: &[metorial_simulator::Entry]| journal[1].answered_at.is_some();
    world.sim.wait_for(answered, SOON).await.unwrap();
}

#[tokio::test]
async fn of_two_patches_at_once_one_is_lost() {
    let world = Arc::new(World::new().await);
    let id = world.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    let race = async || {
        let gate = Gate::new();
        let hold = Action::HoldAfterRead(gate.clone());
        world
            .sim
            .faults()
            .add(Fault::on("PATCH", PATH).times(1), hold);
        let slow = {
            let (world, path) = (Arc::clone(&world), path.clone());
            tokio::spawn(async move { world.patch(&path, json!({"name": "slow"})).await })
        };
        assert!(gate.wait_for_arrivals(1, SOON).await);
        world
            .patch(
                &path,
                json!({"description": "quick", "client_secret": "quick"}),
            )
            .await;
        gate.open();
        assert_eq!(slow.await.unwrap().body["name"], "slow");
        world.sim.object(&id).unwrap()
    };
    let lost = race().await;
    assert_eq!(lost.readable["description"], json!(null));
    assert_eq!(lost.write_only["client_secret"], "hush");
    world.sim.set_quirk(Quirk::PatchWritesAllFields, false);
    let kept = race().await;
    assert_eq!(kept.readable["description"], "quick");
    assert_eq!(kept.write_only["client_secret"], "quick");
}

#[tokio::test]
async fn a_fault_can_be_for_one_instance_or_by_chance() {
    let mut world = World::new().await;
    let kind = metorial_simulator::InstanceType::Development;
    let other = world.sim.add_instance(&world.organisation, kind);
    let only = Fault::any().instance(&other);
    let id = world
        .sim
        .faults()
        .add(only, Action::error(500, "internal_server_error"));
    assert_eq!(world.get("/instance").await.status, 200);
    world.key = world.sim.add_key(&other);
    assert_eq!(world.get("/instance").await.status, 500);
    assert_eq!(world.sim.faults().happened(id), 1);
    world.sim.faults().remove(id);
    let by_chance = Fault::any().chance(0.5);
    let id = world
        .sim
        .faults()
        .add(by_chance, Action::error(503, "internal_server_error"));
    for _ in 0..60 {
        world.get("/instance").await;
    }
    assert!((1..60).contains(&world.sim.faults().happened(id)));
}

#[tokio::test]
async fn an_outage_resets_connections_old_and_new() {
    let world = World::new().await;
    assert_eq!(world.get("/instance").await.status, 200);
    world.sim.set_down(true);
    assert!(
        world
            .try_send(world.request("GET", "/instance"))
            .await
            .is_err()
    );
    assert_eq!(world.sim.journal().len(), 1);
    world.sim.set_down(false);
    assert_eq!(world.get("/instance").await.status, 200);
}

#[tokio::test]
async fn waiting_ends_with_the_world_printed() {
    let world = World::new().await;
    world.get("/instance").await;
    let gave_up = world
        .sim
        .wait_for(|_| false, Duration::from_millis(1))
        .await;
    assert!(
        gave_up
            .unwrap_err()
            .to_string()
            .contains("#1 GET /instance -> 200")
    );
    world.sim.clear_journal();
    assert!(world.sim.journal().is_empty());
    world.get("/instance").await;
    assert_eq!(world.sim.journal()[0].seq, 2);
}
