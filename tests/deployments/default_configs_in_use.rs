//! A config that deployments use as their default stays at Metorial as long as they do, as far as the cluster shows it.

use crate::support::{
    Environment, Kind, Manifest, Snapshot, config, config_on, deployment, resource, vault,
};
use metorial::{Body, Config, Deployment};
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// A deployment of Postgres that uses a ProviderConfig as its default.
fn database(config: &str) -> Manifest {
    deployment("database")
        .spec(json!({"providerId": "postgres", "defaultConfigRef": {"name": config}}))
}

/// A ready ProviderConfig `settings` that the ready deployment `database` uses, and the id of its object.
async fn in_use() -> (Environment, String) {
    let env = Environment::running().await;
    let id = env.create(config("settings")).await.id();
    env.create(database("settings")).await;
    (env, id)
}

/// The ids of the replaced objects that a resource still has to delete.
fn pending(resource: &Snapshot) -> Vec<String> {
    let pending = resource.status().pending_deletion.unwrap_or_default();
    pending.into_iter().map(|pending| pending.id).collect()
}

/// Waits until a config was replaced by one that is ready, beside the former one.
async fn wait_replaced(env: &Environment, former: &str) -> Snapshot {
    let replaced = |it: &Snapshot| it.is_ready() && it.id() != former;
    env.config("settings")
        .wait("it is replaced", replaced)
        .await
}

#[tokio::test]
async fn a_config_that_a_new_vault_replaces_stays_with_its_vault_until_no_deployment_uses_it() {
    let env = Environment::running().await;
    env.value("path", "one").await;
    let vault = env.create(vault("shared", "path")).await.id();
    let settings = config_on("settings", "shared").spec(json!({"replaceGrace": "1s"}));
    let former = env.create(settings).await.id();
    let id = env.create(database("settings")).await.id();
    env.value("path", "two").await;
    let kept = env
        .deployment("database")
        .wait_reason("ImmutableFieldChanged")
        .await;
    assert_eq!(kept.field("defaultConfigId"), former.as_str());
    let message = kept.message();
    for part in [
        &format!("which is {former};"),
        "create another ProviderDeployment",
        &format!("to keep {former}, remove spec.defaultConfigRef"),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert!(!message.contains("undo"), "{message}");
    wait_replaced(&env, &former).await;
    // Longer than the grace period.
    env.check_quiet().await;
    let kept = env.config("settings").get().await;
    assert_eq!(pending(&kept), [former.as_str()]);
    for kept in [&former, &vault, &id] {
        assert_eq!(env.sim.object(kept).unwrap().readable["status"], "active");
    }

    env.deployment("database").delete().await;
    env.until("both former objects are gone", async || {
        let one = env.live(Kind::Config).len() == 1 && env.live(Kind::Vault).len() == 1;
        one.then_some(())
    })
    .await;
    env.config("settings").wait_synced().await;
    env.vault("shared").wait_synced().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deployment_that_no_longer_names_its_replaced_default_config_is_ready_and_keeps_it() {
    let (env, former) = in_use().await;
    let value = json!({"value": {"literal": {"statementTimeoutMs": 2000}}});
    env.config("settings").edit(value).await;
    env.deployment("database")
        .wait_reason("ImmutableFieldChanged")
        .await;
    let replaced = wait_replaced(&env, &former).await;
    env.deployment("database")
        .edit(json!({"defaultConfigRef": null}))
        .await;
    let kept = env.deployment("database").wait_ready().await;
    assert_eq!(kept.field("defaultConfigId"), former.as_str());
    env.check_quiet().await;
    assert_eq!(env.live(Kind::Config).len(), 2);

    env.config("settings").delete().await;
    let blocked = env.config("settings").wait_reason("DeletionBlocked").await;
    let message = blocked.message();
    for part in [former.as_str(), &replaced.id(), "(database)"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    env.deployment("database").remove().await;
    env.config("settings").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
}

#[tokio::test]
async fn a_config_that_a_deployment_uses_waits_and_names_it_also_after_a_restart() {
    let (mut env, id) = in_use().await;
    env.stop_operator().await;
    env.config("settings").delete().await;
    env.start_operator();
    let blocked = env.config("settings").wait_reason("DeletionBlocked").await;
    let message = blocked.message();
    let deployment = env.only(Kind::Deployment).id;
    for part in [
        &id,
        &deployment,
        "1 deployment(s)",
        "(database)",
        "Cascade",
        "Orphan",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // It reports the deletion of its config after that was blocked.
    env.deployment("database")
        .wait_reason("ReferenceNotReady")
        .await;
    env.check_quiet().await;
    assert_eq!(env.only(Kind::Config).id, id);
    env.deployment("database").remove().await;
    env.config("settings").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_replaced_config_stays_while_it_is_not_known_which_one_a_deployment_uses() {
    let (mut env, former) = in_use().await;
    env.stop_operator().await;
    env.deployment("database").lose_status().await;
    let value = json!({"value": {"literal": {"statementTimeoutMs": 2000}}});
    env.config("settings").edit(value).await;
    let reads = Fault::on("GET", Kind::Deployment.path());
    let down = Action::error(503, "internal_server_error");
    let down = env.sim.faults().add(reads, down);
    env.start_operator();
    wait_replaced(&env, &former).await;
    let kept = env.config("settings").reconcile_now().await;
    assert_eq!(pending(&kept), [former.as_str()]);
    env.sim.faults().remove(down);
    let found = env
        .deployment("database")
        .wait_reason("ImmutableFieldChanged")
        .await;
    assert_eq!(found.field("defaultConfigId"), former.as_str());
    assert_eq!(env.live(Kind::Config).len(), 2);
}

#[tokio::test]
async fn a_config_is_not_deleted_under_a_deployment_without_a_status() {
    let (mut env, id) = in_use().await;
    env.stop_operator().await;
    env.deployment("database").lose_status().await;
    env.config("settings").delete().await;
    let reads = Fault::on("GET", Kind::Deployment.path());
    let down = Action::error(503, "internal_server_error");
    let down = env.sim.faults().add(reads, down);
    env.start_operator();
    let blocked = env.config("settings").wait_reason("DeletionBlocked").await;
    let message = blocked.message();
    let resource = format!("ProviderDeployment/{}/database", env.namespace);
    for part in ["1 deployment(s)", &resource] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(env.only(Kind::Config).id, id);
    env.sim.faults().remove(down);
    env.deployment("database").remove().await;
    env.config("settings").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
    assert!(env.live(Kind::Deployment).is_empty());
}

#[tokio::test]
async fn cascade_deletes_a_config_all_the_same_and_leaves_the_deployment() {
    let (env, _) = in_use().await;
    env.config("settings").delete().await;
    env.config("settings").wait_reason("DeletionBlocked").await;
    env.config("settings")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.config("settings").wait_gone().await;
    env.sim.settled().await;
    assert!(env.live(Kind::Config).is_empty());
    assert_eq!(env.live(Kind::Deployment).len(), 1);
}

#[tokio::test]
async fn a_deployment_and_its_default_config_that_are_deleted_at_once_go_in_this_order() {
    let (env, id) = in_use().await;
    let deployment = env.only(Kind::Deployment).id;
    env.sim.clear_journal();
    env.config("settings").delete().await;
    env.deployment("database").delete().await;
    env.config("settings").wait_gone().await;
    env.deployment("database").wait_gone().await;
    let expected = [
        format!("DELETE /provider-deployments/{deployment}"),
        format!("DELETE /provider-configs/{id}"),
    ];
    assert_eq!(env.attempts(), expected);
}

#[tokio::test]
async fn a_config_that_is_the_default_of_a_deployment_by_its_id_waits_too() {
    let env = Environment::running().await;
    let value = json!({"statementTimeoutMs": 1000});
    let body = json!({"provider_id": "postgres", "name": "settings", "value": value});
    let made = env.person().create::<Config>(&Body::from(body)).await;
    let id = made.unwrap().value.id;
    let by_id = json!({"defaultConfigRef": null, "defaultConfigId": id});
    env.create(database("settings").spec(by_id)).await;
    env.create(config("settings").overriding(&id)).await;
    env.config("settings").delete().await;
    let blocked = env.config("settings").wait_reason("DeletionBlocked").await;
    assert!(
        blocked.message().contains("(database)"),
        "{}",
        blocked.message()
    );
    env.deployment("database").remove().await;
    env.config("settings").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
}

/// Each of the two would wait for the other: the config belongs to the deployment, which uses it.
#[tokio::test]
async fn a_default_config_that_belongs_to_its_deployment_does_not_wait_for_its_deletion() {
    let env = Environment::running().await;
    let body = Body::from(json!({"provider_id": "linear", "name": "tracker"}));
    let made = env.person().create::<Deployment>(&body).await.unwrap();
    let (id, unasked) = (made.value.id, env.only(Kind::Config).id);
    env.create(deployment("tracker").adopting(&id)).await;
    let spec = json!({"providerId": "linear", "value": {"literal": {}}, "deploymentId": id});
    let settings = resource("ProviderConfig", "settings", spec);
    env.create(settings.overriding(&unasked)).await;
    env.config("settings").delete().await;
    env.config("settings").wait_reason("DeletionBlocked").await;
    env.deployment("tracker").delete().await;
    env.config("settings").wait_gone().await;
    env.deployment("tracker").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
    assert!(env.live(Kind::Deployment).is_empty());
}
