//! What every single version of a status says is true at the moment when it is written.

use crate::support::{
    Environment, Form, Given, History, Kind, PATIENCE, TESTED, VALUES, credentials, each, secret,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use metorial_simulator::{Action, Gate};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Whether Ready is true, and for which generation.
fn readiness(version: &Value) -> (bool, i64) {
    let conditions = version["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let is_true = conditions.any(|it| it["type"] == "Ready" && it["status"] == "True");
    let observed = version["status"]["observedGeneration"].as_i64();
    (is_true, observed.unwrap_or_default())
}

/// The fingerprints of the write-only inputs that the status says the API has.
fn fingerprints(version: &Value) -> Vec<String> {
    let inputs = version["status"]["inputs"].as_array();
    let of = |input: &Value| input["fingerprint"].as_str().unwrap().to_owned();
    inputs.into_iter().flatten().map(of).collect()
}

/// `observedGeneration` never falls or runs ahead, conditions are well-formed, and `lastTransitionTime` moves only
/// with `status`.
fn check_versions(versions: &[Value]) {
    let mut before: BTreeMap<String, Condition> = BTreeMap::new();
    // What a status says before the operator has written any.
    let mut observed = -1;
    for version in versions {
        let generation = version["metadata"]["generation"].as_i64().unwrap();
        let now = version["status"]["observedGeneration"]
            .as_i64()
            .unwrap_or(observed);
        assert!(
            observed <= now && now <= generation,
            "{observed} → {now}: {version}"
        );
        observed = now;
        let conditions = version["status"]["conditions"].clone();
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap_or_default();
        let types = conditions.iter().map(|condition| condition.type_.as_str());
        let types: Vec<&str> = types.collect();
        assert!(
            !(types.contains(&"Reconciling") && types.contains(&"Stalled")),
            "{types:?}"
        );
        assert!(
            conditions.is_empty() || types.contains(&"Ready"),
            "{types:?}"
        );
        let mut next = BTreeMap::new();
        for condition in conditions {
            check_condition(&condition, before.get(&condition.type_), now);
            let former = next.insert(condition.type_.clone(), condition);
            assert!(former.is_none(), "a type is there twice: {former:?}");
        }
        before = next;
    }
}

fn check_condition(condition: &Condition, before: Option<&Condition>, observed: i64) {
    assert_eq!(
        condition.observed_generation,
        Some(observed),
        "{condition:?}"
    );
    assert!(!condition.message.is_empty(), "{condition:?}");
    assert!(
        condition.reason.chars().all(char::is_alphanumeric),
        "{condition:?}"
    );
    if let Some(before) = before {
        let moved = before.last_transition_time != condition.last_transition_time;
        let turned = before.status != condition.status;
        assert!(turned || !moved, "{before:?} → {condition:?}");
        assert!(before.last_transition_time <= condition.last_transition_time);
    }
}

/// Until the gate opens the API does not have `what`, so nothing may say that it has.
async fn held(env: &Environment, history: &History, gate: &Gate, generation: i64, what: &str) {
    assert!(gate.wait_for_arrivals(1, PATIENCE).await, "{what} is sent");
    let versions = history.of("github");
    let wrong = versions
        .iter()
        .find(|version| readiness(version) == (true, generation));
    assert!(wrong.is_none(), "{what}: {}", wrong.unwrap());
    assert_eq!(
        env.writes().len() + 1,
        env.attempts().len(),
        "{what} is held"
    );
}

#[tokio::test]
async fn no_status_says_ready_before_the_api_has_this_generation_and_these_values() {
    let env = Environment::running().await;
    let history = env.history_of(Kind::Credentials).await;

    let gate = env.hold_before("POST", Kind::Credentials.path());
    env.apply(credentials("github")).await;
    held(&env, &history, &gate, 1, "the create").await;
    gate.open();
    env.credentials("github").wait_ready().await;

    let gate = env.hold_before("PATCH", Kind::Credentials.path());
    env.apply(credentials("github").named("Two")).await;
    held(&env, &history, &gate, 2, "the edit").await;
    gate.open();
    env.credentials("github").wait_ready().await;

    let gate = env.hold_before("PATCH", Kind::Credentials.path());
    let known = history.of("github").last().map(fingerprints).unwrap();
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    let meanwhile = history.of("github");
    let mut claimed = meanwhile
        .iter()
        .map(fingerprints)
        .filter(|of| !of.is_empty());
    assert!(claimed.clone().count() > 0);
    assert_eq!(
        claimed.next_back(),
        Some(known.clone()),
        "the old value's, while the new one is held"
    );
    gate.open();
    env.credentials("github")
        .wait("the rotation is recorded", |object| {
            object.is_ready() && fingerprints(&object.to_json()) != known
        })
        .await;
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_secret"],
        "rotated-0123456789"
    );
    check_versions(&history.of("github"));
}

#[tokio::test]
async fn through_failures_of_many_sorts_statuses_stay_in_order() {
    let env = Environment::running().await;
    let history = env.history_of(Kind::Credentials).await;
    let connections = env.history_of(Kind::Connection).await;
    let spec = |change: Value| credentials("github").spec(change);
    env.create(credentials("github")).await;

    let refusal = Action::error(400, "invalid_data");
    env.next("PATCH", Kind::Credentials.path(), refusal);
    env.apply(spec(json!({"name": "refused"}))).await;
    let object = env
        .credentials("github")
        .wait_reason("RemoteRejected")
        .await;
    assert_eq!(object.status().observed_generation, Some(2));
    env.create(spec(json!({"name": "good"}))).await;

    env.delete::<Secret>("oauth-app").await;
    env.credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    env.apply(env.app_secret()).await;
    env.credentials("github").wait_ready().await;

    env.sim.revoke_key(&env.key);
    env.apply(spec(json!({"name": "while revoked"}))).await;
    env.credentials("github")
        .wait_reason("ConnectionNotReady")
        .await;
    env.connection("default").wait_reason("Unauthorized").await;
    env.sim.restore_key(&env.key);
    env.connection("default").request_reconcile().await;
    env.credentials("github").wait_ready().await;

    env.apply(spec(json!({"suspend": true}))).await;
    env.credentials("github").wait_reason("Suspended").await;
    env.create(credentials("github")).await;
    let id = env.only(Kind::Credentials).id;
    env.sim.edit(&id, json!({"name": "theirs"}));
    env.credentials("github").reconcile_now().await;
    env.sim.add_auth_config(&env.instance, &id, json!({}));
    env.credentials("github").delete().await;
    env.credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    env.credentials("github")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.credentials("github").wait_gone().await;

    let versions = history.of("github");
    assert!(versions.len() > 15, "{} versions", versions.len());
    check_versions(&versions);
    check_versions(&connections.of("default"));
    let ids = versions
        .iter()
        .filter_map(|version| version["status"]["id"].as_str());
    assert!(
        ids.clone().all(|of| of == id),
        "the id never changes: {:?}",
        ids.collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_resource_that_publishes_is_ready_once_its_ids_can_be_read() {
    let env = Environment::running().await;
    let history = env.history_of(Kind::Credentials).await;
    env.apply(credentials("github").publishing("ids")).await;
    let ready = env.until("ready", async || {
        let mut versions = history.of("github").into_iter();
        versions.find(|version| readiness(version).0)
    });
    ready.await;
    let map = env.config_map("ids").await.expect("published before ready");
    assert_eq!(map.data.unwrap()["id"], env.only(Kind::Credentials).id);
    let version = |version: &Value| {
        version["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let first = history
        .of("github")
        .into_iter()
        .find(|it| readiness(it).0)
        .unwrap();
    let made: u64 = map.metadata.resource_version.unwrap().parse().unwrap();
    assert!(
        made < version(&first),
        "the ConfigMap is older than the status that says so"
    );
    env.credentials("github").wait_event("Published").await;
    assert_eq!(
        env.credentials("github").events().await,
        ["Created", "Published"],
        "one event for each thing that was made"
    );
}

#[tokio::test]
async fn another_reason_is_no_transition() {
    let mut env = Environment::bare(Default::default()).await;
    let history = env.history_of(Kind::Credentials).await;
    env.apply(env.key_secret()).await;
    env.apply(env.default_connection()).await;
    env.start_operator();
    env.apply(credentials("github")).await;
    env.credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    // Times in a status are in seconds.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    env.apply(secret("oauth-app", &[("client-id", "Iv1.1")]))
        .await;
    env.credentials("github")
        .wait_reason("SecretKeyNotFound")
        .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    env.apply(env.app_secret()).await;
    env.credentials("github").wait_ready().await;
    check_versions(&history.of("github"));
}

#[tokio::test]
async fn the_statuses_of_every_kind_stay_in_order_over_its_life() {
    each(Form::ALL, async |form| {
        let mut scenario = Given::form(form).prepared().await;
        let history = scenario.history_of(form.kind()).await;
        scenario.start();
        scenario.apply_tested().await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.tested().edit(json!({"suspend": true})).await;
        scenario.tested().wait_reason("Suspended").await;
        scenario.tested().edit(json!({"suspend": null})).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.check_oracles().await;
        scenario.tested().remove().await;
        let versions = history.of(TESTED);
        assert!(versions.len() > 6, "{form:?}: {} versions", versions.len());
        check_versions(&versions);
    })
    .await;
}
