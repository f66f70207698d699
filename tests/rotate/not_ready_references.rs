//! A leaked token can be rotated whatever keeps the resources from being ready that its resource refers to.

use crate::support::{
    Environment, Kind, THIRD, VALUES, auth_config, config_on, deployment, import_into, import_new,
    initial, vault,
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

/// A deployment that was changed to a default config that does not exist, after this had been created in it.
async fn in_broken_deployment(of: impl Into<Value>) -> Environment {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.create(deployment("tracker")).await;
    env.create(of).await;
    let missing = json!({"defaultConfigRef": {"name": "missing"}});
    env.deployment("tracker").edit(missing).await;
    env.deployment("tracker")
        .wait_reason("ReferenceNotFound")
        .await;
    env
}

/// Removes what is wrong with the deployment: in the end all is ready.
async fn repair(env: &Environment) {
    let repaired = json!({"defaultConfigRef": null});
    env.deployment("tracker").edit(repaired).await;
    env.deployment("tracker").wait_ready().await;
}

/// Waits until the one auth config has this token.
async fn wait_token(env: &Environment, token: &str) {
    env.wait_only(Kind::AuthConfig, "it has the new token", |object| {
        object.write_only["value"]["token"] == token
    })
    .await;
}

#[tokio::test]
async fn a_token_is_rotated_in_a_deployment_that_is_not_ready_and_nothing_new_is_created_in_it() {
    let env = in_broken_deployment(auth_config("github").deployed("tracker")).await;
    env.value("token", VALUES[1]).await;
    wait_token(&env, VALUES[1]).await;
    env.auth_config("github").wait_synced().await;

    env.apply(auth_config("new").deployed("tracker")).await;
    env.auth_config("new")
        .wait_message("ReferenceNotReady", "ProviderDeployment tracker")
        .await;
    repair(&env).await;
    env.auth_config("new").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_token_is_imported_again_in_a_deployment_that_is_not_ready() {
    let env = in_broken_deployment(import_new("github").deployed("tracker")).await;
    env.value("token", VALUES[1]).await;
    wait_token(&env, VALUES[1]).await;
    env.import("github").wait_ready().await;
    repair(&env).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_token_is_imported_into_an_auth_config_of_a_deployment_that_is_not_ready() {
    let env = in_broken_deployment(initial("github").deployed("tracker")).await;
    env.value("other", VALUES[1]).await;
    env.create(import_into("rotation", "github", "other")).await;
    wait_token(&env, VALUES[1]).await;
    env.value("other", THIRD).await;
    wait_token(&env, THIRD).await;
    env.import("rotation").wait_ready().await;
    repair(&env).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_does_not_use_one_whose_object_may_be_gone() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let tracker = deployment("tracker").reporting_drift();
    let id = env.create(tracker).await.id();
    env.create(auth_config("github").deployed("tracker")).await;
    assert!(env.sim.archive(&id));
    env.deployment("tracker").reconcile_now().await;
    let lost = env.deployment("tracker").wait_reason("RemoteMissing").await;
    assert_eq!(lost.id(), id);
    env.auth_config("github")
        .wait_message("ReferenceNotReady", "ProviderDeployment tracker")
        .await;
}

#[tokio::test]
async fn nothing_is_created_from_an_object_that_is_gone_whatever_keeps_its_resource_from_being_ready()
 {
    let env = Environment::running().await;
    env.value("path", VALUES[0]).await;
    let gone = env.create(vault("shared", "path")).await.id();
    let settings = env.create(config_on("settings", "shared")).await.id();
    env.delete::<Secret>("values").await;
    env.vault("shared").wait_reason("SecretNotFound").await;
    for id in [&settings, &gone] {
        assert!(env.sim.archive(id));
    }
    let writes = env.attempts();
    env.config("settings").reconcile_now().await;
    env.config("settings")
        .wait_message("ReferenceNotReady", &gone)
        .await;
    assert_eq!(env.attempts(), writes);

    env.value("path", VALUES[1]).await;
    env.vault("shared").wait_synced().await;
    env.config("settings").wait_synced().await;
    env.check_oracles().await;
}
