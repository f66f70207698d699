//! The default config of a deployment: one that the spec names, and one that Metorial makes unasked, with a copy of the
//! deployment's marker.

use crate::support::{Environment, Kind, Manifest, config, deployment, resource};
use serde_json::json;

fn observed(name: &str, id: &str) -> Manifest {
    let spec = json!({"providerId": "linear", "value": {"literal": {}}, "name": "any"});
    resource("ProviderConfig", name, spec).observing(id)
}

#[tokio::test]
async fn an_unasked_default_config_is_a_part_of_its_deployment_and_goes_with_it() {
    let env = Environment::running().await;
    let made = env.create(deployment("tracker")).await;
    let unasked = env.only(Kind::Config);
    assert_eq!(made.field("defaultConfigId"), unasked.id.as_str());
    let marker = &unasked.readable["metadata"]["kubernetes"];
    assert_eq!(marker["kind"], "ProviderDeployment", "a copy of the marker");
    env.check_oracles().await;
    env.sim.clear_journal();
    env.deployment("tracker").remove().await;
    env.sim.settled().await;
    assert_eq!(
        env.attempts(),
        [format!("DELETE /provider-deployments/{}", made.id())]
    );
    assert!(env.live(Kind::Config).is_empty(), "Metorial takes it along");
}

#[tokio::test]
async fn a_config_with_a_copy_of_the_marker_is_observed_but_not_adopted_bound_or_deleted() {
    let mut env = Environment::running().await;
    env.create(deployment("tracker")).await;
    let unasked = env.only(Kind::Config).id;
    env.create(observed("observer", &unasked)).await;
    let adopting = observed("tracker", &unasked).spec(json!({"mode": null}));
    env.apply(adopting).await;
    let refused = env.config("tracker").wait_reason("OwnershipConflict").await;
    let message = refused.message();
    assert!(message.contains("ProviderDeployment tracker"), "{message}");
    for name in ["observer", "tracker"] {
        env.config(name).remove().await;
    }
    // A config of the same name, whose create may have been lost, searches by its own marker.
    let own = env.create(config("tracker")).await.id();
    assert_ne!(own, unasked);
    env.stop_operator().await;
    env.config("tracker").lose_status().await;
    env.start_operator();
    assert_eq!(env.config("tracker").wait_ready().await.id(), own);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_default_config_that_its_deployment_left_behind_can_be_adopted() {
    let env = Environment::running().await;
    let left = env.create(deployment("tracker").orphaning()).await.id();
    let unasked = env.only(Kind::Config).id;
    env.deployment("tracker").remove().await;
    let spec = json!({"adopt": {"policy": "Override"}, "mode": null, "deploymentId": left});
    env.create(observed("own", &unasked).spec(spec)).await;
    let marker = env.only(Kind::Config).readable["metadata"]["kubernetes"].clone();
    assert_eq!(marker["kind"], "ProviderConfig");
}

#[tokio::test]
async fn a_deployment_waits_for_its_default_config_and_only_refers_to_it() {
    let env = Environment::running().await;
    let spec = json!({"providerId": "postgres", "defaultConfigRef": {"name": "settings"}});
    env.apply(deployment("database").spec(spec)).await;
    let waiting = env
        .deployment("database")
        .wait_reason("ReferenceNotFound")
        .await;
    let message = waiting.message();
    assert!(message.contains("ProviderConfig settings"), "{message}");
    let settings = env.create(config("settings")).await.id();
    let ready = env.deployment("database").wait_ready().await;
    assert_eq!(ready.field("defaultConfigId"), settings.as_str());
    let there = env.only(Kind::Deployment);
    assert_eq!(there.readable["default_config"]["id"], settings.as_str());
    env.check_oracles().await;
    env.deployment("database").remove().await;
    env.sim.settled().await;
    assert_eq!(env.only(Kind::Config).id, settings, "it stays");
}

#[tokio::test]
async fn a_deployment_whose_default_config_was_replaced_reports_it_and_is_not_replaced() {
    let env = Environment::running().await;
    let former = env.create(config("settings")).await.id();
    let spec = json!({"providerId": "postgres", "defaultConfigRef": {"name": "settings"}});
    let id = env.create(deployment("database").spec(spec)).await.id();
    env.sim.clear_journal();
    let value = json!({"value": {"literal": {"statementTimeoutMs": 2000}}});
    env.config("settings").edit(value).await;
    let found = env
        .deployment("database")
        .wait_reason("ImmutableFieldChanged")
        .await;
    let message = found.message();
    let says = format!("the default config of {id}, which is {former};");
    assert!(message.contains(&says), "{message}");
    env.config("settings").wait_ready().await;
    assert_eq!(env.only(Kind::Deployment).id, id);
    let writes = env.attempts();
    let deployments = writes
        .iter()
        .filter(|it| it.contains("/provider-deployments"));
    assert_eq!(deployments.count(), 0, "{writes:?}");
}

#[tokio::test]
async fn a_config_of_another_deployment_can_not_be_the_default_of_a_new_one() {
    let env = Environment::running().await;
    let postgres = json!({"providerId": "postgres"});
    env.create(deployment("first").spec(postgres.clone())).await;
    env.create(config("settings").deployed("first")).await;
    let second = json!({"defaultConfigRef": {"name": "settings"}});
    env.apply(deployment("second").spec(postgres).spec(second))
        .await;
    let advice = "belongs to another deployment; name one that belongs to none";
    let refused = env
        .deployment("second")
        .wait_message("InvalidSpec", advice)
        .await;
    let message = refused.message();
    assert!(message.contains("spec.defaultConfigRef"), "{message}");
    assert_eq!(env.live(Kind::Deployment).len(), 1);
}
