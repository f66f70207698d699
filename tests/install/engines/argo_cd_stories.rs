//! Argo CD applies, shows, corrects, rolls back and prunes resources.

use super::argo_cd::ArgoCd;
use super::platform::{RESOURCES, SECRETS, every_kind, settled};
use crate::support::{Kind, Manifest, config, credentials};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// The same in a sync wave.
fn in_wave(manifest: Manifest, wave: &str) -> Manifest {
    manifest.metadata(json!({"annotations": {"argocd.argoproj.io/sync-wave": wave}}))
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn argo_cd_is_healthy_after_a_first_sync_in_which_the_secrets_come_last() {
    let argo_cd = ArgoCd::start().await;
    let revision = argo_cd.push(&[credentials("github")]).await;
    argo_cd.create(RESOURCES).await;
    argo_cd
        .connection("default")
        .wait_reason("SecretNotFound")
        .await;
    argo_cd
        .wait_synced(RESOURCES, &revision, "Progressing")
        .await;
    argo_cd.create(SECRETS).await;
    argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
    assert!(argo_cd.credentials("github").is_ready().await);
    assert!(argo_cd.connection("default").is_ready().await);
    argo_cd.only(Kind::Credentials);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn argo_cd_finds_no_difference_in_a_resource_that_it_applied() {
    let argo_cd = ArgoCd::start().await;
    let revision = argo_cd.push(&every_kind()).await;
    argo_cd.deploy(&revision).await;
    let before = settled(&argo_cd).await;
    argo_cd.refresh(SECRETS).await;
    argo_cd.refresh(RESOURCES).await;
    let status = argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
    assert_eq!(status["history"].as_array().unwrap().len(), 1);
    assert_eq!(argo_cd.versions().await, before);
    let values = argo_cd.api::<Secret>().get("worker-token").await;
    assert!(values.unwrap().data.is_some());
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn a_wave_of_argo_cd_begins_when_metorial_has_the_wave_before() {
    let argo_cd = ArgoCd::start().await;
    let second = in_wave(config("settings"), "1");
    let revision = argo_cd.push(&[credentials("github"), second]).await;
    argo_cd.create(RESOURCES).await;
    argo_cd
        .connection("default")
        .wait_reason("SecretNotFound")
        .await;
    argo_cd.wait_held(RESOURCES, "Connection/default").await;
    assert!(!argo_cd.config("settings").exists().await);
    argo_cd.create(SECRETS).await;
    argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
    assert!(argo_cd.config("settings").is_ready().await);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn a_resource_that_needs_a_person_fails_the_sync_of_argo_cd_before_the_next_wave() {
    let argo_cd = ArgoCd::start().await;
    let invalid = json!({"value": {"literal": {"statementTimeoutMs": "soon"}}});
    let second = in_wave(credentials("github"), "1");
    argo_cd
        .push(&[config("settings").spec(invalid), second])
        .await;
    for name in [SECRETS, RESOURCES] {
        argo_cd.create(name).await;
    }
    let failed = argo_cd.wait(RESOURCES, "degraded", |status| {
        let retried = &status["operationState"]["retryCount"];
        status["health"]["status"] == "Degraded" && retried.as_i64() > Some(0)
    });
    failed.await;
    assert!(!argo_cd.credentials("github").exists().await);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn argo_cd_restores_a_spec_that_somebody_edited_and_metorial_follows() {
    let argo_cd = ArgoCd::start().await;
    let revision = argo_cd
        .push(&[credentials("github").named("Declared")])
        .await;
    argo_cd.deploy(&revision).await;
    let edit = json!({"spec": {"name": "By hand"}});
    let edited = argo_cd.credentials("github").patch(edit).await;
    argo_cd
        .credentials("github")
        .wait("as declared again", |object| {
            let restored = object.data["spec"]["name"] == "Declared";
            restored && object.metadata.generation > edited.metadata.generation && object.is_ready()
        })
        .await;
    let remote = argo_cd.only(Kind::Credentials);
    assert_eq!(remote.readable["name"], "Declared");
    argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn a_plan_that_waits_for_approval_is_synced_and_suspended_in_argo_cd() {
    let argo_cd = ArgoCd::start().await;
    let planned = config("settings").planned();
    let revision = argo_cd.push(&[credentials("github"), planned]).await;
    for name in [SECRETS, RESOURCES] {
        argo_cd.create(name).await;
    }
    argo_cd.wait_synced(RESOURCES, &revision, "Suspended").await;
    argo_cd.credentials("github").wait_ready().await;
    assert!(argo_cd.live(Kind::Config).is_empty());
    // The approval is an annotation that Argo CD leaves.
    let plan = argo_cd.config("settings").wait_plan("").await;
    let hash = plan["hash"].as_str().unwrap();
    argo_cd.config("settings").approve(hash).await;
    argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
    argo_cd.only(Kind::Config);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn a_plan_holds_its_wave_of_argo_cd_until_it_is_approved() {
    let argo_cd = ArgoCd::start().await;
    let planned = config("settings").planned();
    let second = in_wave(credentials("github"), "1");
    let revision = argo_cd.push(&[planned, second]).await;
    for name in [SECRETS, RESOURCES] {
        argo_cd.create(name).await;
    }
    let plan = argo_cd.config("settings").wait_plan("").await;
    argo_cd
        .wait_held(RESOURCES, "ProviderConfig/settings")
        .await;
    assert!(!argo_cd.credentials("github").exists().await);
    let hash = plan["hash"].as_str().unwrap();
    argo_cd.config("settings").approve(hash).await;
    argo_cd.wait_synced(RESOURCES, &revision, "Healthy").await;
    argo_cd.only(Kind::Config);
    argo_cd.only(Kind::Credentials);
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn argo_cd_rolls_back_to_the_former_revision_and_prunes_what_it_did_not_have() {
    let argo_cd = ArgoCd::start().await;
    let first = argo_cd.push(&[credentials("github").named("First")]).await;
    argo_cd.deploy(&first).await;
    let id = argo_cd.only(Kind::Credentials).id;
    let second = argo_cd
        .push(&[credentials("github").named("Second"), config("settings")])
        .await;
    argo_cd.wait_synced(RESOURCES, &second, "Healthy").await;
    argo_cd.only(Kind::Config);
    assert_eq!(argo_cd.only(Kind::Credentials).readable["name"], "Second");
    argo_cd.release(&first).await;
    argo_cd.wait_synced(RESOURCES, &first, "Healthy").await;
    let restored = argo_cd.only(Kind::Credentials);
    assert_eq!(
        (restored.id, &restored.readable["name"]),
        (id, &"First".into())
    );
    argo_cd.config("settings").wait_gone().await;
    assert!(argo_cd.live(Kind::Config).is_empty());
}

#[tokio::test]
#[ignore = "needs the engines that make gitops builds"]
async fn the_deletion_of_an_application_ends_when_its_objects_at_metorial_are_deleted() {
    let argo_cd = ArgoCd::start().await;
    let revision = argo_cd
        .push(&[credentials("github"), config("settings")])
        .await;
    argo_cd.deploy(&revision).await;
    argo_cd.delete(RESOURCES).await;
    assert!(argo_cd.live(Kind::Credentials).is_empty());
    assert!(argo_cd.live(Kind::Config).is_empty());
    assert!(!argo_cd.connection("default").exists().await);
}
