//! No composed value and no exported one gets out, whatever the API answers and however much is logged.

use crate::leaks::{Watched, fingerprint_key, outside, token};
use crate::support::{
    Canary, Environment, Kind, auth_config, check_no_canary, config, export, with,
};
use metorial_operator::resources::{AuthExport, AuthImport, ProviderAuthConfig, ProviderConfig};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};

/// The API's error object, with the value wherever it may be echoed.
fn echo(value: &str) -> Value {
    json!({
        "object": "error", "ok": false, "status": 400, "code": "invalid_data", "entity": "body",
        "message": format!("{value} is no token"), "description": value, "hint": value,
        "errors": [{
            "code": "invalid_type", "message": value, "path": ["value", value],
            "received": value, "expected": value
        }]
    })
}

/// Answers the next request of this sort in this way.
fn next(env: &Environment, method: &str, path: &str, action: Action) {
    env.sim
        .faults()
        .add(Fault::on(method, path).times(1), action);
}

#[tokio::test]
async fn no_value_gets_out_at_the_loudest_log_level() {
    let env = Environment::new().await;
    let value = Canary::new("a value of an auth config");
    let later = Canary::new("a value that was imported");
    let literal = Canary::new("a literal of a composed value");
    let watched = Watched::start(&env).await;
    let mut process = env
        .start_process(&["--log=trace", "--log-format=json"])
        .await;

    env.apply_token(&value.value).await;
    next(
        &env,
        "POST",
        "/provider-auth-configs",
        Action::answer(400, echo(&value.value)),
    );
    let initial = json!({"spec": {"valuePolicy": "Initial"}});
    env.apply(with(auth_config("linear"), initial.clone()))
        .await;
    reason::<ProviderAuthConfig>(&env, "linear", "RemoteRejected").await;
    let described = json!({"spec": {"description": "again"}});
    env.apply(with(with(auth_config("linear"), initial), described))
        .await;
    env.auth_config("linear").wait_ready().await;
    refused_imports(&env, &later.value).await;
    refused_exports(&env, &later.value).await;
    unfit(&env, &literal.value).await;
    let outside = outside(&env, &process).await;
    process.terminate();
    let (status, log) = env.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(
        log.matches("\"level\":\"TRACE\"").count() > 100,
        "the log is at its loudest"
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

/// Waits until a resource of any kind has a reason.
async fn reason<K>(env: &Environment, name: &str, reason: &str)
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + serde::de::DeserializeOwned
        + serde::Serialize
        + std::fmt::Debug,
{
    let has = |object: &K| {
        let object = serde_json::to_value(object).unwrap();
        let conditions = object["status"]["conditions"].as_array();
        conditions
            .into_iter()
            .flatten()
            .any(|it| it["type"] == "Ready" && it["reason"] == reason)
    };
    env.wait_for(name, reason, has).await;
}

/// An import that the API takes, and one that it refuses with the words of the request.
async fn refused_imports(env: &Environment, value: &str) {
    env.apply(import("moved", "linear")).await;
    env.import("moved").wait_ready().await;
    next(
        env,
        "POST",
        "/provider-auth-config-imports",
        Action::answer(422, echo(value)),
    );
    env.apply_token(value).await;
    reason::<AuthImport>(env, "moved", "RemoteRejected").await;
    env.import("moved").request_reconcile().await;
    env.import("moved").wait_ready().await;
}

/// Exports whose answers are none, with the value in them, and one that is good.
async fn refused_exports(env: &Environment, value: &str) {
    let path = "/provider-auth-config-exports";
    next(env, "POST", path, Action::answer(400, echo(value)));
    env.apply(export("used", "linear")).await;
    reason::<AuthExport>(env, "used", "RemoteRejected").await;
    env.export("used").request_reconcile().await;
    env.wait_token("used", value).await;
    env.export("used").wait_ready().await;
    let exports = env.ever(Kind::Export);
    assert_eq!(exports.len(), 1);
}

/// A value that the published schema does not allow.
async fn unfit(env: &Environment, literal: &str) {
    let value = json!({"value": {"literal": {"statementTimeoutMs": literal}}});
    env.apply(config("db", &value)).await;
    reason::<ProviderConfig>(env, "db", "InvalidValue").await;
    env.apply(config("db", &json!({"value": settings(1000)})))
        .await;
    env.config("db").wait_ready().await;
}
