//! Imports and exports, and their audit records.

use metorial_simulator::{Collection, ImportExport, Options, Profile, Quirk};
use serde_json::{Value, json};

use crate::support::Setup;

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
    let setup = Setup::new().await;
    let id = setup.create_auth_config("old").await;
    let before = setup.sim.object(&id).unwrap();
    let request = setup
        .request("POST", IMPORTS)
        .header("User-Agent", "probe/1");
    let created = setup.send(request.json(&into(&id, "new"))).await;
    assert!(created.id().starts_with("paci_"));
    assert_eq!(created.body["object"], "provider.auth_import");
    assert_eq!(created.body["note"], "rotation");
    assert_eq!(created.body["metadata"], Value::Null, "dropped");
    assert_eq!(created.body["ip"], "127.0.0.1");
    assert_eq!(created.body["user_agent"], "probe/1");
    assert_eq!(created.body["auth_config"]["id"], id);
    assert_eq!(created.body.get("updated_at"), None);
    let after = setup.sim.object(&id).unwrap();
    assert_eq!(after.write_only["value"]["token"], "new");
    assert_eq!(after.versions, before.versions + 1);
    assert!(after.updated_at > before.updated_at);
    assert_eq!(after.readable["name"], "Linear");
    let listed = setup
        .get(&format!("{IMPORTS}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(listed.ids().len(), 2, "the create's and this one");
    let path = format!("{IMPORTS}/{}", created.id());
    assert_eq!(setup.get(&path).await.body, created.body);
    assert_eq!(setup.delete(&path).await.body["entity"], "endpoint");
}

#[tokio::test]
async fn a_record_has_the_expiry_of_its_value_in_the_form_of_javascript() {
    let setup = Setup::new().await;
    for (sent, want) in [
        (
            json!("2027-01-01T01:00:00+01:00"),
            json!("2027-01-01T00:00:00.000Z"),
        ),
        (
            json!("+012345-01-01T00:00:00.000Z"),
            json!("+012345-01-01T00:00:00.000Z"),
        ),
        (
            json!(253_402_300_799_999_u64),
            json!("9999-12-31T23:59:59.999Z"),
        ),
        (json!("never"), Value::Null),
        (Value::Null, Value::Null),
    ] {
        let id = setup.create_auth_config("token").await;
        let value = json!({"token": "token", "expires_at": sent});
        assert!(setup.sim.edit(&id, json!({"value": value})));
        let body = json!({"provider_auth_config_id": id, "note": "note"});
        let export = setup.post(EXPORTS, body).await;
        assert_eq!(export.body["expires_at"], want, "{sent}");
    }
}

#[tokio::test]
async fn an_import_by_provider_creates_a_config() {
    let setup = Setup::new().await;
    let deployment = setup.sim.deployment(&setup.instance, "slack").unwrap();
    let body = json!({
        "provider_id": "slack", "provider_deployment_id": deployment, "provider_auth_config_id": "",
        "provider_auth_method_id": setup.method("slack", "bot_token"),
        "note": "moved", "metadata": {"from": "elsewhere"}, "value": {"token": "xoxb"},
    });
    let created = setup.post(IMPORTS, body.clone()).await;
    assert_eq!(created.status, 200, "{}", created.body);
    let config = &created.body["auth_config"];
    assert!(
        config["name"]
            .as_str()
            .unwrap()
            .starts_with("Imported Config 20")
    );
    assert_eq!(config["metadata"], json!({"from": "elsewhere"}));
    assert_eq!(config["deployment"]["id"], deployment);
    assert_eq!(created.body["metadata"], json!({"from": "elsewhere"}));
    let configs = setup.sim.objects(&setup.instance, Collection::AuthConfigs);
    assert_eq!(configs.len(), 1);
    setup.sim.set_quirk(Quirk::EmptyConfigIdMeansNew, false);
    assert_eq!(setup.post(IMPORTS, body).await.error(), (404, "not_found"));
}

#[tokio::test]
async fn invalid_imports_are_rejected_with_their_codes() {
    let setup = Setup::new().await;
    let id = setup.create_auth_config("t").await;
    let with = |field: &str, value: &str| {
        let mut body = into(&id, "new");
        body[field] = value.into();
        body
    };
    let github = setup.sim.deployment(&setup.instance, "github").unwrap();
    let linear = setup.sim.deployment(&setup.instance, "linear").unwrap();
    let cases = [
        (with("provider_id", "github"), "provider_mismatch"),
        (with("provider_deployment_id", &github), "provider_mismatch"),
        (with("provider_deployment_id", &linear), "provider_mismatch"),
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
        assert_eq!(setup.post(IMPORTS, body).await.error(), (400, code));
    }
    setup.sim.set_quirk(Quirk::ImportChecksDeployment, false);
    let elsewhere = with("provider_deployment_id", &linear);
    assert_eq!(setup.post(IMPORTS, elsewhere).await.status, 200);
    let own = setup.method("linear", "token");
    let same = setup
        .post(IMPORTS, with("provider_auth_method_id", &own))
        .await;
    assert_eq!(same.status, 200);
    setup.sim.set_quirk(Quirk::ImportRefusesMethodAlias, false);
    let alias = setup
        .post(IMPORTS, with("provider_auth_method_id", "linear-token"))
        .await;
    assert_eq!(alias.status, 200);

    let credentials = setup.create_credentials("a").await;
    let consented = setup
        .sim
        .add_auth_config(&setup.instance, &credentials, json!({}));
    let refused = setup.post(IMPORTS, into(&consented, "t")).await;
    assert_eq!(
        refused.error(),
        (400, "cannot_update_automated_oauth_config")
    );
    setup.sim.archive(&id);
    assert_eq!(
        setup.post(IMPORTS, into(&id, "t")).await.error(),
        (410, "gone")
    );
}

#[tokio::test]
async fn only_the_create_of_an_export_returns_the_value() {
    let setup = Setup::new().await;
    let id = setup.create_auth_config("canary").await;
    let body = json!({"provider_auth_config_id": id, "note": "n", "metadata": {"k": 1}});
    let created = setup.post(EXPORTS, body).await;
    assert!(created.id().starts_with("pace_"));
    assert_eq!(created.body["value"], json!({"token": "canary"}));
    assert_eq!(created.body["auth_config"]["id"], id);
    assert_eq!(created.body["metadata"], json!({"k": 1}));
    let again = setup.get(&format!("{EXPORTS}/{}", created.id())).await;
    assert_eq!(again.body["value"], Value::Null);
    assert_eq!(again.body["note"], "n");
    let listed = setup
        .get(&format!("{EXPORTS}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(listed.ids(), [created.id()]);
    setup.sim.archive(&id);
    let body = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(
        setup.post(EXPORTS, body).await.error(),
        (400, "use_after_delete")
    );
    let lost = json!({"provider_auth_config_id": "pac_nobody", "note": "n"});
    assert_eq!(
        setup.post(EXPORTS, lost).await.body["entity"],
        "provider.auth_config"
    );
}

#[tokio::test]
async fn in_the_reference_exports_are_below_a_deployment() {
    let setup = Setup::with(Options::of(Profile::Reference)).await;
    let deployment = setup.sim.deployment(&setup.instance, "linear").unwrap();
    let body = json!({
        "provider_auth_method_id": setup.method("linear", "token"),
        "provider_deployment_id": deployment, "value": {"token": "t"},
    });
    let id = setup.post("/provider-auth-configs", body).await.id();
    assert!(
        setup.get(IMPORTS).await.ids().is_empty(),
        "a create is no import there"
    );
    let flat = setup
        .post(EXPORTS, json!({"provider_auth_config_id": id, "note": "n"}))
        .await;
    assert_eq!(flat.body["entity"], "endpoint");
    let path = format!("/provider-deployments/{deployment}/auth-configs/{id}/exports");
    let created = setup.post(&path, json!({"note": "n"})).await;
    assert_eq!(created.body["value"], json!({"token": "t"}));
    assert_eq!(created.body["provider_auth_config_id"], id);
    assert_eq!(setup.get(&path).await.ids(), [created.id()]);
    let again = setup.get(&format!("{path}/{}", created.id())).await;
    assert_eq!(again.body["value"], Value::Null);
    let filtered = format!("{path}?provider_auth_config_id={id}");
    let refused = setup.get(&filtered).await;
    assert_eq!(refused.error(), (400, "invalid_data"), "it has no filters");
    let github = setup.sim.deployment(&setup.instance, "github").unwrap();
    let elsewhere = format!("/provider-deployments/{github}/auth-configs/{id}/exports");
    let item = format!("{elsewhere}/{}", created.id());
    for answer in [
        setup.post(&elsewhere, json!({"note": "n"})).await,
        setup.get(&elsewhere).await,
        setup.get(&item).await,
    ] {
        assert_eq!(answer.error(), (404, "not_found"));
        assert_eq!(answer.body["id"], id);
    }
    let body = json!({
        "provider_auth_method_id": setup.method("linear", "token"),
        "provider_deployment_id": deployment, "value": {"token": "t"},
    });
    let other = setup.post("/provider-auth-configs", body).await.id();
    let of_other = format!("/provider-deployments/{deployment}/auth-configs/{other}/exports");
    let missing = setup.get(&format!("{of_other}/{}", created.id())).await;
    assert_eq!(missing.body["id"], created.id());
    let import = setup.post(IMPORTS, into(&id, "u")).await;
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
async fn imports_and_exports_can_be_unavailable() {
    let setup = Setup::with(Options::default().with(Quirk::ImportExportOffAtFirst)).await;
    let id = setup.create_auth_config("t").await;
    let export = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(
        setup.post(EXPORTS, export.clone()).await.error(),
        (403, "forbidden")
    );
    setup
        .sim
        .set_import_export(&setup.instance, ImportExport::NotInPlan);
    assert_eq!(
        setup.post(IMPORTS, into(&id, "u")).await.error(),
        (402, "payment_required")
    );
    setup
        .sim
        .set_import_export(&setup.instance, ImportExport::Allowed);
    assert_eq!(setup.post(EXPORTS, export).await.status, 200);
}

#[tokio::test]
async fn managed_credentials_block_imports_and_exports() {
    let setup = Setup::new().await;
    let managed = setup
        .get("/provider-auth-credentials?origin=managed")
        .await
        .ids()
        .remove(0);
    let id = setup
        .sim
        .add_auth_config(&setup.instance, &managed, json!({}));
    let refusal = (400, "managed_credentials_import_export_blocked");
    assert_eq!(setup.post(IMPORTS, into(&id, "t")).await.error(), refusal);
    let export = json!({"provider_auth_config_id": id, "note": "n"});
    assert_eq!(setup.post(EXPORTS, export).await.error(), refusal);
}
