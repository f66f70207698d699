//! What is tried again, and after which time.

use super::{Reconciliations, patient, refresh, settled};
use crate::support::{Environment, Kind, VALUES, auth_config, credentials};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};
use std::time::Duration;

const CONFIGS: &str = "/provider-auth-configs";
const CREDENTIALS: &str = "/provider-auth-credentials";

/// An API that keeps no metadata which it is sent in a PATCH.
fn drop_metadata(env: &Environment) {
    let dropped = |answer: &mut Value| {
        if let Some(items) = answer["items"].as_array_mut() {
            items
                .iter_mut()
                .for_each(|item| item["metadata"] = json!({}));
        } else {
            answer["metadata"] = json!({});
        }
    };
    for method in ["GET", "PATCH"] {
        let action = Action::rewrite(dropped);
        env.sim.faults().add(Fault::on(method, CONFIGS), action);
    }
}

#[tokio::test]
async fn an_adoption_that_the_api_does_not_keep_is_not_repeated_at_once_again_and_again() {
    let mut env = Environment::new().await;
    env.value("token", VALUES[0]).await;
    let id = env.auth_config_by_hand(json!({"name": "linear"})).await;
    drop_metadata(&env);
    env.sim.clear_journal();
    let reconciliations = Reconciliations::default();
    let settings = patient(env.settings());
    env.start_operator_with(reconciliations.counted("ProviderAuthConfig", settings));
    env.apply(auth_config("linear").adopting(&id)).await;
    let patches = |env: &Environment| {
        let attempts = env.attempts();
        let patches = attempts.iter().filter(|it| it.starts_with("PATCH"));
        patches.count()
    };
    env.wait_until("it was tried again", async |env| patches(env) > 1)
        .await;
    settled(&env).await;
    refresh(&env, "values", &reconciliations).await;
    settled(&env).await;
    assert_eq!(patches(&env), 2, "{:#?}", env.attempts());
}

#[tokio::test]
async fn three_answered_failures_of_a_create_in_a_row_do_not_wait_for_what_may_be_on_its_way() {
    let mut env = Environment::new().await;
    let mut settings = env.settings();
    settings.timing.settle = crate::support::FOREVER;
    settings.timing.read_lag = Duration::from_millis(500);
    env.start_operator_with(settings);
    env.connection("default").wait_reason("Synced").await;
    let failure = Action::error(500, "internal_server_error");
    let create = Fault::on("POST", CREDENTIALS).times(3);
    env.sim.faults().add(create, failure);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    let requests = env.requests();
    let count = |method: &str| {
        let request = format!("{method} {CREDENTIALS}");
        requests.iter().filter(|it| **it == request).count()
    };
    assert_eq!(count("POST"), 4, "{requests:#?}");
    assert_eq!(count("GET"), 3, "one search after each: {requests:#?}");
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_that_was_applied_and_answered_as_failed_is_found_by_one_search() {
    let mut env = Environment::new().await;
    let mut settings = env.settings();
    settings.timing.settle = crate::support::FOREVER;
    settings.timing.read_lag = Duration::from_secs(1);
    env.sim.set_read_lag(Duration::from_millis(800));
    env.start_operator_with(settings);
    env.connection("default").wait_reason("Synced").await;
    let failure = Action::AnswerAfterApply {
        status: 500,
        headers: Vec::new(),
        body: json!({"object": "error", "status": 500, "code": "internal_server_error"}).into(),
    };
    env.next("POST", CREDENTIALS, failure);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    let post = format!("POST {CREDENTIALS}");
    assert_eq!(env.attempts(), [post]);
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_whose_connection_was_lost_is_bound_as_soon_as_it_shows_up() {
    let mut env = Environment::new().await;
    let mut settings = env.settings();
    settings.timing.settle = crate::support::FOREVER;
    env.sim.set_read_lag(Duration::from_secs(1));
    env.start_operator_with(settings);
    env.connection("default").wait_reason("Synced").await;
    env.next("POST", CREDENTIALS, Action::CloseAfterApply);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    assert_eq!(env.attempts(), [format!("POST {CREDENTIALS}")]);
    env.check_oracles().await;
}
