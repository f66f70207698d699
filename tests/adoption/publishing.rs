//! `publish.configMap`: the ids for applications to read, made, kept and removed with the resource.

use crate::support::{World, credentials, ready, with};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn publishing(name: &str, map: &str) -> Value {
    with(
        credentials(name),
        json!({"spec": {"publish": {"configMap": {"name": map}}}}),
    )
}

/// The ids of the only live object.
fn ids(world: &World) -> BTreeMap<String, String> {
    let remote = world.only_remote();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    BTreeMap::from([
        ("id".to_owned(), remote.id.clone()),
        ("instanceId".to_owned(), world.instance.to_string()),
        (
            "providerId".to_owned(),
            text(&remote.readable["provider_id"]),
        ),
    ])
}

async fn wait_published(world: &World, map: &str) -> ConfigMap {
    let wanted = ids(world);
    world
        .wait_for::<ConfigMap>(map, "the ids and nothing else", |map| {
            map.data.as_ref() == Some(&wanted)
        })
        .await
}

async fn wait_removed(world: &World, map: &str) {
    world.wait_gone::<ConfigMap>(map).await;
}

#[tokio::test]
async fn the_ids_are_published_healed_and_gone_with_the_resource() {
    let world = World::running().await;
    let object = world.make(publishing("github", "ids")).await;
    let map = wait_published(&world, "ids").await;
    assert_eq!(map.owner_references()[0].uid, object.uid().unwrap());

    let damage = json!({"data": {"id": "edited", "instanceId": null, "more": "theirs"}});
    world.patch::<ConfigMap>("ids", damage).await;
    wait_published(&world, "ids").await;
    world.delete::<ConfigMap>("ids").await;
    wait_published(&world, "ids").await;
    world.check_oracles().await;
    assert_eq!(world.calls(), 1, "the API was not asked for it");

    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    wait_removed(&world, "ids").await;
}

#[tokio::test]
async fn an_object_that_is_made_again_is_published_under_its_new_id() {
    let world = World::running().await;
    world.make(publishing("github", "ids")).await;
    wait_published(&world, "ids").await;
    let lost = world.only_remote();
    world.sim.archive(&lost.id);
    world.look_again("github").await;
    world
        .wait_remote("another object", |remote| remote.id != lost.id)
        .await;
    wait_published(&world, "ids").await;
    world.wait_recorded("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_config_map_of_somebody_else_is_left_alone_and_replaced_once_it_is_gone() {
    let world = World::running().await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ids"}, "data": {"id": "theirs"}});
    world.apply(theirs).await;
    world.apply(publishing("github", "ids")).await;
    let refused = world.wait_reason("github", "OwnershipConflict").await;
    let (is_ready, _, message) = ready(&refused).unwrap();
    assert_eq!(is_ready, "False");
    assert!(message.contains("ConfigMap ids"), "{message}");
    world.check_quiet().await;
    let untouched = world.config_map("ids").await.unwrap();
    assert_eq!(untouched.data.unwrap()["id"], "theirs");
    assert_eq!(world.remote().len(), 1, "the object is there all the same");

    world.delete::<ConfigMap>("ids").await;
    wait_published(&world, "ids").await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn two_resources_do_not_share_a_config_map() {
    let world = World::running().await;
    world.make(publishing("one", "ids")).await;
    wait_published(&world, "ids").await;
    let first = world.config_map("ids").await.unwrap();
    world.apply(publishing("two", "ids")).await;
    world.wait_reason("two", "OwnershipConflict").await;
    world.check_quiet().await;
    assert_eq!(world.config_map("ids").await.unwrap(), first);
}

#[tokio::test]
async fn another_name_moves_the_ids_and_none_takes_them_away() {
    let mut world = World::running().await;
    world.make(publishing("github", "first")).await;
    wait_published(&world, "first").await;

    let name = |name: &str| json!({"publish": {"configMap": {"name": name}}});
    world.edit_spec("github", name("second")).await;
    wait_published(&world, "second").await;
    wait_removed(&world, "first").await;

    world.kill_operator();
    world.edit_spec("github", name("third")).await;
    world.start_operator();
    wait_published(&world, "third").await;
    wait_removed(&world, "second").await;

    world.edit_spec("github", json!({"publish": null})).await;
    wait_removed(&world, "third").await;
    world.wait_ready("github").await;
    world.check_oracles().await;
    assert_eq!(world.attempts().len(), 1);
}
