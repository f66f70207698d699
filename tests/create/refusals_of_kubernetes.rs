//! What Kubernetes refuses on behalf of a resource is reported on that resource, at its creation, its deletion and in between.

use crate::support::policies::{KEEPS_FINALIZERS, NO_IDS, NO_ORPHANS, SAYS};
use crate::support::{Environment, Snapshot, credentials};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use metorial_operator::resources::{FINALIZER, ProviderAuthCredentials};
use serde_json::json;

/// Whether the finalizer of `name` can't be set to `finalizers`, tried without effect.
async fn keeps_finalizers(env: &Environment, name: &str, finalizers: &[&str]) -> bool {
    let patch = json!({"metadata": {"finalizers": finalizers}});
    let params = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let api = env.api::<ProviderAuthCredentials>();
    api.patch(name, &params, &Patch::Merge(patch))
        .await
        .is_err()
}

/// Whether a ConfigMap with ids can't be created, tried without effect.
async fn ids_refused(env: &Environment) -> bool {
    let probe = json!({"metadata": {"name": "probe"}, "data": {"id": "x"}});
    let probe: ConfigMap = serde_json::from_value(probe).unwrap();
    env.is_object_refused(&probe).await
}

#[tokio::test]
async fn a_policy_that_refuses_the_finalizer_is_named_on_the_resource_and_nothing_is_created() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let refused = async |env: &Environment| keeps_finalizers(env, "github", &[FINALIZER]).await;
    env.refuse(KEEPS_FINALIZERS, refused).await;
    env.start_operator();
    let found = env
        .credentials("github")
        .wait_message("Forbidden", SAYS)
        .await;
    assert_eq!(found.ready().status, "False");
    assert!(
        found
            .message()
            .contains("patch ProviderAuthCredentials github"),
        "{}",
        found.message()
    );
    env.credentials("github").wait_note("Forbidden", SAYS).await;
    assert_eq!(env.attempts(), Vec::<String>::new());
    env.refuse_no_longer(refused).await;
    for handle in [env.connection("default"), env.credentials("github")] {
        handle.request_reconcile().await;
        let has_finalizer = |it: &Snapshot| it.metadata.finalizers.is_some();
        handle.wait("its finalizer is added", has_finalizer).await;
    }
    env.credentials("github").wait_ready().await;
    env.connection("default").wait_reason("Synced").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_policy_that_keeps_the_finalizer_is_named_on_the_resource_that_is_being_deleted() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    env.start_operator();
    env.credentials("github").wait_ready().await;
    let refused = async |env: &Environment| keeps_finalizers(env, "github", &[]).await;
    env.refuse(KEEPS_FINALIZERS, refused).await;
    env.credentials("github").delete().await;
    env.credentials("github")
        .wait_message("Forbidden", SAYS)
        .await;
    env.refuse_no_longer(async |env| {
        let there = env.credentials("github").exists().await;
        there && keeps_finalizers(env, "github", &[]).await
    })
    .await;
    env.credentials("github").wait_gone().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_missing_right_on_secrets_is_reported_on_the_resource_and_on_the_connection() {
    let mut env = Environment::new().await;
    env.permit("secrets", false).await;
    env.apply(credentials("github")).await;
    env.start_operator();
    let says = "get Secret";
    env.credentials("github")
        .wait_message("Forbidden", says)
        .await;
    let connection = env
        .connection("default")
        .wait_message("Forbidden", says)
        .await;
    assert_eq!(connection.ready().status, "False");
    env.permit("secrets", true).await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_published_config_map_that_is_refused_or_immutable_is_reported_and_the_object_stays_recorded()
 {
    for immutable in [true, false] {
        let mut env = Environment::new().await;
        env.start_operator();
        let published =
            credentials("github").spec(json!({"publish": {"configMap": {"name": "ids"}}}));
        if immutable {
            env.apply(published).await;
            env.credentials("github").wait_ready().await;
            env.patch::<ConfigMap>("ids", json!({"immutable": true}))
                .await;
            let id = env.credentials("github").get().await.id();
            env.sim.archive(&id);
            env.credentials("github").request_reconcile().await;
        } else {
            env.refuse(NO_IDS, ids_refused).await;
            env.apply(published).await;
        }
        let says = if immutable { "immutable" } else { SAYS };
        let found = env
            .credentials("github")
            .wait(says, |object| object.message().contains(says))
            .await;
        assert!(
            ["Forbidden", "InvalidSpec"].contains(&found.reason().as_str()),
            "{}",
            found.reason()
        );
        assert!(
            found.message().contains("ConfigMap ids"),
            "{}",
            found.message()
        );
        assert!(!found.id().is_empty());
        if !immutable {
            env.refuse_no_longer(ids_refused).await;
            env.credentials("github").request_reconcile().await;
            env.credentials("github").wait_ready().await;
            env.check_oracles().await;
        }
    }
}

#[tokio::test]
async fn an_orphan_that_can_not_be_recorded_is_reported_and_the_resource_stays_until_it_is() {
    let env = Environment::running().await;
    let made = env.create(credentials("github").orphaning()).await;
    let refused = async |env: &Environment| env.is_refused::<ConfigMap>("metorial-orphans").await;
    env.refuse(NO_ORPHANS, refused).await;
    let github = env.credentials("github");
    github.delete().await;
    let wanted = "ConfigMap metorial-orphans: refused with 422";
    github
        .wait("why it stays", |object| object.message().contains(wanted))
        .await;
    env.refuse_no_longer(refused).await;
    github.request_reconcile().await;
    github.wait_gone().await;
    let orphans = env.api::<ConfigMap>().get("metorial-orphans").await;
    let orphans = orphans.unwrap().data.unwrap();
    assert!(
        orphans.keys().any(|key| key.ends_with(&made.id())),
        "{orphans:?}"
    );
}
