//! Lists with items that can't be read: too many of them for a page, too deep, or malformed. They concern nobody whom they
//! don't mention.

use crate::support::{Environment, Form, Given, Kind, credentials};
use metorial_operator::resources::FINALIZER;
use metorial_simulator::{Action, Fault, FaultId};
use serde_json::{Value, json};
use std::time::Duration;

const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({"a": inner}))
}

/// More than a page of a list may have, in strings of the length that the API allows.
fn large() -> Value {
    let text = "x".repeat(90_000);
    json!(vec![text; 105])
}

/// An item that can't be decoded, with this in its metadata.
fn unreadable(metadata: Value) -> Value {
    json!({"object": "unknown", "id": "bad_1", "created_at": 7, "metadata": {"deep": deep(300), "more": metadata}})
}

/// Puts an item in front of all lists of a collection.
fn plant(env: &Environment, path: &str, item: Value) {
    let rewrite = Action::rewrite(move |answer| {
        if let Some(items) = answer["items"].as_array_mut() {
            items.insert(0, item.clone());
        }
    });
    env.sim
        .faults()
        .add(Fault::on("GET", path).exactly(), rewrite);
}

/// Loses the response to the next create, so that its object has to be searched for.
fn lose_create(env: &Environment) {
    env.next("POST", CREDENTIALS, Action::CloseAfterApply);
}

#[tokio::test]
async fn a_search_goes_on_past_items_that_are_too_deep_or_malformed() {
    let mut env = Environment::new().await;
    env.create_with_metadata(deep(120)).await;
    env.sim.clear_journal();
    plant(&env, CREDENTIALS, unreadable(json!({"uid": "another"})));
    lose_create(&env);
    env.start_operator_settling(Duration::from_millis(100));
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.attempts(), [POST]);
    assert_eq!(env.live(Kind::Credentials).len(), 2);
}

#[tokio::test]
async fn a_page_that_is_too_large_is_read_in_smaller_parts() {
    let mut env = Environment::new().await;
    let text = "x".repeat(90_000);
    let blob: Vec<&str> = vec![&text; 10];
    for _ in 0..40 {
        env.create_with_metadata(json!({"blob": blob})).await;
    }
    env.sim.clear_journal();
    lose_create(&env);
    env.start_operator_settling(Duration::from_millis(100));
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.attempts(), [POST]);
    assert_eq!(env.live(Kind::Credentials).len(), 41);
}

#[tokio::test]
async fn a_search_goes_on_past_an_item_that_is_larger_than_any_page() {
    let mut env = Environment::new().await;
    let larger = env.create_with_metadata(json!({"uid": "another"})).await;
    env.create_with_metadata(json!({})).await;
    let metadata = json!({"uid": "another", "blob": large()});
    assert!(env.sim.edit(&larger, json!({"metadata": metadata})));
    env.sim.clear_journal();
    lose_create(&env);
    env.start_operator_settling(Duration::from_millis(100));
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.attempts(), [POST]);
    assert_eq!(env.live(Kind::Credentials).len(), 3);
}

/// Changes every item of the lists of credentials.
fn spoil(env: &Environment, item: impl Fn(&mut Value) + Send + Sync + 'static) -> FaultId {
    let spoil = Action::rewrite(move |answer| {
        let items = answer["items"].as_array_mut().into_iter();
        items.flatten().for_each(&item);
    });
    let list = Fault::on("GET", CREDENTIALS).exactly();
    env.sim.faults().add(list, spoil)
}

/// Makes an item undecodable.
fn deepen(item: &mut Value) {
    item["created_at"] = "yesterday".into();
    item["metadata"]["deep"] = deep(300);
}

/// Lets a create be lost, and searches for its object while no list shows it as it is.
async fn check_not_created_again(change: impl Fn(&mut Value) + Send + Sync + 'static) {
    let mut env = Environment::new().await;
    lose_create(&env);
    let spoiled = spoil(&env, change);
    env.start_operator_settling(Duration::from_millis(100));
    env.apply(credentials("github")).await;
    env.credentials("github")
        .wait_message("RemoteUnavailable", "can't be read")
        .await;
    let id = env.only(Kind::Credentials).id;
    let waiting = env.credentials("github").get().await;
    assert!(waiting.message().contains(&id), "{}", waiting.message());
    env.sim.faults().remove(spoiled);
    let ready = env.credentials("github").wait_ready().await;
    assert_eq!(ready.status().id.as_deref(), Some(id.as_str()));
    assert_eq!(env.attempts(), [POST]);
}

#[tokio::test]
async fn an_object_of_ours_that_can_not_be_read_is_not_created_again() {
    check_not_created_again(deepen).await;
}

#[tokio::test]
async fn an_object_of_ours_that_is_larger_than_any_page_is_not_created_again() {
    check_not_created_again(|item| item["metadata"]["blob"] = large()).await;
}

#[tokio::test]
async fn the_object_of_a_restored_resource_that_can_not_be_read_is_not_created_again() {
    let mut env = Environment::new().await;
    env.start_operator_settling(Duration::from_millis(100));
    env.create(credentials("github")).await;
    let id = env.only(Kind::Credentials).id;
    env.stop_operator().await;
    env.credentials("github").drop_finalizers().await;
    env.credentials("github").remove().await;
    let spoiled = spoil(&env, deepen);
    let held = json!({"finalizers": [FINALIZER]});
    env.apply(credentials("github").metadata(held)).await;
    env.sim.clear_journal();
    env.start_operator_settling(Duration::from_millis(100));
    let waiting = env.credentials("github");
    waiting.wait_message("RemoteUnavailable", &id).await;
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
    env.sim.faults().remove(spoiled);
    let ready = env.credentials("github").wait_ready().await;
    assert_eq!(ready.status().id.as_deref(), Some(id.as_str()));
    assert_eq!(env.live(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn a_deletion_waits_only_for_an_unreadable_item_that_mentions_the_object() {
    for (mentions, blob) in [
        (false, json!(null)),
        (true, json!(null)),
        (false, large()),
        (true, large()),
    ] {
        let scenario = Given::form(Form::Vault).settled().await;
        let id = scenario.remote_object().id;
        let id = if mentions { &id } else { "pcvt_another" };
        let more = json!({"from_vault": {"id": id}, "blob": blob});
        plant(&scenario, Kind::Config.path(), unreadable(more));
        scenario.tested().delete().await;
        if mentions {
            scenario
                .tested()
                .wait_message("DeletionBlocked", "bad_1")
                .await;
            assert_eq!(scenario.live_objects().len(), 1);
        } else {
            scenario.tested().wait_gone().await;
            assert!(scenario.live_objects().is_empty());
        }
    }
}
