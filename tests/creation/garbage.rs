//! Answers that can't be understood are no answers: nothing is concluded from them, and nothing is made twice.

use crate::support::{World, credentials, each, ready};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";

/// Whole answers that are no object and no list.
const BODIES: [&str; 9] = [
    "",
    "null",
    "[]",
    "{}",
    "\"text\"",
    "<!doctype html><html><body>Welcome</body></html>",
    r#"{"object":"list"}"#,
    r#"{"object":"list","items":null,"pagination":null}"#,
    r#"{"object":"list","items":[{"id":7}],"pagination":{"has_more_before":false,"has_more_after":false}}"#,
];

/// Members of an object with values that they can't have.
fn wrong_members() -> Vec<(&'static str, Value)> {
    vec![
        ("id", json!(7)),
        ("id", Value::Null),
        ("id", json!("")),
        ("provider_id", json!({})),
        ("created_at", json!("yesterday")),
        ("updated_at", Value::Null),
        ("metadata", json!("text")),
        ("metadata", json!([1])),
        ("scopes", json!({"0": "repo"})),
        ("name", json!(false)),
        ("status", json!(3)),
    ]
}

fn success(body: String) -> Action {
    Action::AnswerAfterApply {
        status: 200,
        headers: Vec::new(),
        body: body.into(),
    }
}

/// Rewrites an object, or the last one of a list.
fn with_member(member: &'static str, value: Value) -> Action {
    Action::rewrite(move |answer| {
        let listed = answer.get("items").and_then(Value::as_array).map(Vec::len);
        let object = match listed {
            Some(count) => &mut answer["items"][count - 1],
            None => answer,
        };
        object[member] = value.clone();
    })
}

/// All that a success may say instead of what it should.
fn answers() -> Vec<Action> {
    let mut answers: Vec<Action> = BODIES
        .iter()
        .map(|body| success((*body).to_owned()))
        .collect();
    answers.push(success("[".repeat(100_000)));
    answers.push(success("{\"id\":\"par_1\u{0}".to_owned()));
    answers.extend([0, 1, 30, 200].map(Action::CutAnswer));
    let wrong = wrong_members().into_iter();
    answers.extend(wrong.map(|(member, value)| with_member(member, value)));
    answers
}

/// No pass ended by a fault of the operator.
async fn check_no_fault(world: &World, name: &str) {
    let events = world.events(name).await;
    assert!(
        !events.iter().any(|event| event == "InternalError"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_create_answered_with_garbage_makes_one_object() {
    let mut world = World::running().await;
    let answers = answers();
    for (number, answer) in answers.iter().enumerate() {
        let create = Fault::on("POST", CREDENTIALS).times(1);
        world.sim.faults().add(create, answer.clone());
        let name = format!("app-{number}");
        world.make(credentials(&name)).await;
        check_no_fault(&world, &name).await;
    }
    assert_eq!(world.attempts(), vec![POST; answers.len()]);
    world.stop_operator().await;
    world.start_operator();
    world.check_oracles().await;
}

#[tokio::test]
async fn garbage_in_the_place_of_an_object_changes_nothing() {
    let world = World::running().await;
    world.apply(world.github()).await;
    let made = world.wait_in_step("github").await;
    let before = world.credentials("github").await;
    world.sim.clear_journal();
    for answer in answers() {
        let read = world
            .sim
            .faults()
            .add(Fault::on("GET", CREDENTIALS).times(1), answer.clone());
        world.look_again("github").await;
        assert_eq!(world.sim.faults().happened(read), 1, "{answer:?}");
        assert!(
            world.in_step("github").await,
            "{answer:?}\n{}",
            world.describe().await
        );
    }
    world.look_again("github").await;
    assert!(world.attempts().is_empty());
    assert_eq!(world.only_remote().id, made.id);
    let after = world.credentials("github").await;
    assert_eq!(ready(&before), ready(&after));
    check_no_fault(&world, "github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn an_object_in_a_state_that_nobody_knows_is_not_gone() {
    let world = World::running().await;
    world.apply(world.github()).await;
    world.wait_in_step("github").await;
    world.sim.clear_journal();
    for state in [Value::Null, json!("resting")] {
        let reads = Fault::on("GET", CREDENTIALS);
        let reads = world.sim.faults().add(reads, with_member("status", state));
        world.look_again("github").await;
        assert!(world.sim.faults().happened(reads) > 0);
        world.sim.faults().remove(reads);
    }
    assert!(world.attempts().is_empty());
    world.check_oracles().await;
}

/// Makes a resource whose create has no answer, and whose search gets this for an answer until reads have settled.
async fn found_after(world: &World, name: &str, answer: &Action) {
    let create = Fault::on("POST", CREDENTIALS).times(1);
    let create = world.sim.faults().add(create, Action::CloseAfterApply);
    let list = Fault::on("GET", CREDENTIALS).exactly().times(2);
    let list = world.sim.faults().add(list, answer.clone());
    world.make(credentials(name)).await;
    for fault in [create, list] {
        assert!(world.sim.faults().happened(fault) > 0, "{answer:?}");
        world.sim.faults().remove(fault);
    }
    check_no_fault(world, name).await;
}

#[tokio::test]
async fn garbage_in_the_place_of_a_list_is_no_empty_list() {
    each(0..4, async |part: usize| {
        let mut world = World::new().await;
        world.start_operator_settling(Duration::from_millis(50));
        let answers = answers().into_iter().skip(part).step_by(4);
        let mut made = 0;
        for answer in answers {
            found_after(&world, &format!("app-{made}"), &answer).await;
            made += 1;
        }
        assert_eq!(world.attempts(), vec![POST; made]);
        world.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_list_whose_second_page_fails_is_no_list() {
    let mut world = World::new().await;
    for _ in 0..100 {
        world.post(json!({})).await;
    }
    world.sim.clear_journal();
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world.sim.faults().add(create, Action::CloseAfterApply);
    for page in [2, 3, 4] {
        // After a failed second page the list begins anew, so that the next second page is the request after next.
        let second = Fault::on("GET", CREDENTIALS)
            .exactly()
            .nth(2 * page - 2)
            .times(1);
        world
            .sim
            .faults()
            .add(second, Action::error(500, "internal_server_error"));
    }
    world.start_operator_settling(Duration::from_millis(200));
    world.apply(world.github()).await;
    world.wait_ready("github").await;
    assert_eq!(world.attempts(), [POST]);
    assert_eq!(world.remote().len(), 101);
    world.check_oracles().await;
}
