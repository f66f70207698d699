//! Imports and exports: what they do, and the records they leave.

use metorial_simulator::{Collection, ImportExport, Options, Profile, Quirk};
use serde_json::{Value, json};

use crate::support::World;

const IMPORTS: &str = "/provider-auth-config-imports";
const EXPORTS: &str = "/provider-auth-config-exports";

fn into(auth_config: &str, token: &str) -> Value {
    json!({
        "provider_auth_config_id": auth_config,
        "note": "rotation",
        "metadata": {"dropped": true},
        "value": {"token": token},
    })
}

#[tokio::test]
async fn an_import_into_a_config_writes_a_new_version() {
    let world = World::new().await;
    let id = world.create_auth_config("old").await;
    let before = world.sim.object(&id).unwrap();
    let request = world
        .request("POST", IMPORTS)
        .header("User-Agent", "probe/1");
    let made = world.send(request.json(&into(&id, "new"))).await;
    assert!(made.id().starts_with("paci_"));
    assert_eq!(made.body["object"], "provider.auth_import");
    assert_eq!(made.body["note"], "rotation");
    assert_eq!(made.body["metadata"], Value::Null, "dropped");
    assert_eq!(made.body["ip"], "127.0.0.1");
    assert_eq!(made.body["user_agent"], "probe/1");
    assert_eq!(made.body["auth_config"]["id"], id);
    assert_eq!(made.body.get("updated_at"), None);
    let after = world.sim.object(&id).unwrap();
    assert_eq!(after.write_only["value"]["token"], "new");
    assert_eq!(after.versions, before.versions + 1);
    assert!(after.updated_at > before.updated_at);
    assert_eq!(after.readable["name"], "Linear");
    let listed = world
        .get(&format!("{IMPORTS}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(listed.ids().len(), 2, "the create's and this one");
    let path = format!("{IMPORTS}/{}", made.id());
    assert_eq!(world.get(&path).await.body, made.body);
    assert_eq!(world.delete(&path).await.body["entity"], "endpoint");
}

#[tokio::test]
async fn an_import_by_provider_makes_a_new_config() {
    let world = World::new().await;
    let deployment = world.sim.deployment(&world.instance, "slack").unwrap();
    let body = json!({
        "provider_id": "slack", "provider_deployment_id": deployment, "provider_auth_config_id": "",
        "provider_auth_method_id": world.method("slack", "bot_token"),
        "note": "moved", "metadata": {"from": "elsewhere"}, "value": {"token": "xoxb"},
    });
    let made = world.post(IMPORTS, body.clone()).await;
    assert_eq!(made.status, 200, "{}", made.body);
    let config = &made.body["auth_config"];
    assert!(
        config["name"]
            .as_str()
            .unwrap()
            .starts_with("Imported Config 20")
    );
    assert_eq!(config["metadata"], json!({"from": "elsewhere"}));
    assert_eq!(config["deployment"]["id"], deployment);
    assert_eq!(made.body["metadata"], json!({"from": "elsewhere"}));
    let configs = world.sim.objects(&world.instance, Collection::AuthConfigs);
    assert_eq!(configs.len(), 1);
    world.sim.set_quirk(Quirk::EmptyConfigIdMeansNew, false);
    assert_eq!(
        world.post(IMPORTS, body).await.refusal(),
        (404, "not_found")
    );
}

#[tokio::test]
async fn imports_are_refused_with_the_reason() {
    let world = World::new().await;
    let id = world.create_auth_config("t").await;
    let with = |field: &str, value: &str| {
        let mut body = into(&id, "new");
        body[field] = value.into();
        body
    };
    let github = world.sim.deployment(&world.instance, "github").unwrap();
    let cases = [
        (with("provider_id", "github"), "provider_mismatch"),
        (with("provider_deployment_id", &github), "provider_mismatch"),
        (
            with("provider_auth_method_id", "linear-token"),
            "cannot_change_auth_method",
        ),
        (json!({"note": "n", "value": {}}), "provider_required"),
        (
            json!({"note": "n", "value": {}, "provider_id": "linear", "provider_auth_method_id": "x"}),
            "invalid_auth_method",
        ),
        (
            json!({"provider_id": "linear", "value": {"token": "t"}}),
            "invalid_data",
        ),
        (
            json!({"provider_id": "linear", "note": "n", "value": {"token": 5}}),
            "invalid_data",
        ),
    ];
    for (body, code) in cases {
        assert_eq!(world.post(IMPORTS, body).await.refusal(), (400, code));
    }
    let own = world.method("linear", "token");
    let same = world
        .post(IMPORTS, with("provider_auth_method_id", &own))
        .await;
    assert_eq!(same.status, 200);
    world.sim.set_quirk(Quirk::ImportRefusesMethodAlias, false);
    let alias = world
        .post(IMPORTS, with("provider_auth_method_id", "linear-token"))
        .await;
    assert_eq!(alias.status, 200);

    let credentials = world.create_credentials("a").await;
    let consented = world
        .sim
        .add_auth_config(&world.instance, &credentials, json!({}));
    let refused = world.post(IMPORTS, into(&consented, "t")).await;
    assert_eq!(
        refused.refusal(),
        (400, "cannot_update_automated_oauth_config")
    );
    world.sim.archive(&id);
    assert_eq!(
        world.post(IMPORTS, into(&id, "t")).await.refusal(),
        (410, "gone")
    );
}

#[tokio::test]
async fn an_export_shows_the_value_once() {
    let world = World::new().await;
    let id = world.create_auth_config("canary").await;
    let body = json!({"provider_auth_config_id": id, "note": "n", "metadata": {"k": 1}});
    let made = world.post(EXPORTS, body).await;
    assert!(made.id().starts_with("pace_"));
    assert_eq!(made.body["value"], json!({"token": "canary"}));
    assert_eq!(made.body["auth_config"]["id"], id);
    assert_eq!(made.body["metadata"], json!({"k": 1}));
    let again = world.get(&format!("{EXPORTS}/{}", made.id())).await;
    assert_eq!(again.body["value"], Value::Null);
    assert_eq!(again.body["note"], "n");
    let listed = world
        .get(&format!("{EXPORTS}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(listed.ids(), [made.id()]);
    world.sim.archive(&id);
    let body = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(
        world.post(EXPORTS, body).await.refusal(),
        (400, "use_after_delete")
    );
    let lost = json!({"provider_auth_config_id": "pac_nobody", "note": "n"});
    assert_eq!(
        world.post(EXPORTS, lost).await.body["entity"],
        "provider.auth_config"
    );
}

#[tokio::test]
async fn in_the_reference_exports_live_below_a_deployment() {
    let world = World::with(Options::of(Profile::Reference)).await;
    let deployment = world.sim.deployment(&world.instance, "linear").unwrap();
    let body = json!({
        "provider_auth_method_id": world.method("linear", "token"),
        "provider_deployment_id": deployment, "value": {"token": "t"},
    });
    let id = world.post("/provider-auth-configs", body).await.id();
    assert!(
        world.get(IMPORTS).await.ids().is_empty(),
        "a create is no import there"
    );
    let flat = world
        .post(EXPORTS, json!({"provider_auth_config_id": id, "note": "n"}))
        .await;
    assert_eq!(flat.body["entity"], "endpoint");
    let path = format!("/provider-deployments/{deployment}/auth-configs/{id}/exports");
    let made = world.post(&path, json!({"note": "n"})).await;
    assert_eq!(made.body["value"], json!({"token": "t"}));
    assert_eq!(made.body["provider_auth_config_id"], id);
    assert_eq!(world.get(&path).await.ids(), [made.id()]);
    let again = world.get(&format!("{path}/{}", made.id())).await;
    assert_eq!(again.body["value"], Value::Null);
    let github = world.sim.deployment(&world.instance, "github").unwrap();
    let elsewhere = format!("/provider-deployments/{github}/auth-configs/{id}/exports");
    assert_eq!(
        world.post(&elsewhere, json!({"note": "n"})).await.status,
        404
    );
    let import = world.post(IMPORTS, into(&id, "u")).await;
    assert_eq!(
        import.body["auth_config"]["deployment_preview"]["id"],
        deployment
    );
    assert_eq!(
        import.body["metadata"],
        json!({"dropped": true}),
        "kept there"
    );
}

#[tokio::test]
async fn imports_and_exports_may_not_be_had() {
    let world = World::with(Options::default().with(Quirk::ImportExportOffAtFirst)).await;
    let id = world.create_auth_config("t").await;
    let export = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(
        world.post(EXPORTS, export.clone()).await.refusal(),
        (403, "forbidden")
    );
    world
        .sim
        .set_import_export(&world.instance, ImportExport::NotInPlan);
    assert_eq!(
        world.post(IMPORTS, into(&id, "u")).await.refusal(),
        (402, "payment_required")
    );
    world
        .sim
        .set_import_export(&world.instance, ImportExport::Allowed);
    assert_eq!(world.post(EXPORTS, export).await.status, 200);
}

#[tokio::test]
async fn managed_credentials_block_both_ways() {
    let world = World::new().await;
    let managed = world
        .get("/provider-auth-credentials?origin=managed")
        .await
        .ids()
        .remove(0);
    let id = world
        .sim
        .add_auth_config(&world.instance, &managed, json!({}));
    let refusal = (400, "managed_credentials_import_export_blocked");
    assert_eq!(world.post(IMPORTS, into(&id, "t")).await.refusal(), refusal);
    let export = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(world.post(EXPORTS, export).await.refusal(), refusal);
}
