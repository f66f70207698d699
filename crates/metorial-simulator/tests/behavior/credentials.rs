//! Auth credentials, and the behavior that all collections have in common: texts, PATCH, archiving, cascades.

use metorial_simulator::{Collection, Options, Profile, Quirk, Status};
use serde_json::{Value, json};

use crate::support::{Setup, credentials};

const PATH: &str = "/provider-auth-credentials";

#[tokio::test]
async fn a_created_object_is_stored_and_its_secrets_are_never_returned() {
    let setup = Setup::new().await;
    let mut body = credentials("  GitHub  ");
    body["description"] = "   ".into();
    body["metadata"] = json!({"a": null, "b": [1]});
    let created = setup.post(PATH, body).await;
    let github = &setup.sim.catalog().provider("github").unwrap().id;
    let expected = json!({
        "object": "provider.auth_credentials", "id": created.body["id"], "type": "oauth",
        "status": "active", "is_default": false, "is_managed": false, "name": "GitHub",
        "description": null, "metadata": {"a": null, "b": [1]}, "scopes": ["repo"],
        "provider_id": github, "created_at": created.body["created_at"],
        "updated_at": created.body["updated_at"],
    });
    assert_eq!(created.body, expected);
    assert!(created.id().starts_with("par_"));
    assert!(created.body["updated_at"].as_str() > created.body["created_at"].as_str());
    assert_eq!(
        setup.get(&format!("{PATH}/{}", created.id())).await.body,
        expected
    );
    let stored = setup.sim.object(&created.id()).unwrap();
    assert_eq!(
        stored.write_only,
        json!({"client_id": "iv1", "client_secret": "hush"})
    );
    assert_eq!(stored.readable, expected);
    assert_eq!(stored.versions, 1);
}

#[tokio::test]
async fn a_repeated_create_creates_a_second_object() {
    let setup = Setup::new().await;
    let first = setup.create_credentials("same").await;
    let second = setup.create_credentials("same").await;
    assert!(first < second, "ids sort by creation");
    assert_eq!(
        setup
            .sim
            .objects(&setup.instance, Collection::AuthCredentials)
            .len(),
        3
    );
}

#[tokio::test]
async fn only_the_first_invalid_field_is_reported_and_its_value_echoed() {
    let setup = Setup::new().await;
    let mut body = credentials("a");
    body["config"]["client_id"] = 7.into();
    body["config"]["client_secret"] = json!(["leak"]);
    let refused = setup.post(PATH, body.clone()).await;
    assert_eq!(refused.error(), (400, "invalid_data"));
    assert_eq!(refused.body["entity"], "body");
    let errors = refused.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0]["path"], json!(["config", "client_id"]));
    assert_eq!(errors[0]["received"], 7);

    setup.sim.set_quirk(Quirk::OnlyFirstProblem, false);
    setup.sim.set_quirk(Quirk::ErrorsEchoInput, false);
    let refused = setup.post(PATH, body).await;
    let errors = refused.body["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[1].get("received"), None);

    let mut body = credentials("a");
    body["provider_id"] = "nobody".into();
    let unknown = setup.post(PATH, body).await;
    assert_eq!(unknown.error(), (404, "not_found"));
    assert_eq!(unknown.body["entity"], "provider");
}

#[tokio::test]
async fn patch_keeps_absent_fields_and_rejects_null() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    let before = setup.sim.object(&id).unwrap();
    let patched = setup
        .patch(
            &path,
            json!({"description": "  ", "metadata": {"k": 1}, "unknown": true}),
        )
        .await;
    assert_eq!(patched.body["name"], "a");
    assert_eq!(patched.body["description"], "  ");
    let replaced = setup.patch(&path, json!({"metadata": {"l": null}})).await;
    assert_eq!(replaced.body["metadata"], json!({"l": null}));
    for field in ["name", "description", "metadata"] {
        let refused = setup.patch(&path, json!({field: null})).await;
        assert_eq!(refused.error(), (400, "invalid_data"), "{field}");
    }
    setup
        .patch(&path, json!({"client_secret": "new", "scopes": []}))
        .await;
    let stored = setup.sim.object(&id).unwrap();
    assert_eq!(
        stored.write_only,
        json!({"client_id": "iv1", "client_secret": "new"})
    );
    assert_eq!(stored.readable["scopes"], json!([]));
    assert_eq!(stored.versions, before.versions + 1);
    assert!(stored.updated_at > before.updated_at);
    let nothing = setup.patch(&path, json!({})).await;
    assert_eq!(nothing.status, 200);
    assert!(setup.sim.object(&id).unwrap().updated_at > stored.updated_at);
}

#[tokio::test]
async fn delete_archives_and_14_days_later_reads_are_404() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("{PATH}/{id}");
    assert_eq!(setup.delete(&path).await.body["status"], "archived");
    assert_eq!(setup.get(&path).await.body["status"], "archived");
    assert_eq!(setup.delete(&path).await.error(), (410, "gone"));
    assert_eq!(
        setup.patch(&path, json!({"name": "b"})).await.error(),
        (410, "gone")
    );
    let days = |days: i64| std::time::Duration::from_secs(days as u64 * 86_400);
    setup.sim.set_time_offset(days(13));
    assert_eq!(setup.get(&path).await.status, 200);
    setup.sim.set_time_offset(days(14));
    let gone = setup.get(&path).await;
    assert_eq!(gone.error(), (404, "not_found"));
    assert_eq!(gone.body["entity"], "provider.auth_credentials");
    assert_eq!(setup.delete(&path).await.status, 404);
    assert_eq!(setup.sim.object(&id).unwrap().status, Status::Deleted);
}

#[tokio::test]
async fn in_the_reference_reads_after_a_delete_are_404() {
    let setup = Setup::with(Options::of(Profile::Reference)).await;
    let mut body = credentials("a");
    body["provider_id"] = setup
        .sim
        .catalog()
        .provider("github")
        .unwrap()
        .id
        .as_str()
        .into();
    assert_eq!(
        setup.post(PATH, credentials("a")).await.status,
        404,
        "no aliases"
    );
    let id = setup.post(PATH, body).await.id();
    let path = format!("{PATH}/{id}");
    assert_eq!(setup.delete(&path).await.status, 200);
    assert_eq!(setup.get(&path).await.error(), (404, "not_found"));
}

#[tokio::test]
async fn archiving_credentials_archives_their_auth_configs() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let consent = json!({"name": "Jo", "value": {"accessToken": "t"}});
    let by_consent = setup.sim.add_auth_config(&setup.instance, &id, consent);
    let other = setup.create_auth_config("t").await;
    let seen = setup
        .get(&format!("/provider-auth-configs/{by_consent}"))
        .await
        .body;
    assert_eq!(seen["type"], "oauth_automated");
    assert_eq!(seen["source"], "setup_session");
    assert_eq!(seen["credentials"]["id"], id);
    assert_eq!(seen["name"], "Jo");
    setup.delete(&format!("{PATH}/{id}")).await;
    setup.sim.settled().await;
    assert_eq!(
        setup.sim.object(&by_consent).unwrap().status,
        Status::Archived
    );
    assert_eq!(setup.sim.object(&other).unwrap().status, Status::Active);
}

#[tokio::test]
async fn managed_and_used_objects_cannot_be_deleted() {
    let setup = Setup::new().await;
    let objects = setup
        .sim
        .objects(&setup.instance, Collection::AuthCredentials);
    let managed = objects
        .iter()
        .find(|object| object.readable["is_managed"] == Value::Bool(true));
    let path = format!("{PATH}/{}", managed.unwrap().id);
    let refusal = (400, "managed_credentials_readonly");
    assert_eq!(
        setup.patch(&path, json!({"name": "mine"})).await.error(),
        refusal
    );
    assert_eq!(setup.delete(&path).await.error(), refusal);

    let id = setup.create_credentials("a").await;
    setup.sim.set_in_use(&id, true);
    let refused = setup.delete(&format!("{PATH}/{id}")).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.body["code"]
            .as_str()
            .unwrap()
            .ends_with("_archive_not_allowed")
    );
}

#[tokio::test]
async fn objects_can_be_edited_without_the_api() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let before = setup.sim.object(&id).unwrap();
    assert!(
        setup
            .sim
            .edit(&id, json!({"name": "theirs", "client_secret": "theirs"}))
    );
    let after = setup.sim.object(&id).unwrap();
    assert_eq!(after.readable["name"], "theirs");
    assert_eq!(after.write_only["client_secret"], "theirs");
    assert_eq!(after.write_only["client_id"], "iv1");
    assert!(after.updated_at > before.updated_at);
    assert!(!setup.sim.edit("par_nobody", json!({})));
}

#[tokio::test]
async fn objects_are_invisible_to_other_instances() {
    let mut setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let kind = metorial_simulator::InstanceType::Development;
    let other = setup.sim.add_instance(&setup.organization, kind);
    setup.key = setup.sim.add_key(&other);
    assert_eq!(setup.get(&format!("{PATH}/{id}")).await.status, 404);
    assert_eq!(setup.delete(&format!("{PATH}/{id}")).await.status, 404);
    assert!(
        setup
            .get(&format!("{PATH}?id[]={id}"))
            .await
            .ids()
            .is_empty()
    );
}
