//! No composed value and no exported one gets out, whatever the API answers and however much is logged.

use crate::canary::{Canary, check_no_canary};
use crate::leaks::{Watched, fingerprint_key, outside, token};
use crate::support::{World, with};
use crate::values::{auth_config, config, export, import, settings};
use metorial_operator::resources::{AuthExport, AuthImport, ProviderAuthConfig, ProviderConfig};
use metorial_simulator::{Action, Collection, Fault};
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
fn next(world: &World, method: &str, path: &str, action: Action) {
    world
        .sim
        .faults()
        .add(Fault::on(method, path).times(1), action);
}

#[tokio::test]
async fn no_value_gets_out_at_the_loudest_log_level() {
    let world = World::new().await;
    let value = Canary::new("a value of an auth config");
    let later = Canary::new("a value that was imported");
    let literal = Canary::new("a literal of a composed value");
    let watched = Watched::start(&world).await;
    let mut process = world
        .start_process(&["--log=trace", "--log-format=json"])
        .await;

    world.apply_token(&value.value).await;
    next(
        &world,
        "POST",
        "/provider-auth-configs",
        Action::answer(400, echo(&value.value)),
    );
    let initial = json!({"spec": {"valuePolicy": "Initial"}});
    world
        .apply(with(auth_config("linear"), initial.clone()))
        .await;
    reason::<ProviderAuthConfig>(&world, "linear", "RemoteRejected").await;
    let described = json!({"spec": {"description": "again"}});
    world
        .apply(with(with(auth_config("linear"), initial), described))
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
    refused_imports(&world, &later.value).await;
    refused_exports(&world, &later.value).await;
    unfit(&world, &literal.value).await;
    let outside = outside(&world, &process).await;
    process.terminate();
    let (status, log) = world.wait_ended(&mut process).await;
    assert!(status.success(), "{status}");

    assert!(
        log.matches("\"level\":\"TRACE\"").count() > 100,
        "the log is at its loudest"
    );
    let (token, fingerprint_key) = (token(&world).await, fingerprint_key(&world).await);
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
async fn reason<K>(world: &World, name: &str, reason: &str)
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
    world.wait_for(name, reason, has).await;
}

/// An import that the API takes, and one that it refuses with the words of the request.
async fn refused_imports(world: &World, value: &str) {
    world.apply(import("moved", "linear")).await;
    world.ready::<AuthImport>("moved").await;
    next(
        world,
        "POST",
        "/provider-auth-config-imports",
        Action::answer(422, echo(value)),
    );
    world.apply_token(value).await;
    reason::<AuthImport>(world, "moved", "RemoteRejected").await;
    world.request::<AuthImport>("moved").await;
    world.ready::<AuthImport>("moved").await;
}

/// Exports whose answers are none, with the value in them, and one that is good.
async fn refused_exports(world: &World, value: &str) {
    let path = "/provider-auth-config-exports";
    next(world, "POST", path, Action::answer(400, echo(value)));
    world.apply(export("used", "linear")).await;
    reason::<AuthExport>(world, "used", "RemoteRejected").await;
    world.request::<AuthExport>("used").await;
    world.wait_token("used", value).await;
    world.ready::<AuthExport>("used").await;
    let exports = world.sim.objects(&world.instance, Collection::AuthExports);
    assert_eq!(exports.len(), 1);
}

/// A value that the published schema does not allow.
async fn unfit(world: &World, literal: &str) {
    let value = json!({"value": {"literal": {"statementTimeoutMs": literal}}});
    world.apply(config("db", &value)).await;
    reason::<ProviderConfig>(world, "db", "InvalidValue").await;
    world
        .apply(config("db", &json!({"value": settings(1000)})))
        .await;
    world.ready::<ProviderConfig>("db").await;
}
