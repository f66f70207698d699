//! The ConfigMap of published ids moves with its name and follows the object.

use crate::support::policies::{NO_CONFIG_MAP, SAYS};
use crate::support::{Environment, Kind, config_map, credentials};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The ids of the only live object.
fn ids(env: &Environment) -> BTreeMap<String, String> {
    let remote = env.only(Kind::Credentials);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    BTreeMap::from([
        ("id".to_owned(), remote.id.clone()),
        ("instanceId".to_owned(), env.instance.to_string()),
        (
            "providerId".to_owned(),
            text(&remote.readable["provider_id"]),
        ),
    ])
}

async fn wait_published(env: &Environment, map: &str) -> ConfigMap {
    let wanted = ids(env);
    env.wait_for::<ConfigMap>(map, "the ids and nothing else", |map| {
        map.data.as_ref() == Some(&wanted)
    })
    .await
}

#[tokio::test]
async fn an_object_that_is_made_again_is_published_under_its_new_id() {
    let env = Environment::running().await;
    env.create(credentials("github").publishing("ids")).await;
    wait_published(&env, "ids").await;
    let lost = env.only(Kind::Credentials);
    env.sim.archive(&lost.id);
    env.credentials("github").reconcile_now().await;
    env.wait_only(Kind::Credentials, "another object", |remote| {
        remote.id != lost.id
    })
    .await;
    wait_published(&env, "ids").await;
    env.credentials("github").wait_recorded().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn two_resources_do_not_share_a_config_map() {
    let env = Environment::running().await;
    env.create(credentials("one").publishing("ids")).await;
    wait_published(&env, "ids").await;
    let first = env.config_map("ids").await.unwrap();
    env.apply(credentials("two").publishing("ids")).await;
    env.credentials("two")
        .wait_reason("OwnershipConflict")
        .await;
    env.check_quiet().await;
    assert_eq!(env.config_map("ids").await.unwrap(), first);
}

#[tokio::test]
async fn another_name_moves_the_ids_and_none_takes_them_away() {
    let mut env = Environment::running().await;
    env.create(credentials("github").publishing("first")).await;
    wait_published(&env, "first").await;

    let name = |name: &str| json!({"publish": {"configMap": {"name": name}}});
    env.credentials("github").edit(name("second")).await;
    wait_published(&env, "second").await;
    env.wait_gone::<ConfigMap>("first").await;
    env.credentials("github")
        .wait("the second name is recorded", |object| {
            object.status().published_config_map.as_deref() == Some("second")
        })
        .await;

    env.kill_operator();
    env.credentials("github").edit(name("third")).await;
    env.start_operator();
    wait_published(&env, "third").await;
    env.wait_gone::<ConfigMap>("second").await;

    env.credentials("github")
        .edit(json!({"publish": null}))
        .await;
    env.wait_gone::<ConfigMap>("third").await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
    assert_eq!(env.attempts().len(), 1);
}

#[tokio::test]
async fn another_name_under_which_the_ids_can_not_be_leaves_them_where_they_are() {
    let env = Environment::running().await;
    env.create(credentials("github").publishing("first")).await;
    let first = wait_published(&env, "first").await;
    let name = |name: &str| json!({"publish": {"configMap": {"name": name}}});
    env.apply(config_map("theirs", "id", "theirs")).await;
    env.credentials("github").edit(name("theirs")).await;
    env.credentials("github")
        .wait_reason("OwnershipConflict")
        .await;
    assert_eq!(env.config_map("first").await.unwrap(), first);

    let refused = async |env: &Environment| env.is_refused::<ConfigMap>("refused").await;
    env.refuse(NO_CONFIG_MAP, refused).await;
    env.credentials("github").edit(name("refused")).await;
    env.credentials("github")
        .wait_message("Forbidden", SAYS)
        .await;
    assert_eq!(env.config_map("first").await.unwrap(), first);
    env.refuse_no_longer(refused).await;
    env.credentials("github").request_reconcile().await;
    wait_published(&env, "refused").await;
    env.wait_gone::<ConfigMap>("first").await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}
