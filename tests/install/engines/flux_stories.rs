//! Flux applies, waits for, corrects, rolls back and prunes resources.

use super::flux::Flux;
use super::platform::{RESOURCES, SECRETS, every_kind, settled};
use crate::support::{Kind, config, credentials};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_is_ready_after_a_first_sync_in_which_the_secrets_come_last() {
    let flux = Flux::start().await;
    let revision = flux.push(&[credentials("github")]).await;
    flux.create(RESOURCES, json!({})).await;
    flux.connection("default")
        .wait_reason("SecretNotFound")
        .await;
    let (ready, applied) = flux.state(RESOURCES).await;
    assert_eq!(ready["status"], "Unknown", "it waits: {ready}");
    assert_eq!(applied, "");
    flux.create(SECRETS, json!({})).await;
    flux.wait_applied(RESOURCES, &revision).await;
    assert!(flux.credentials("github").is_ready().await);
    assert!(flux.connection("default").is_ready().await);
    flux.only(Kind::Credentials);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_is_ready_with_a_change_once_metorial_has_it() {
    let flux = Flux::start().await;
    let first = flux.push(&[credentials("github")]).await;
    flux.deploy(&first).await;
    let id = flux.only(Kind::Credentials).id;
    let second = flux.push(&[credentials("github").named("Renamed")]).await;
    flux.wait_applied(RESOURCES, &second).await;
    let changed = flux.only(Kind::Credentials);
    assert_eq!(
        (changed.id, &changed.readable["name"]),
        (id, &"Renamed".into())
    );
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_writes_no_resource_again_that_it_applied() {
    let flux = Flux::start().await;
    let revision = flux.push(&every_kind()).await;
    flux.deploy(&revision).await;
    let before = settled(&flux).await;
    flux.reconcile(SECRETS).await;
    flux.reconcile(RESOURCES).await;
    flux.wait_applied(RESOURCES, &revision).await;
    assert_eq!(flux.versions().await, before);
    let values = flux.api::<Secret>().get("worker-token").await;
    assert!(values.unwrap().data.is_some());
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_fails_at_once_when_a_resource_needs_a_person() {
    let flux = Flux::start().await;
    let unknown =
        config("settings").spec(json!({"value": {"literal": {"statementTimeoutMs": "soon"}}}));
    flux.push(&[unknown]).await;
    for name in [SECRETS, RESOURCES] {
        flux.create(name, json!({})).await;
    }
    flux.wait_unhealthy(RESOURCES, &["settings"]).await;
    let stalled = flux.config("settings").get().await;
    assert_eq!(stalled.condition("Stalled").unwrap().status, "True");
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_restores_a_spec_that_somebody_edited_and_metorial_follows() {
    let flux = Flux::start().await;
    let revision = flux.push(&[credentials("github").named("Declared")]).await;
    flux.deploy(&revision).await;
    let edit = json!({"spec": {"name": "By hand"}});
    flux.credentials("github").patch(edit).await;
    flux.wait_only(Kind::Credentials, "the edit is there", |object| {
        object.readable["name"] == "By hand"
    })
    .await;
    flux.reconcile(RESOURCES).await;
    flux.wait_only(Kind::Credentials, "it is as declared", |object| {
        object.readable["name"] == "Declared"
    })
    .await;
    flux.wait_applied(RESOURCES, &revision).await;
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn a_plan_that_waits_for_approval_does_not_hold_flux() {
    let flux = Flux::start().await;
    let planned = config("settings").planned();
    let revision = flux.push(&[credentials("github"), planned]).await;
    flux.deploy(&revision).await;
    let plan = flux.config("settings").wait_plan("").await;
    assert!(flux.live(Kind::Config).is_empty());
    // The approval is an annotation that Flux leaves.
    let hash = plan["hash"].as_str().unwrap();
    flux.config("settings").approve(hash).await;
    flux.config("settings").wait_ready().await;
    flux.only(Kind::Config);
    flux.reconcile(RESOURCES).await;
    flux.wait_applied(RESOURCES, &revision).await;
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn without_its_health_checks_flux_fails_when_a_plan_waits_longer_than_the_timeout() {
    let flux = Flux::start().await;
    flux.push(&[config("settings").planned()]).await;
    flux.create(SECRETS, json!({})).await;
    // Flux waits for at least half a minute and looks every five seconds. If time is up during a look, the message names no
    // resource: so the timeout is between two looks, and another try follows.
    let plain = json!({"healthCheckExprs": null, "timeout": "33s", "retryInterval": "5s"});
    flux.create(RESOURCES, json!({"spec": plain})).await;
    flux.config("settings").wait_plan("").await;
    flux.wait_unhealthy(RESOURCES, &["settings", "InProgress"])
        .await;
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn flux_rolls_back_to_the_former_revision_and_prunes_what_it_did_not_have() {
    let flux = Flux::start().await;
    let first = flux.push(&[credentials("github").named("First")]).await;
    flux.deploy(&first).await;
    let id = flux.only(Kind::Credentials).id;
    let second = flux
        .push(&[credentials("github").named("Second"), config("settings")])
        .await;
    flux.wait_applied(RESOURCES, &second).await;
    flux.only(Kind::Config);
    flux.release(&first).await;
    flux.wait_applied(RESOURCES, &first).await;
    let restored = flux.only(Kind::Credentials);
    assert_eq!(
        (restored.id, &restored.readable["name"]),
        (id, &"First".into())
    );
    flux.config("settings").wait_gone().await;
    assert!(flux.live(Kind::Config).is_empty());
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn the_deletion_of_a_kustomization_ends_when_its_objects_at_metorial_are_deleted() {
    let flux = Flux::start().await;
    let revision = flux
        .push(&[credentials("github"), config("settings")])
        .await;
    flux.deploy(&revision).await;
    flux.delete(RESOURCES).await;
    assert!(flux.live(Kind::Credentials).is_empty());
    assert!(flux.live(Kind::Config).is_empty());
    assert!(!flux.connection("default").exists().await);
}
