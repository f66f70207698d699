//! A child object of a deleted resource that the garbage collector has not deleted yet when another one of that name exists.

use crate::support::{Environment, Namespaced, auth_config, credentials, export};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use serde_json::json;

/// Keeps the garbage collector from deleting an object, until this is called again with `false`.
async fn hold<K: Namespaced>(env: &Environment, name: &str, held: bool) {
    let finalizers = match held {
        true => json!(["example.com/held"]),
        false => json!(null),
    };
    env.patch::<K>(name, json!({"metadata": {"finalizers": finalizers}}))
        .await;
}

#[tokio::test]
async fn the_config_map_of_a_predecessor_is_waited_for_and_is_no_conflict() {
    let env = Environment::running().await;
    env.create(credentials("github").publishing("ids")).await;
    let first = env
        .wait_for::<ConfigMap>("ids", "the ids", |map| map.data.is_some())
        .await;
    hold::<ConfigMap>(&env, "ids", true).await;
    env.credentials("github").delete().await;
    env.credentials("github").wait_gone().await;

    env.apply(credentials("github").publishing("ids")).await;
    let waiting = env
        .credentials("github")
        .wait_message("Updating", "ConfigMap ids in spec.publish")
        .await;
    assert_eq!(
        waiting.condition("ReferencesResolved").unwrap().status,
        "True"
    );
    assert!(
        waiting
            .condition("Stalled")
            .is_none_or(|it| it.status != "True")
    );
    hold::<ConfigMap>(&env, "ids", false).await;
    env.credentials("github").wait_ready().await;
    env.wait_for::<ConfigMap>("ids", "the ids of the successor", |map| {
        map.uid() != first.uid()
    })
    .await;
    env.check_oracles().await;
}

#[tokio::test]
async fn nothing_is_exported_before_the_secret_of_a_predecessor_is_gone() {
    let env = Environment::running().await;
    env.value("token", "canary-4711").await;
    env.apply(auth_config("linear")).await;
    env.create(export("worker", "linear", "linear-token")).await;
    let first = env.exports().len();
    hold::<Secret>(&env, "linear-token", true).await;
    env.export("worker").delete().await;
    env.export("worker").wait_gone().await;

    env.apply(export("worker", "linear", "linear-token")).await;
    env.export("worker")
        .wait_message("Exporting", "Secret linear-token in spec.secret")
        .await;
    env.check_quiet().await;
    assert_eq!(env.exports().len(), first);
    // Then the API is asked for the auth config, which is no reason to pause for long.
    env.export("worker").reconcile_now().await;
    hold::<Secret>(&env, "linear-token", false).await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), first + 1);
    env.check_oracles().await;
}
