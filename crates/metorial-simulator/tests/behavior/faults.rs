//! The fault script, the journal, gates and outages.

use std::sync::Arc;
use std::time::Duration;

use metorial_simulator::{Action, Collection, Fault, Gate, Quirk};
use serde_json::json;

use tokio::task::JoinHandle;

use crate::support::{Answer, Setup, TIMEOUT, credentials};

const PATH: &str = "/provider-auth-credentials";

fn custom(setup: &Setup) -> usize {
    let objects = setup
        .sim
        .objects(&setup.instance, Collection::AuthCredentials);
    objects
        .iter()
        .filter(|object| object.readable["is_managed"] == false)
        .count()
}

async fn create(setup: &Setup) -> reqwest::Result<u16> {
    let request = setup.request("POST", PATH).json(&credentials("a"));
    setup.try_send(request).await.map(|answer| answer.status)
}

#[tokio::test]
async fn a_write_with_a_lost_answer_is_applied_and_in_the_journal() {
    let setup = Setup::new().await;
    setup
        .sim
        .faults()
        .add(Fault::on("POST", PATH).times(1), Action::CloseAfterApply);
    assert!(create(&setup).await.is_err());
    assert_eq!(custom(&setup), 1);
    let journal = setup.sim.journal();
    assert_eq!(journal.len(), 1);
    assert!(journal[0].is_write() && journal[0].applied);
    assert_eq!(journal[0].status, 0);
    assert_eq!(journal[0].instance.as_ref(), Some(&setup.instance));
    assert_eq!(journal[0].body["config"]["client_secret"], "hush");
    assert_eq!(create(&setup).await.unwrap(), 200);
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_applies_nothing() {
    let setup = Setup::new().await;
    setup
        .sim
        .faults()
        .add(Fault::writes().nth(2), Action::CloseBefore);
    assert_eq!(create(&setup).await.unwrap(), 200);
    assert!(create(&setup).await.is_err());
    assert_eq!(setup.get("/instance").await.status, 200);
    assert_eq!(custom(&setup), 1);
    assert!(!setup.sim.journal()[1].applied);
    setup.sim.faults().clear();
    assert_eq!(create(&setup).await.unwrap(), 200);
}

#[tokio::test]
async fn a_write_that_timed_out_can_be_applied_later() {
    let setup = Setup::new().await;
    let later = Action::ApplyLater(Duration::from_millis(1));
    setup
        .sim
        .faults()
        .add(Fault::on("POST", PATH).times(1), later);
    assert_eq!(create(&setup).await.unwrap(), 504);
    setup
        .sim
        .wait_for(|journal| journal[0].applied, TIMEOUT)
        .await
        .unwrap();
    setup.sim.settled().await;
    assert_eq!(custom(&setup), 1);
    assert_eq!(setup.sim.journal()[0].status, 504);
}

#[tokio::test]
async fn answers_can_be_scripted() {
    let setup = Setup::new().await;
    let once = |action: Action| setup.sim.faults().add(Fault::any().times(1), action);
    once(Action::html(502));
    assert!(
        setup
            .get("/instance")
            .await
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    once(Action::error(409, "conflict"));
    assert_eq!(setup.get("/instance").await.error(), (409, "conflict"));
    once(Action::too_many_requests(Some("-5")));
    assert_eq!(
        setup.get("/instance").await.header("retry-after"),
        Some("-5")
    );
    once(Action::no_such_route());
    assert_eq!(setup.get(PATH).await.body["entity"], "endpoint");
    once(Action::empty_list());
    assert!(setup.get(PATH).await.ids().is_empty());
    once(Action::rewrite(|answer| answer["id"] = json!(7)));
    assert_eq!(setup.get("/instance").await.body["id"], 7);
    once(Action::AnswerAfterApply {
        status: 500,
        headers: vec![("X-Echo".to_owned(), "yes".to_owned())],
        body: "boom".into(),
    });
    let answer = setup
        .send(setup.request("POST", PATH).json(&credentials("a")))
        .await;
    assert_eq!((answer.status, answer.header("x-echo")), (500, Some("yes")));
    assert_eq!(custom(&setup), 1);
}

#[tokio::test]
async fn answers_can_be_cut_padded_or_missing() {
    let setup = Setup::new().await;
    let once = |action: Action| setup.sim.faults().add(Fault::any().times(1), action);
    for cut in [Action::CutAnswer(5), Action::CutShort("{}".into())] {
        once(cut);
        let request = setup.request("GET", "/instance");
        assert!(setup.try_send(request).await.is_err());
    }
    once(Action::Pad(100_000));
    assert_eq!(
        setup.get("/instance").await.body["id"],
        setup.instance.as_str()
    );
    once(Action::PadHeaders(50));
    assert_eq!(
        setup.get("/instance").await.header("x-padding-49"),
        Some("49")
    );
    for action in [Action::Hang, Action::Drip, Action::HangAfterApply] {
        let fault = once(action);
        let mut request = Box::pin(setup.try_send(setup.request("GET", "/instance")));
        let applies = |_: &[_]| setup.sim.faults().happened(fault) == 1;
        tokio::select! {
            answer = &mut request => panic!("answered: {answer:?}"),
            applied = setup.sim.wait_for(applies, TIMEOUT) => applied.unwrap(),
        }
        // A longer time would give the same result.
        let early = tokio::time::timeout(Duration::from_millis(50), &mut request).await;
        assert!(early.is_err(), "answered: {early:?}");
    }
    once(Action::Delay(Duration::from_millis(1)));
    assert_eq!(setup.get("/instance").await.status, 200);
}

#[tokio::test]
async fn a_gate_holds_a_request_before_or_after_it_is_applied() {
    let setup = Arc::new(Setup::new().await);
    let start = || {
        let setup = Arc::clone(&setup);
        tokio::spawn(async move { create(&setup).await })
    };
    let before = Gate::new();
    setup
        .sim
        .faults()
        .add(Fault::writes().times(1), Action::HoldBefore(before.clone()));
    let held = start();
    assert!(before.wait_for_arrivals(1, TIMEOUT).await);
    assert_eq!(custom(&setup), 0);
    before.open();
    assert_eq!(held.await.unwrap().unwrap(), 200);

    let after = Gate::new();
    setup.sim.faults().add(
        Fault::writes().times(1),
        Action::HoldAfterApply(after.clone()),
    );
    let held = start();
    assert!(after.wait_for_arrivals(1, TIMEOUT).await);
    assert_eq!(custom(&setup), 2);
    let waiting = setup.sim.journal().pop().unwrap();
    assert!(waiting.applied && waiting.answered_at.is_none());
    held.abort();
    after.open();
    let answered = |journal: &[metorial_simulator::Entry]| journal[1].answered_at.is_some();
    setup.sim.wait_for(answered, TIMEOUT).await.unwrap();
}

/// Sends a PATCH of the name, which has read the object and is held before it writes until the gate opens.
async fn slow_patch(setup: &Arc<Setup>, path: &str) -> (Gate, JoinHandle<Answer>) {
    let gate = Gate::new();
    let hold = Action::HoldAfterRead(gate.clone());
    let fault = Fault::on("PATCH", path).times(1);
    setup.sim.faults().add(fault, hold);
    let (setup, path) = (Arc::clone(setup), path.to_owned());
    let slow = tokio::spawn(async move { setup.patch(&path, json!({"name": "slow"})).await });
    assert!(gate.wait_for_arrivals(1, TIMEOUT).await);
    (gate, slow)
}

#[tokio::test]
async fn of_two_concurrent_patches_one_is_lost() {
    let setup = Arc::new(Setup::new().await);
    let id = setup.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    let race = async || {
        let (gate, slow) = slow_patch(&setup, &path).await;
        setup
            .patch(
                &path,
                json!({"description": "quick", "client_secret": "quick"}),
            )
            .await;
        gate.open();
        assert_eq!(slow.await.unwrap().body["name"], "slow");
        setup.sim.object(&id).unwrap()
    };
    let lost = race().await;
    assert_eq!(lost.readable["description"], json!(null));
    assert_eq!(lost.write_only["client_secret"], "hush");
    setup.sim.set_quirk(Quirk::PatchWritesAllFields, false);
    let kept = race().await;
    assert_eq!(kept.readable["description"], "quick");
    assert_eq!(kept.write_only["client_secret"], "quick");
}

#[tokio::test]
async fn a_scripted_answer_of_the_api_has_its_headers() {
    let setup = Setup::new().await;
    let own = ["metorial-version", "metorial-req-id", "ratelimit-remaining"];
    let later = Action::ApplyLater(Duration::from_millis(1));
    for (action, expected) in [
        (Action::error(409, "conflict"), [true; 3]),
        (Action::no_such_route(), [true; 3]),
        (Action::empty_list(), [true; 3]),
        (later, [true; 3]),
        (Action::FailHalfway, [true; 3]),
        (Action::error(401, "unauthorized"), [true, false, false]),
        (Action::too_many_requests(Some("1")), [true, false, false]),
        (Action::error(409, "conflict").bare(), [false; 3]),
        (Action::html(502), [false; 3]),
    ] {
        let described = format!("{action:?}");
        setup.sim.faults().add(Fault::any().times(1), action);
        let answer = setup.get("/instance").await;
        let has = own.map(|name| answer.header(name).is_some());
        assert_eq!(has, expected, "{described}");
    }
    // The one that was applied later still counts in the first.
    let setup = Setup::new().await;
    let before = setup.get("/instance").await;
    let action = Action::error(409, "conflict");
    setup.sim.faults().add(Fault::any().times(1), action);
    let scripted = setup.get("/instance").await;
    let remaining = "ratelimit-remaining";
    assert_eq!(
        scripted.header(remaining),
        before.header(remaining),
        "it does not count"
    );
    let id = setup.sim.journal().pop().unwrap().request_id;
    assert_eq!(id.as_deref(), scripted.header("metorial-req-id"));
}

#[tokio::test]
async fn an_import_during_a_patch_is_lost() {
    let setup = Arc::new(Setup::new().await);
    let id = setup.create_auth_config("old").await;
    let path = format!("/provider-auth-configs/{id}");
    for (quirk, token) in [(true, "old"), (false, "new")] {
        setup.sim.set_quirk(Quirk::PatchWritesAllFields, quirk);
        let (gate, slow) = slow_patch(&setup, &path).await;
        let import =
            json!({"provider_auth_config_id": id, "note": "note", "value": {"token": "new"}});
        let import = setup.post("/provider-auth-config-imports", import).await;
        assert_eq!(import.status, 200);
        gate.open();
        assert_eq!(slow.await.unwrap().status, 200);
        let stored = setup.sim.object(&id).unwrap();
        assert_eq!(stored.write_only["value"]["token"], token);
    }
}

#[tokio::test]
async fn a_pinned_version_during_a_patch_is_lost() {
    let setup = Arc::new(Setup::new().await);
    let id = setup.sim.deployment(&setup.instance, "slack").unwrap();
    let path = format!("/provider-deployments/{id}");
    let provider = setup.sim.catalog().provider("slack").unwrap();
    let pinned = json!({"locked_provider_version_id": provider.versions[0].id});
    let (gate, slow) = slow_patch(&setup, &path).await;
    let quick = setup.patch(&path, pinned).await;
    assert!(quick.body["locked_version"].is_object(), "{}", quick.body);
    gate.open();
    assert_eq!(slow.await.unwrap().body["locked_version"], json!(null));
}

#[tokio::test]
async fn a_fault_can_have_an_instance_and_a_probability() {
    let mut setup = Setup::new().await;
    let kind = metorial_simulator::InstanceType::Development;
    let other = setup.sim.add_instance(&setup.organization, kind);
    let only = Fault::any().instance(&other);
    let id = setup
        .sim
        .faults()
        .add(only, Action::error(500, "internal_server_error"));
    assert_eq!(setup.get("/instance").await.status, 200);
    setup.key = setup.sim.add_key(&other);
    assert_eq!(setup.get("/instance").await.status, 500);
    assert_eq!(setup.sim.faults().happened(id), 1);
    setup.sim.faults().remove(id);
    let by_chance = Fault::any().chance(0.5);
    let id = setup
        .sim
        .faults()
        .add(by_chance, Action::error(503, "internal_server_error"));
    for _ in 0..60 {
        setup.get("/instance").await;
    }
    assert!((1..60).contains(&setup.sim.faults().happened(id)));
}

#[tokio::test]
async fn an_outage_resets_open_and_new_connections() {
    let setup = Setup::new().await;
    assert_eq!(setup.get("/instance").await.status, 200);
    setup.sim.set_down(true);
    assert!(
        setup
            .try_send(setup.request("GET", "/instance"))
            .await
            .is_err()
    );
    assert_eq!(setup.sim.journal().len(), 1);
    setup.sim.set_down(false);
    assert_eq!(setup.get("/instance").await.status, 200);
}

#[tokio::test]
async fn a_timeout_of_waiting_prints_the_journal() {
    let setup = Setup::new().await;
    setup.get("/instance").await;
    let gave_up = setup
        .sim
        .wait_for(|_| false, Duration::from_millis(1))
        .await;
    assert!(
        gave_up
            .unwrap_err()
            .to_string()
            .contains("#1 GET /instance -> 200")
    );
    setup.sim.clear_journal();
    assert!(setup.sim.journal().is_empty());
    setup.get("/instance").await;
    assert_eq!(setup.sim.journal()[0].seq, 2);
}
