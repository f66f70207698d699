//! A changed Secret or ConfigMap reaches the API within seconds, once; what changed nothing costs nothing.

use crate::support::{Environment, Kind, PATIENCE, credentials, keys, secret, with};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use metorial_operator::resources::CommonStatus;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;

const SECRET: &str = "oauth.clientSecret";

fn input(status: &CommonStatus, field: &str) -> (String, String) {
    let inputs = status.inputs.as_deref().unwrap_or_default();
    let input = inputs.iter().find(|input| input.field == field).unwrap();
    (input.fingerprint.clone(), input.pushed_at.0.to_string())
}

#[tokio::test]
async fn a_rotated_secret_is_pushed_by_one_patch_and_the_status_records_which_value_the_api_has() {
    let env = Environment::running().await;
    let before = env.create(credentials("github")).await.status();

    env.rotate("oauth-app", "client-secret", "rotated").await;
    let remote = env
        .wait_only(Kind::Credentials, "the new value", |o| {
            o.write_only["client_secret"] == "rotated"
        })
        .await;
    let after = env.credentials("github").wait_recorded().await.status();

    assert_eq!(remote.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(env.patches().len(), 1);
    assert_eq!(
        keys(&env.patches()[0]),
        ["client_secret", "metadata"],
        "only what changed is sent"
    );
    assert_eq!(
        env.patches()[0]["metadata"]["kubernetes"]["fingerprint"],
        remote.readable["metadata"]["kubernetes"]["fingerprint"]
    );
    assert_eq!(after.id, before.id);
    assert_ne!(input(&after, SECRET), input(&before, SECRET));
    assert_eq!(
        input(&after, "oauth.clientId"),
        input(&before, "oauth.clientId"),
        "the value that did not change keeps its date"
    );
    let note = env.credentials("github").wait_event("Updated").await;
    assert!(
        note.contains(SECRET) && !note.contains("clientId"),
        "{note}"
    );
    env.check_oracles().await;
    env.check_no_leak(&["rotated"]).await;
}

#[tokio::test]
async fn of_two_rotations_in_a_row_the_last_value_wins_even_while_the_first_is_being_pushed() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let gate = Gate::new();
    let push = Fault::on("PATCH", "/provider-auth-credentials").times(1);
    env.sim
        .faults()
        .add(push, Action::HoldAfterApply(gate.clone()));

    env.rotate("oauth-app", "client-secret", "second").await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.rotate("oauth-app", "client-secret", "third").await;
    env.rotate("oauth-app", "client-secret", "fourth").await;
    gate.open();

    env.wait_only(Kind::Credentials, "the last value", |o| {
        o.write_only["client_secret"] == "fourth"
    })
    .await;
    env.credentials("github").wait_recorded().await;
    env.check_oracles().await;
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_secret"],
        "fourth",
        "and it stays"
    );
    assert_eq!(
        env.writes()
            .iter()
            .filter(|w| w.starts_with("POST"))
            .count(),
        1
    );
}

#[tokio::test]
async fn two_resources_on_one_secret_get_one_patch_each() {
    let env = Environment::running().await;
    for name in ["one", "two"] {
        env.create(credentials(name)).await;
    }

    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.until("both have the new value", async || {
        let live = env.live(Kind::Credentials);
        let all = live
            .iter()
            .all(|o| o.write_only["client_secret"] == "rotated");
        (live.len() == 2 && all).then_some(())
    })
    .await;
    for name in ["one", "two"] {
        env.credentials(name).wait_recorded().await;
    }
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 2);
}

#[tokio::test]
async fn a_changed_label_or_an_equal_value_leads_to_no_call_and_no_write() {
    let env = Environment::running().await;
    let before = env.create(credentials("github")).await;
    let calls = env.calls();

    let label = json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}});
    env.patch::<Secret>("oauth-app", label).await;
    let (key, value) = ("client-secret", env.client_secret.clone());
    env.rotate("oauth-app", key, &value).await;
    env.rotate("oauth-app", "another-key", "of no interest")
        .await;
    env.check_quiet().await;

    assert_eq!(env.calls(), calls);
    let after = env.credentials("github").get().await;
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
}

#[tokio::test]
async fn a_client_id_may_come_from_a_config_map_and_follows_it() {
    let env = Environment::running().await;
    let map = |id: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"id": id}});
    let reference = json!({"secretKeyRef": null, "configMapKeyRef": {"name": "app", "key": "id"}});
    env.apply(credentials("github").spec(json!({"oauth": {"clientId": reference}})))
        .await;
    let waiting = env
        .credentials("github")
        .wait_reason("ConfigMapNotFound")
        .await;
    let message = waiting.message();
    assert!(message.contains("ConfigMap app"), "{message}");

    env.apply(map("first")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.only(Kind::Credentials).write_only["client_id"], "first");

    env.apply(map("second")).await;
    env.wait_only(Kind::Credentials, "the new id", |o| {
        o.write_only["client_id"] == "second"
    })
    .await;
    let recorded = env.credentials("github").wait_recorded().await;
    let sources: Vec<String> = recorded
        .status()
        .inputs
        .unwrap()
        .into_iter()
        .map(|input| input.source)
        .collect();
    assert_eq!(
        sources,
        ["ConfigMap/app/id", "Secret/oauth-app/client-secret", "spec"],
        "the scopes are recorded, too, because a build may not show them"
    );
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;

    env.delete::<ConfigMap>("app").await;
    env.credentials("github")
        .wait_reason("ConfigMapNotFound")
        .await;
    env.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"other": "x"}})).await;
    env.credentials("github")
        .wait_message("ConfigMapNotFound", "no key id")
        .await;
    env.apply(map("second")).await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
    assert_eq!(env.patches().len(), 1, "the API had that value all along");
}

#[tokio::test]
async fn an_immutable_secret_is_used_and_its_replacement_is_pushed() {
    let env = Environment::running().await;
    let app = |value: &str| {
        let texts = [("client-id", "Iv1.0123456789"), ("client-secret", value)];
        with(secret("fixed", &texts), json!({"immutable": true}))
    };
    let keys_of = |key: &str| json!({"secretKeyRef": {"name": "fixed", "key": key}});
    let oauth = json!({"clientId": keys_of("client-id"), "clientSecret": keys_of("client-secret")});
    env.apply(app("first")).await;
    env.create(credentials("github").spec(json!({"oauth": oauth})))
        .await;

    env.delete::<Secret>("fixed").await;
    env.wait_gone::<Secret>("fixed").await;
    env.apply(app("second")).await;
    env.wait_only(Kind::Credentials, "the new value", |o| {
        o.write_only["client_secret"] == "second"
    })
    .await;
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn without_a_watch_on_secrets_a_rotation_is_pushed_on_request() {
    let mut env = Environment::new().await;
    let settings = metorial_operator::settings::Settings {
        secret_watch: false,
        ..env.settings()
    };
    env.start_operator_with(settings);
    env.create(credentials("github")).await;

    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.check_quiet().await;
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_recorded().await;
    assert_eq!(
        env.only(Kind::Credentials).write_only["client_secret"],
        "rotated"
    );
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_rotation_keeps_what_others_put_into_the_metadata_since_the_last_read() {
    let env = Environment::running().await;
    let manifest = credentials("github").spec(json!({"metadata": {"team": "a"}}));
    env.create(manifest).await;
    let remote = env.only(Kind::Credentials);
    let mut metadata = remote.readable["metadata"].clone();
    metadata["cost-centre"] = json!("4711");
    env.sim.edit(&remote.id, json!({"metadata": metadata}));

    env.rotate("oauth-app", "client-secret", "rotated").await;
    let remote = env
        .wait_only(Kind::Credentials, "the new value", |o| {
            o.write_only["client_secret"] == "rotated"
        })
        .await;
    assert_eq!(
        keys(&remote.readable["metadata"]),
        ["cost-centre", "kubernetes", "team"]
    );
    assert_eq!(remote.readable["metadata"]["cost-centre"], "4711");
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}
