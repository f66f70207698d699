//! Auth credentials, and what they have in common with all collections: text, PATCH, archiving, cascades.

use metorial_simulator::{Collection, Options, Profile, Quirk, Status};
use serde_json::{Value, json};

use crate::support::{World, credentials};

const PATH: &str = "/provider-auth-credentials";

#[tokio::test]
async fn what_is_created_is_stored_and_its_secrets_never_answered() {
    let world = World::new().await;
    let mut body = credentials("  GitHub  ");
    body["description"] = "   ".into();
    body["metadata"] = json!({"a": null, "b": [1]});
    let made = world.post(PATH, body).await;
    let github = &world.sim.catalogue().provider("github").unwrap().id;
    let expected = json!({
        "object": "provider.auth_credentials", "id": made.body["id"], "type": "oauth",
        "status": "active", "is_default": false, "is_managed": false, "name": "GitHub",
        "description": null, "metadata": {"a": null, "b": [1]}, "scopes": ["repo"],
        "provider_id": github, "created_at": made.body["created_at"],
        "updated_at": made.body["updated_at"],
    });
    assert_eq!(made.body, expected);
    assert!(made.id().starts_with("par_"));
    assert!(made.body["updated_at"].as_str() > made.body["created_at"].as_str());
    assert_eq!(
        world.get(&format!("{PATH}/{}", made.id())).await.body,
        expected
    );
    let stored = world.sim.object(&made.id()).unwrap();
    assert_eq!(
        stored.write_only,
        json!({"client_id": "iv1", "client_secret": "hush"})
    );
    assert_eq!(stored.readable, expected);
    assert_eq!(stored.versions, 1);
}

#[tokio::test]
async fn a_retried_create_makes_a_second_object() {
    let world = World::new().await;
    let first = world.create_credentials("same").await;
    let second = world.create_credentials("same").await;
    assert!(first < second, "ids sort by creation");
    assert_eq!(
        world
            .sim
            .objects(&world.instance, Collection::AuthCredentials)
            .len(),
        3
    );
}

#[tokio::test]
async fn only_the_first_bad_key_is_told_with_the_value_sent() {
    let world = World::new().await;
    let mut body = credentials("a");
    body["config"]["client_id"] = 7.into();
    body["config"]["client_secret"] = json!(["leak"]);
    let refused = world.post(PATH, body.clone()).await;
    assert_eq!(refused.refusal(), (400, "invalid_data"));
    assert_eq!(refused.body["entity"], "body");
    let errors = refused.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["path"], json!(["config", "client_id"]));
    assert_eq!(errors[0]["received"], 7);

    world.sim.set_quirk(Quirk::OnlyFirstProblem, false);
    world.sim.set_quirk(Quirk::ErrorsEchoInput, false);
    let refused = world.post(PATH, body).await;
    let errors = refused.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[1].get("received"), None);

    let mut body = credentials("a");
    body["provider_id"] = "nobody".into();
    let unknown = world.post(PATH, body).await;
    assert_eq!(unknown.refusal(), (404, "not_found"));
    assert_eq!(unknown.body["entity"], "provider");
}

#[tokio::test]
async fn patch_keeps_what_is_absent_and_refuses_null() {
    let world = World::new().await;
    let id = world.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    let before = world.sim.object(&id).unwrap();
    let patched = world
        .patch(
            &path,
            json!({"description": "  ", "metadata": {"k": 1}, "unknown": true}),
        )
        .await;
    assert_eq!(patched.body["name"], "a");
    assert_eq!(patched.body["description"], "  ");
    let replaced = world.patch(&path, json!({"metadata": {"l": null}})).await;
    assert_eq!(replaced.body["metadata"], json!({"l": null}));
    for field in ["name", "description", "metadata"] {
        let refused = world.patch(&path, json!({field: null})).await;
        assert_eq!(refused.refusal(), (400, "invalid_data"), "{field}");
    }
    world
        .patch(&path, json!({"client_secret": "new", "scopes": []}))
        .await;
    let stored = world.sim.object(&id).unwrap();
    assert_eq!(
        stored.write_only,
        json!({"client_id": "iv1", "client_secret": "new"})
    );
    assert_eq!(stored.readable["scopes"], json!([]));
    assert_eq!(stored.versions, before.versions + 1);
    assert!(stored.updated_at > before.updated_at);
    let nothing = world.patch(&path, json!({})).await;
    assert_eq!(nothing.status, 200);
    assert!(world.sim.object(&id).unwrap().updated_at > stored.updated_at);
}

#[tokio::test]
async fn delete_archives_and_time_deletes() {
    let world = World::new().await;
    let id = world.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    assert_eq!(world.delete(&path).await.body["status"], "archived");
    assert_eq!(world.get(&path).await.body["status"], "archived");
    assert_eq!(world.delete(&path).await.refusal(), (410, "gone"));
    assert_eq!(
        world.patch(&path, json!({"name": "b"})).await.refusal(),
        (410, "gone")
    );
    let days = |days: i64| std::time::Duration::from_secs(days as u64 * 86_400);
    world.sim.set_time_offset(days(13));
    assert_eq!(world.get(&path).await.status, 200);
    world.sim.set_time_offset(days(14));
    let gone = world.get(&path).await;
    assert_eq!(gone.refusal(), (404, "not_found"));
    assert_eq!(gone.body["entity"], "provider.auth_credentials");
    assert_eq!(world.delete(&path).await.status, 404);
    assert_eq!(world.sim.object(&id).unwrap().status, Status::Deleted);
}

#[tokio::test]
async fn in_the_reference_a_deleted_object_is_gone_at_once() {
    let world = World::with(Options::of(Profile::Reference)).await;
    let mut body = credentials("a");
    body["provider_id"] = world
        .sim
        .catalogue()
        .provider("github")
        .unwrap()
        .id
        .as_str()
        .into();
    assert_eq!(
        world.post(PATH, credentials("a")).await.status,
        404,
        "no aliases"
    );
    let id = world.post(PATH, body).await.id();
    let path = format!("{PATH}/{id}");
    assert_eq!(world.delete(&path).await.status, 200);
    assert_eq!(world.get(&path).await.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn credentials_take_the_auth_configs_of_people_along() {
    let world = World::new().await;
    let id = world.create_credentials("a").await;
    let consent = json!({"name": "Jo", "value": {"accessToken": "t"}});
    let by_consent = world.sim.add_auth_config(&world.instance, &id, consent);
    let other = world.create_auth_config("t").await;
    let seen = world
        .get(&format!("/provider-auth-configs/{by_consent}"))
        .await
        .body;
    assert_eq!(seen["type"], "oauth_automated");
    assert_eq!(seen["source"], "setup_session");
    assert_eq!(seen["credentials"]["id"], id);
    assert_eq!(seen["name"], "Jo");
    world.delete(&format!("{PATH}/{id}")).await;
    world.sim.settled().await;
    assert_eq!(
        world.sim.object(&by_consent).unwrap().status,
        Status::Archived
    );
    assert_eq!(world.sim.object(&other).unwrap().status, Status::Active);
}

#[tokio::test]
async fn managed_and_used_objects_resist() {
    let world = World::new().await;
    let objects = world
        .sim
        .objects(&world.instance, Collection::AuthCredentials);
    let managed = objects
        .iter()
        .find(|object| object.readable["is_managed"] == Value::Bool(true));
    let path = format!("{PATH}/{}", managed.unwrap().id);
    let refusal = (400, "managed_credentials_readonly");
    assert_eq!(
        world.patch(&path, json!({"name": "mine"})).await.refusal(),
        refusal
    );
    assert_eq!(world.delete(&path).await.refusal(), refusal);

    let id = world.create_credentials("a").await;
    world.sim.set_in_use(&id, true);
    let refused = world.delete(&format!("{PATH}/{id}")).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body["code"]
            .as_str()
            .unwrap()
            .ends_with("_archive_not_allowed")
    );
}

#[tokio::test]
async fn a_person_may_edit_behind_the_api() {
    let world = World::new().await;
    let id = world.create_credentials("a").await;
    let before = world.sim.object(&id).unwrap();
    assert!(
        world
            .sim
            .edit(&id, json!({"name": "theirs", "client_secret": "theirs"}))
    );
    let after = world.sim.object(&id).unwrap();
    assert_eq!(after.readable["name"], "theirs");
    assert_eq!(after.write_only["client_secret"], "theirs");
    assert_eq!(after.write_only["client_id"], "iv1");
    assert!(after.updated_at > before.updated_at);
    assert!(!world.sim.edit("par_nobody", json!({})));
}

#[tokio::test]
async fn another_instance_sees_nothing_of_it() {
    let mut world = World::new().await;
    let id = world.create_credentials("a").await;
    let kind = metorial_simulator::InstanceType::Development;
    let other = world.sim.add_instance(&world.organisation, kind);
    world.key = world.sim.add_key(&other);
    assert_eq!(world.get(&format!("{PATH}/{id}")).await.status, 404);
    assert_eq!(world.delete(&format!("{PATH}/{id}")).await.status, 404);
    assert!(
        world
            .get(&format!("{PATH}?id[]={id}"))
            .await
            .ids()
            .is_empty()
    );
}
