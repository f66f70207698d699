//! No composed value and no exported one gets out, whatever the API answers and however much is logged.

use crate::leaks::{Watched, fingerprint_key, outside, token};
use crate::support::{
    Canary, Environment, Kind, check_no_canary, config, export, import_into, initial,
};
use metorial_simulator::Action;
use serde_json::{Value, json};

/// The API's error object, with the value wherever it may be echoed.
pub fn echo(value: &str) -> Value {
    json!({
        "object": "error", "ok": false, "status": 400, "code": "invalid_data", "entity": "body",
        "message": format!("{value} is no token"), "description": value, "hint": value,
        "errors": [{
            "code": "invalid_type", "message": value, "path": ["value", value],
            "received": value, "expected": value
        }]
    })
}

#[tokio::test]
async fn no_value_leaks_at_the_most_verbose_log_level() {
    let env = Environment::new().await;
    let value = Canary::new("a value of an auth config");
    let later = Canary::new("a value that was imported");
    let literal = Canary::new("a literal of a composed value");
    let watched = Watched::start(&env).await;
    let mut process = env
        .start_process(&["--log=trace", "--log-format=json"])
        .await;

    env.value("token", &value.value).await;
    env.next(
        "POST",
        "/provider-auth-configs",
        Action::answer(400, echo(&value.value)),
    );
    env.apply(initial("linear")).await;
    env.auth_config("linear")
        .wait_reason("RemoteRejected")
        .await;
    let again = json!({"description": "again"});
    env.apply(initial("linear").spec(again)).await;
    env.auth_config("linear").wait_ready().await;
    refused_imports(&env, &later.value).await;
    refused_exports(&env, &later.value).await;
    unfit(&env, &literal.value).await;
    let outside = outside(&env, &process).await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(
        log.matches("\"level\":\"DEBUG\"").count() > 20,
        "the log is at its most verbose"
    );
    let (token, fingerprint_key) = (token(&env).await, fingerprint_key(&env).await);
    let all = [&value, &later, &token, &fingerprint_key];
    check_no_canary("the cluster", &watched.text(), &all);
    check_no_canary("the log", &log, &[&all[..], &[&literal]].concat());
    for (place, text) in outside {
        check_no_canary(place, &text, &all);
    }
    let statuses = watched.statuses();
    assert!(
        statuses.contains("InvalidValue"),
        "the unfit value was seen"
    );
    check_no_canary("a status", &statuses, &[&literal]);
}

/// An import that the API takes, and one that it refuses with the words of the request.
async fn refused_imports(env: &Environment, value: &str) {
    env.apply(import_into("moved", "linear", "token")).await;
    env.import("moved").wait_ready().await;
    env.next(
        "POST",
        "/provider-auth-config-imports",
        Action::answer(422, echo(value)),
    );
    env.value("token", value).await;
    env.import("moved").wait_reason("RemoteRejected").await;
    env.import("moved").request_reconcile().await;
    env.import("moved").wait_ready().await;
}

/// Exports whose answers are none, with the value in them, and one that is good.
async fn refused_exports(env: &Environment, value: &str) {
    let path = "/provider-auth-config-exports";
    env.next("POST", path, Action::answer(400, echo(value)));
    env.apply(export("used", "linear", "used")).await;
    env.export("used").wait_reason("RemoteRejected").await;
    env.export("used").request_reconcile().await;
    env.wait_secret_text("used", "token", value).await;
    env.export("used").wait_ready().await;
    let exports = env.ever(Kind::Export);
    assert_eq!(exports.len(), 1);
}

/// A value that the published schema does not allow.
async fn unfit(env: &Environment, literal: &str) {
    let value = json!({"literal": {"statementTimeoutMs": literal}});
    env.apply(config("db").spec(json!({"value": value}))).await;
    env.config("db").wait_reason("InvalidValue").await;
    env.apply(config("db")).await;
    env.config("db").wait_ready().await;
}
