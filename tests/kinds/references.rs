//! What refers to an auth config follows it to the one that takes its place, and goes in any order with it.

use super::scene::{auth_config, initial, part, resource, status};
use super::support::{World, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{AuthExport, AuthImport, ProviderAuthConfig};
use metorial_simulator::Collection;
use serde_json::{Value, json};

fn export() -> Value {
    let spec = json!({"note": "worker", "authConfigRef": {"name": "linear"}, "secret": {"name": "linear-token"}});
    resource("AuthExport", "worker", spec)
}

fn import() -> Value {
    let value = json!({"from": [part("/token", "next")]});
    let spec = json!({"note": "rotation", "authConfigRef": {"name": "linear"}, "value": value});
    resource("AuthImport", "rotation", spec)
}

/// An auth config and what refers to it, all ready.
async fn scene(config: Value, other: Value) -> World {
    let world = World::running().await;
    world.value("token", "first").await;
    world.value("next", "second").await;
    world.apply(other).await;
    world.apply(config).await;
    world.ready::<ProviderAuthConfig>("linear").await;
    world
}

/// Somebody deletes the auth config at Metorial, and it is made again.
async fn remade(world: &World) -> String {
    let object = world
        .api::<ProviderAuthConfig>()
        .get("linear")
        .await
        .unwrap();
    let former = status(&object).id.unwrap();
    world.sim.archive(&former);
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world.patch::<ProviderAuthConfig>("linear", ask).await;
    let object = world
        .wait_for("linear", "another id", |object: &ProviderAuthConfig| {
            status(object).id.is_some_and(|id| id != former)
        })
        .await;
    status(&object).id.unwrap()
}

#[tokio::test]
async fn an_export_follows_its_auth_config_to_the_one_that_takes_its_place() {
    let world = scene(auth_config("linear"), export()).await;
    world.ready::<AuthExport>("worker").await;
    let id = remade(&world).await;
    world
        .wait_for("worker", "the other id", |object: &AuthExport| {
            status(object).id.as_ref() == Some(&id)
        })
        .await;
    world.ready::<AuthExport>("worker").await;
    let made = world.sim.objects(&world.instance, Collection::AuthExports);
    assert_eq!(made.len(), 2, "one of each auth config");
    world.check_quiet().await;
}

#[tokio::test]
async fn an_import_follows_its_auth_config_to_the_one_that_takes_its_place() {
    let world = scene(initial("linear"), import()).await;
    world.ready::<AuthImport>("rotation").await;
    let id = remade(&world).await;
    world
        .until("the value is in the other one", async || {
            let config = world.sim.object(&id)?;
            (config.write_only["value"]["token"] == "second").then_some(())
        })
        .await;
    world
        .wait_for("rotation", "the other id", |object: &AuthImport| {
            status(object).id.as_ref() == Some(&id)
        })
        .await;
    world.ready::<AuthImport>("rotation").await;
    assert_eq!(world.imports().len(), 2, "one into each auth config");
    world.check_quiet().await;
}

#[tokio::test]
async fn an_auth_config_may_go_before_what_refers_to_it() {
    for (config, other) in [
        (auth_config("linear"), export()),
        (initial("linear"), import()),
    ] {
        let kind = other["kind"].as_str().unwrap().to_owned();
        let world = scene(config, other).await;
        match kind.as_str() {
            "AuthExport" => drop(world.ready::<AuthExport>("worker").await),
            _ => drop(world.ready::<AuthImport>("rotation").await),
        }
        world.sim.clear_journal();
        world.delete::<ProviderAuthConfig>("linear").await;
        world.wait_gone::<ProviderAuthConfig>("linear").await;
        assert!(world.living(Collection::AuthConfigs).is_empty());
        match kind.as_str() {
            "AuthExport" => {
                world
                    .reason::<AuthExport>("worker", "ReferenceNotFound")
                    .await;
                let secret = world.api::<Secret>().get_opt("linear-token").await.unwrap();
                assert!(secret.is_some(), "its users still have the value");
                world.delete::<AuthExport>("worker").await;
                world.wait_gone::<AuthExport>("worker").await;
            }
            _ => {
                world
                    .reason::<AuthImport>("rotation", "ReferenceNotFound")
                    .await;
                world.delete::<AuthImport>("rotation").await;
                world.wait_gone::<AuthImport>("rotation").await;
            }
        }
        let writes = world.writes();
        assert_eq!(writes.len(), 1, "one deletion and nothing else: {writes:?}");
    }
}

#[tokio::test]
async fn an_export_moves_to_another_auth_config_when_its_spec_says_so() {
    let world = scene(auth_config("linear"), export()).await;
    world.ready::<AuthExport>("worker").await;
    world.value("other", "third").await;
    let other = json!({"spec": {"value": {"from": [part("/token", "other")]}}});
    world.apply(with(auth_config("another"), other)).await;
    world.ready::<ProviderAuthConfig>("another").await;
    world
        .patch::<AuthExport>(
            "worker",
            json!({"spec": {"authConfigRef": {"name": "another"}}}),
        )
        .await;
    world
        .until("the other token is in the Secret", async || {
            let secret = world.api::<Secret>().get("linear-token").await.unwrap();
            (secret.data?.get("token")?.0 == b"third").then_some(())
        })
        .await;
    world.ready::<AuthExport>("worker").await;
    let made = world.sim.objects(&world.instance, Collection::AuthExports);
    assert_eq!(made.len(), 2);
}
