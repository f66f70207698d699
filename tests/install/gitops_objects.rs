//! What Argo CD and Flux say of resources that an operator reconciles, and the actions of Argo CD on them.

use crate::argocd::{discover, health, patch};
use crate::flux::{check_agrees, status};
use crate::support::{Environment, auth_config, credentials, secret};
use serde_json::{Value, json};

/// A resource as the tools read it.
async fn read(env: &Environment, resource: &str) -> Value {
    let get = ["get", resource, "-o", "json"];
    serde_json::from_str(&env.kubectl_prints(&get, "").await).unwrap()
}

/// Waits until Argo CD shows this health, and checks that Flux agrees.
async fn shows(env: &Environment, resource: &str, wanted: &str) -> Value {
    let what = format!("{resource} is {wanted}");
    let object = env
        .until(&what, async || {
            let object = read(env, resource).await;
            (health(&object).await["status"] == wanted).then_some(object)
        })
        .await;
    let status = status(&object).await.unwrap();
    check_agrees(&object, &status).await;
    object
}

/// Runs an action that is offered, as Argo CD does.
async fn act(env: &Environment, action: &str, resource: &str) {
    let object = read(env, resource).await;
    let offered = discover(&object).await;
    assert_eq!(offered[action]["disabled"], false, "{action}: {offered}");
    let patch = patch(action, &object).await.to_string();
    let patch = ["patch", resource, "--type", "merge", "-p", &patch];
    env.kubectl_prints(&patch, "").await;
}

#[tokio::test]
async fn a_plan_waits_as_suspended_until_it_is_approved_in_argo_cd() {
    let env = Environment::running().await;
    let planned = credentials("github")
        .planned()
        .spec(json!({"metadata": {"costCenter": 4711}}));
    env.apply(planned).await;
    let resource = "pacred/github";
    shows(&env, resource, "Suspended").await;
    assert!(env.writes().is_empty());
    act(&env, "approve", resource).await;
    let object = shows(&env, resource, "Healthy").await;
    assert_eq!(object["spec"]["metadata"]["costCenter"], 4711);
    assert_eq!(env.writes(), ["POST /provider-auth-credentials"]);
    let offered = discover(&object).await;
    assert_eq!(offered["approve"]["disabled"], true, "{offered}");
}

#[tokio::test]
async fn argo_cd_suspends_resumes_and_requests_a_reconciliation() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let resource = "pacred/github";
    shows(&env, resource, "Healthy").await;
    act(&env, "suspend", resource).await;
    // A change waits now.
    env.credentials("github").wait_reason("Suspended").await;
    env.apply(credentials("github").named("Renamed").suspended())
        .await;
    shows(&env, resource, "Suspended").await;
    act(&env, "resume", resource).await;
    let object = shows(&env, resource, "Healthy").await;
    assert!(object["spec"]["suspend"].is_null(), "{object}");

    for resource in [resource, "mconn/default"] {
        act(&env, "reconcile", resource).await;
        env.until("the request is handled", async || {
            let object = read(&env, resource).await;
            let annotations = &object["metadata"]["annotations"];
            let requested = &annotations["metorial.com/reconcile-requested-at"];
            let handled = &object["status"]["lastHandledReconcileAt"];
            (handled == requested && handled.is_string()).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_waits_progresses_and_what_needs_a_person_is_degraded() {
    let env = Environment::running().await;
    env.apply(auth_config("linear")).await;
    env.auth_config("linear")
        .wait_reason("SecretNotFound")
        .await;
    shows(&env, "paconf/linear", "Progressing").await;
    let number = json!({"token": 1});
    env.apply(secret("values", &[("token", "a-token-0123456789")]))
        .await;
    shows(&env, "paconf/linear", "Healthy").await;
    let invalid = auth_config("linear").spec(json!({"value": {"from": null, "literal": number}}));
    env.apply(invalid).await;
    shows(&env, "paconf/linear", "Degraded").await;
}
