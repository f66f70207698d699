//! A changed Secret or ConfigMap reaches the API within seconds, once; what changed nothing costs nothing.

use crate::support::{PATIENCE, World, credentials, keys, ready, secret, status, with};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use metorial_operator::resources::{CommonStatus, ProviderAuthCredentials};
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;

const SECRET: &str = "oauth.clientSecret";

fn input(status: &CommonStatus, field: &str) -> (String, String) {
    let inputs = status.inputs.as_deref().unwrap_or_default();
    let input = inputs.iter().find(|input| input.field == field).unwrap();
    (input.fingerprint.clone(), input.pushed_at.0.to_string())
}

#[tokio::test]
async fn a_rotated_secret_is_pushed_by_one_patch_and_the_status_tells_which_value_is_there() {
    let world = World::running().await;
    let before = status(&world.make(credentials("github")).await);

    world.rotate("oauth-app", "client-secret", "rotated").await;
    let remote = world
        .wait_remote("the new value", |o| {
            o.write_only["client_secret"] == "rotated"
        })
        .await;
    let after = status(&world.wait_recorded("github").await);

    assert_eq!(remote.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(world.patches().len(), 1);
    assert_eq!(
        world.patches()[0]["metadata"]["kubernetes"]["fingerprint"],
        remote.readable["metadata"]["kubernetes"]["fingerprint"]
    );
    assert_eq!(after.id, before.id);
    assert_ne!(input(&after, SECRET), input(&before, SECRET));
    assert_eq!(
        input(&after, "oauth.clientId"),
        input(&before, "oauth.clientId"),
        "the value that did not change keeps its date"
    );
    let told = world.wait_event("github", "Updated").await;
    assert!(
        told.contains(SECRET) && !told.contains("clientId"),
        "{told}"
    );
    world.check_oracles().await;
    world.check_no_leak(&["rotated"]).await;
}

#[tokio::test]
async fn of_two_rotations_in_a_row_the_last_value_wins_even_while_the_first_is_being_pushed() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let gate = Gate::new();
    let push = Fault::on("PATCH", "/provider-auth-credentials").times(1);
    world
        .sim
        .faults()
        .add(push, Action::HoldAfterApply(gate.clone()));

    world.rotate("oauth-app", "client-secret", "second").await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.rotate("oauth-app", "client-secret", "third").await;
    world.rotate("oauth-app", "client-secret", "fourth").await;
    gate.open();

    world
        .wait_remote("the last value", |o| {
            o.write_only["client_secret"] == "fourth"
        })
        .await;
    world.wait_recorded("github").await;
    world.check_oracles().await;
    assert_eq!(
        world.only_remote().write_only["client_secret"],
        "fourth",
        "and it stays"
    );
    assert_eq!(
        world
            .writes()
            .iter()
            .filter(|w| w.starts_with("POST"))
            .count(),
        1
    );
}

#[tokio::test]
async fn two_resources_on_one_secret_get_one_patch_each() {
    let world = World::running().await;
    for name in ["one", "two"] {
        world.make(credentials(name)).await;
    }

    world.rotate("oauth-app", "client-secret", "rotated").await;
    world
        .until("both have the new value", async || {
            let live = world.remote();
            let all = live
                .iter()
                .all(|o| o.write_only["client_secret"] == "rotated");
            (live.len() == 2 && all).then_some(())
        })
        .await;
    for name in ["one", "two"] {
        world.wait_recorded(name).await;
    }
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 2);
}

#[tokio::test]
async fn a_changed_label_or_an_equal_value_leads_to_no_call_and_no_write() {
    let world = World::running().await;
    let before = world.make(credentials("github")).await;
    let calls = world.calls();

    let label = json!({"metadata": {"labels": {"team": "a"}, "annotations": {"note": "b"}}});
    world.patch::<Secret>("oauth-app", label).await;
    let (key, value) = ("client-secret", world.client_secret.clone());
    world.rotate("oauth-app", key, &value).await;
    world
        .rotate("oauth-app", "another-key", "of no interest")
        .await;
    world.check_quiet().await;

    assert_eq!(world.calls(), calls);
    let after = world.credentials("github").await;
    assert_eq!(
        after.metadata.resource_version,
        before.metadata.resource_version
    );
}

#[tokio::test]
async fn a_client_id_may_come_from_a_config_map_and_follows_it() {
    let world = World::running().await;
    let map = |id: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"id": id}});
    let reference = json!({"secretKeyRef": null, "configMapKeyRef": {"name": "app", "key": "id"}});
    world
        .apply(with(
            credentials("github"),
            json!({"spec": {"oauth": {"clientId": reference}}}),
        ))
        .await;
    let waiting = world.wait_reason("github", "ConfigMapNotFound").await;
    let (_, _, message) = ready(&waiting).unwrap();
    assert!(message.contains("ConfigMap app"), "{message}");

    world.apply(map("first")).await;
    world.wait_ready("github").await;
    assert_eq!(world.only_remote().write_only["client_id"], "first");

    world.apply(map("second")).await;
    world
        .wait_remote("the new id", |o| o.write_only["client_id"] == "second")
        .await;
    let recorded = world.wait_recorded("github").await;
    let sources: Vec<String> = status(&recorded)
        .inputs
        .unwrap()
        .into_iter()
        .map(|input| input.source)
        .collect();
    assert_eq!(
        sources,
        ["ConfigMap/app/id", "Secret/oauth-app/client-secret"]
    );
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;

    world.delete::<ConfigMap>("app").await;
    world.wait_reason("github", "ConfigMapNotFound").await;
    world.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"other": "x"}})).await;
    world
        .wait_for::<ProviderAuthCredentials>("github", "the missing key is named", |object| {
            ready(object).is_some_and(|(_, _, message)| message.contains("no key id"))
        })
        .await;
    world.apply(map("second")).await;
    world.wait_ready("github").await;
    world.check_oracles().await;
    assert_eq!(world.patches().len(), 1, "the API had that value all along");
}

#[tokio::test]
async fn an_immutable_secret_serves_and_its_replacement_is_taken_up() {
    let world = World::running().await;
    let app = |value: &str| {
        let texts = [("client-id", "Iv1.0123456789"), ("client-secret", value)];
        with(secret("fixed", &texts), json!({"immutable": true}))
    };
    let keys_of = |key: &str| json!({"secretKeyRef": {"name": "fixed", "key": key}});
    let oauth = json!({"clientId": keys_of("client-id"), "clientSecret": keys_of("client-secret")});
    world.apply(app("first")).await;
    world
        .make(with(
            credentials("github"),
            json!({"spec": {"oauth": oauth}}),
        ))
        .await;

    world.delete::<Secret>("fixed").await;
    world.wait_gone::<Secret>("fixed").await;
    world.apply(app("second")).await;
    world
        .wait_remote("the new value", |o| {
            o.write_only["client_secret"] == "second"
        })
        .await;
    world.wait_recorded("github").await;
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn without_a_watch_on_secrets_a_rotation_is_taken_up_when_asked_for() {
    let mut world = World::new().await;
    let settings = metorial_operator::settings::Settings {
        secret_watch: false,
        ..world.settings()
    };
    world.start_operator_with(settings);
    world.make(credentials("github")).await;

    world.rotate("oauth-app", "client-secret", "rotated").await;
    world.check_quiet().await;
    world.look_again("github").await;
    world.wait_recorded("github").await;
    assert_eq!(world.only_remote().write_only["client_secret"], "rotated");
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_rotation_keeps_what_others_put_into_the_metadata_since_the_last_look() {
    let world = World::running().await;
    let manifest = with(
        credentials("github"),
        json!({"spec": {"metadata": {"team": "a"}}}),
    );
    world.make(manifest).await;
    let remote = world.only_remote();
    let mut metadata = remote.readable["metadata"].clone();
    metadata["cost-centre"] = json!("4711");
    world.sim.edit(&remote.id, json!({"metadata": metadata}));

    world.rotate("oauth-app", "client-secret", "rotated").await;
    let remote = world
        .wait_remote("the new value", |o| {
            o.write_only["client_secret"] == "rotated"
        })
        .await;
    assert_eq!(
        keys(&remote.readable["metadata"]),
        ["cost-centre", "kubernetes", "team"]
    );
    assert_eq!(remote.readable["metadata"]["cost-centre"], "4711");
    world.wait_recorded("github").await;
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}
