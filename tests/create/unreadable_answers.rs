//! Answers that can't be understood are no answers: nothing is concluded from them, and nothing is made twice.

use crate::support::{Environment, Form, Given, Kind, credentials, each, in_state, unknown_states};
use metorial::{Body, Config};
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

/// No reconciliation ended by a fault of the operator.
async fn check_no_fault(env: &Environment, name: &str) {
    let events = env.credentials(name).events().await;
    assert!(
        !events.iter().any(|event| event == "InternalError"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_create_with_an_unreadable_answer_creates_one_object() {
    let mut env = Environment::running().await;
    let answers = answers();
    for (number, answer) in answers.iter().enumerate() {
        let create = Fault::on("POST", CREDENTIALS).times(1);
        env.sim.faults().add(create, answer.clone());
        let name = format!("app-{number}");
        env.create(credentials(&name)).await;
        check_no_fault(&env, &name).await;
    }
    assert_eq!(env.attempts(), vec![POST; answers.len()]);
    env.stop_operator().await;
    env.start_operator();
    env.check_oracles().await;
}

#[tokio::test]
async fn an_unreadable_answer_in_place_of_an_object_changes_nothing() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let made = env.credentials("github").wait_synced().await;
    let before = env.credentials("github").get().await;
    env.sim.clear_journal();
    for answer in answers() {
        let read = env
            .sim
            .faults()
            .add(Fault::on("GET", CREDENTIALS).times(1), answer.clone());
        env.credentials("github").reconcile_now().await;
        assert_eq!(env.sim.faults().happened(read), 1, "{answer:?}");
        assert!(
            env.credentials("github").is_synced().await,
            "{answer:?}\n{}",
            env.describe().await
        );
    }
    env.credentials("github").reconcile_now().await;
    assert!(env.attempts().is_empty());
    assert_eq!(env.only(Kind::Credentials).id, made.id);
    let after = env.credentials("github").get().await;
    assert_eq!(before.ready(), after.ready());
    check_no_fault(&env, "github").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn an_object_in_an_unknown_state_is_not_gone() {
    each(Form::ALL, async |form| {
        let scenario = Given::form(form).settled().await;
        scenario.sim.clear_journal();
        for state in unknown_states() {
            let reads = Fault::on("GET", form.remote().path());
            let reads = scenario.sim.faults().add(reads, in_state(&state));
            scenario.tested().reconcile_now().await;
            assert!(scenario.sim.faults().happened(reads) > 0, "{form:?}");
            assert!(scenario.tested().is_ready().await, "{form:?} {state}");
            scenario.sim.faults().remove(reads);
        }
        assert!(
            scenario.attempts().is_empty(),
            "{form:?}: {:?}",
            scenario.attempts()
        );
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_vault_waits_for_a_config_in_an_unknown_state() {
    each(unknown_states(), async |state| {
        let scenario = Given::form(Form::Vault).settled().await;
        let id = scenario.remote_object().id;
        let body =
            json!({"provider_id": "postgres", "provider_config_vault_id": id, "name": "theirs"});
        let person = scenario.person();
        person.create::<Config>(&Body::from(body)).await.unwrap();
        let reads = Fault::on("GET", Kind::Config.path());
        scenario.sim.faults().add(reads, in_state(&state));
        scenario.tested().delete().await;
        scenario.tested().wait_reason("DeletionBlocked").await;
        assert_eq!(scenario.live_objects().len(), 1);
    })
    .await;
}

/// Makes a resource whose create has no answer, and whose search gets this for an answer until reads have settled.
async fn found_after(env: &Environment, name: &str, answer: &Action) {
    let create = Fault::on("POST", CREDENTIALS).times(1);
    let create = env.sim.faults().add(create, Action::CloseAfterApply);
    let list = Fault::on("GET", CREDENTIALS).exactly().times(2);
    let list = env.sim.faults().add(list, answer.clone());
    env.create(credentials(name)).await;
    for fault in [create, list] {
        assert!(env.sim.faults().happened(fault) > 0, "{answer:?}");
        env.sim.faults().remove(fault);
    }
    check_no_fault(env, name).await;
}

#[tokio::test]
async fn an_unreadable_answer_in_place_of_a_list_is_no_empty_list() {
    each(0..4, async |part: usize| {
        let mut env = Environment::new().await;
        env.start_operator_settling(Duration::from_millis(50));
        let answers = answers().into_iter().skip(part).step_by(4);
        let mut made = 0;
        for answer in answers {
            found_after(&env, &format!("app-{made}"), &answer).await;
            made += 1;
        }
        assert_eq!(env.attempts(), vec![POST; made]);
        env.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_list_whose_second_page_fails_is_no_list() {
    let mut env = Environment::new().await;
    for _ in 0..100 {
        env.create_with_metadata(json!({})).await;
    }
    env.sim.clear_journal();
    let create = Fault::on("POST", CREDENTIALS).times(1);
    env.sim.faults().add(create, Action::CloseAfterApply);
    let mut failed = Vec::new();
    for page in [2, 3, 4] {
        // After a failed second page the list begins anew, so that the next second page is the request after next.
        let second = Fault::on("GET", CREDENTIALS)
            .exactly()
            .nth(2 * page - 2)
            .times(1);
        let fails = Action::error(500, "internal_server_error");
        failed.push(env.sim.faults().add(second, fails));
    }
    env.start_operator_settling(Duration::from_millis(200));
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    for fault in failed {
        assert_eq!(env.sim.faults().happened(fault), 1);
    }
    assert_eq!(env.attempts(), [POST]);
    assert_eq!(env.live(Kind::Credentials).len(), 101);
    env.check_oracles().await;
}
