//! Auth configs, configs and vaults.

use metorial_simulator::{Options, Profile, Quirk, Status};
use serde_json::{Value, json};

use crate::support::Setup;

const AUTH_CONFIGS: &str = "/provider-auth-configs";
const CONFIGS: &str = "/provider-configs";
const VAULTS: &str = "/provider-config-vaults";

#[tokio::test]
async fn the_value_of_an_auth_config_is_never_returned() {
    let setup = Setup::new().await;
    let deployment = setup.sim.deployment(&setup.instance, "linear").unwrap();
    let created = setup
        .post(
            AUTH_CONFIGS,
            json!({
                "provider_auth_method_id": setup.method("linear", "token"),
                "provider_deployment_id": deployment,
                "value": {"token": "canary"},
                "tool_filters": {"type": "tool_keys", "keys": ["list"]},
            }),
        )
        .await;
    assert!(created.id().starts_with("pac_"));
    assert_eq!(created.body["type"], "manual");
    assert_eq!(created.body["source"], "manual");
    assert_eq!(created.body["name"], Value::Null);
    assert_eq!(created.body["credentials"], Value::Null);
    assert_eq!(
        created.body["deployment"]["object"],
        "provider.deployment#preview"
    );
    assert_eq!(created.body["deployment"]["id"], deployment);
    assert_eq!(created.body["auth_method"]["key"], "token");
    assert_eq!(
        created.body["tool_filter"]["filters"][0]["keys"],
        json!(["list"])
    );
    assert!(!created.body.to_string().contains("canary"));
    let stored = setup.sim.object(&created.id()).unwrap();
    assert_eq!(stored.write_only, json!({"value": {"token": "canary"}}));
    let imports = setup.get("/provider-auth-config-imports").await;
    assert_eq!(
        imports.body["items"][0]["auth_config"]["id"],
        created.id(),
        "a create is an import"
    );
    assert_eq!(imports.body["items"][0]["note"], Value::Null);
}

#[tokio::test]
async fn values_must_match_the_schema_of_the_method() {
    let setup = Setup::new().await;
    let create = async |provider: &str, key: &str, value: Value| {
        let method = setup.method(provider, key);
        let body = json!({"provider_auth_method_id": method, "value": value});
        setup.post(AUTH_CONFIGS, body).await
    };
    let value = json!({"host": "db", "database": "d", "username": "u", "password": 5});
    let refused = create("postgres", "connection", value).await;
    assert_eq!(refused.error(), (400, "invalid_data"));
    assert_eq!(refused.body["entity"], "provider.auth_config");
    assert_eq!(refused.body["errors"][0]["path"], json!(["password"]));
    assert_eq!(refused.body["errors"][0]["received"], 5);
    let missing = create("linear", "token", json!({})).await;
    assert_eq!(missing.body["errors"][0]["path"], json!(["token"]));

    let oauth = create(
        "github",
        "oauth2",
        json!({"accessToken": "a", "refreshToken": "r"}),
    )
    .await;
    assert_eq!(oauth.body["type"], "oauth_manual");
    setup.sim.set_quirk(Quirk::ExpiresAtRequired, true);
    setup.sim.set_quirk(Quirk::RefreshTokenDiscarded, true);
    assert_eq!(
        create("github", "oauth2", json!({"accessToken": "a"}))
            .await
            .status,
        400
    );
    let value =
        json!({"accessToken": "a", "refreshToken": "r", "expiresAt": "2027-01-01T00:00:00Z"});
    let created = create("github", "oauth2", value).await;
    let stored = setup.sim.object(&created.id()).unwrap();
    assert_eq!(stored.write_only["value"].get("refreshToken"), None);
    let slack = create("slack", "oauth2", json!({"accessToken": "a"})).await;
    assert_eq!(slack.status, 400, "each provider has its own keys");
}

#[tokio::test]
async fn a_deployment_must_belong_to_the_provider_and_be_active() {
    let setup = Setup::new().await;
    let create = async |deployment: &str| {
        let body = json!({
            "provider_auth_method_id": "linear-token",
            "provider_deployment_id": deployment,
            "value": {"token": "t"},
        });
        setup.post(AUTH_CONFIGS, body).await
    };
    let github = setup.sim.deployment(&setup.instance, "github").unwrap();
    assert_eq!(create(&github).await.error(), (400, "provider_mismatch"));
    assert_eq!(create("pde_nobody").await.error(), (404, "not_found"));
    let linear = setup
        .sim
        .add_deployment(&setup.instance, "linear", "Second");
    let created = create(&linear).await.id();
    setup.sim.archive(&linear);
    setup.sim.settled().await;
    assert_eq!(setup.sim.object(&created).unwrap().status, Status::Archived);
    assert_eq!(create(&linear).await.error(), (400, "use_after_delete"));
}

#[tokio::test]
async fn patch_of_an_auth_config_trims_and_ignores_blanks() {
    let setup = Setup::new().await;
    let id = setup.create_auth_config("t").await;
    let path = format!("{AUTH_CONFIGS}/{id}");
    let patched = setup
        .patch(&path, json!({"name": " new ", "description": "d"}))
        .await;
    assert_eq!(patched.body["name"], "new");
    let ignored = setup
        .patch(&path, json!({"name": "", "description": "  "}))
        .await;
    assert_eq!(ignored.body["name"], "new");
    assert_eq!(ignored.body["description"], "d");
    let value = setup
        .patch(&path, json!({"value": {"token": "other"}}))
        .await;
    assert_eq!(value.status, 200, "an unknown field, ignored");
    let stored = setup.sim.object(&id).unwrap();
    assert_eq!(stored.write_only["value"]["token"], "t");
    setup.patch(&path, json!({"tool_filters": []})).await;
    setup.sim.set_quirk(Quirk::PatchLosesAuthConfigValue, true);
    setup.patch(&path, json!({"name": "x"})).await;
    assert_eq!(setup.sim.object(&id).unwrap().write_only, Value::Null);
}

#[tokio::test]
async fn an_automated_oauth_config_cannot_be_updated() {
    let setup = Setup::new().await;
    let credentials = setup.create_credentials("a").await;
    let id = setup
        .sim
        .add_auth_config(&setup.instance, &credentials, json!({}));
    let path = format!("{AUTH_CONFIGS}/{id}");
    let refusal = (400, "cannot_update_automated_oauth_config");
    assert_eq!(
        setup.patch(&path, json!({"name": "x"})).await.error(),
        refusal
    );
    assert_eq!(setup.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_config_is_created_from_a_value_or_a_vault() {
    let setup = Setup::new().await;
    let vault = json!({"provider_id": "postgres", "name": " v ", "value": {"schema": "canary"}});
    let vault = setup.post(VAULTS, vault).await;
    assert_eq!(vault.body["name"], " v ", "the one name that isn't trimmed");
    let vault = vault.id();
    let from_vault = json!({"provider_id": "postgres", "provider_config_vault_id": vault});
    let created = setup.post(CONFIGS, from_vault.clone()).await;
    assert!(created.id().starts_with("pcf_"));
    assert_eq!(created.body["from_vault"]["id"], vault);
    assert!(!created.body.to_string().contains("canary"));
    let stored = setup.sim.object(&created.id()).unwrap();
    assert_eq!(stored.write_only["value"]["schema"], "canary");
    let current = setup.sim.catalog().provider("postgres").unwrap().current();
    assert_eq!(created.body["specification_id"], current.specification_id);

    let mut both = from_vault.clone();
    both["value"] = json!({"schema": "own"});
    let made_of_both = setup.post(CONFIGS, both.clone()).await;
    assert_eq!(
        made_of_both.body["from_vault"],
        Value::Null,
        "the value wins"
    );
    setup.sim.set_quirk(Quirk::ValueWinsOverVault, false);
    assert_eq!(
        setup.post(CONFIGS, both).await.error(),
        (400, "invalid_data")
    );
    let neither = setup
        .post(CONFIGS, json!({"provider_id": "postgres"}))
        .await;
    assert_eq!(neither.body["errors"][0]["path"], json!(["value"]));

    let wrong = json!({"provider_id": "stripe", "provider_config_vault_id": vault});
    assert_eq!(
        setup.post(CONFIGS, wrong).await.error(),
        (400, "provider_mismatch")
    );
    setup.delete(&format!("{VAULTS}/{vault}")).await;
    setup.sim.settled().await;
    assert_eq!(
        setup.sim.object(&created.id()).unwrap().status,
        Status::Archived
    );
    assert_eq!(
        setup.sim.object(&made_of_both.id()).unwrap().status,
        Status::Active
    );
    assert_eq!(
        setup.post(CONFIGS, from_vault).await.error(),
        (400, "use_after_delete")
    );
}

#[tokio::test]
async fn a_config_must_match_the_schema_and_its_value_is_fixed() {
    let setup = Setup::new().await;
    let body = json!({"provider_id": "stripe", "value": {"webhookSecret": "short"}});
    let refused = setup.post(CONFIGS, body).await;
    assert_eq!(refused.body["entity"], "provider.config");
    assert_eq!(refused.body["errors"][0]["path"], json!(["webhookSecret"]));
    let body = json!({"provider_id": "github", "value": {"anything": [1]}, "name": " n "});
    let id = setup.post(CONFIGS, body).await.id();
    let path = format!("{CONFIGS}/{id}");
    let patch =
        json!({"name": "", "value": {}, "tool_filters": {"type": "tool_regex", "pattern": "."}});
    let patched = setup.patch(&path, patch).await;
    assert_eq!(patched.body["name"], "");
    assert_eq!(patched.body["tool_filter"]["type"], "filter");
    let stored = setup.sim.object(&id).unwrap();
    assert_eq!(stored.write_only, json!({"value": {"anything": [1]}}));
}

#[tokio::test]
async fn schemas_can_be_read() {
    let setup = Setup::new().await;
    let ask = async |query: &str| setup.get(&format!("/provider-config-schema?{query}")).await;
    let postgres = ask("provider_id=postgres").await;
    assert_eq!(
        postgres.body["object"],
        "provider.capabilities.config.schema"
    );
    assert_eq!(postgres.body["schema"]["type"], "json_schema");
    assert_eq!(postgres.body["visibility"], "plain");
    assert_eq!(ask("provider_id=github").await.body["schema"], Value::Null);
    assert_eq!(
        ask("provider_id=stripe").await.body["visibility"],
        "encrypted"
    );
    let deployment = setup.sim.deployment(&setup.instance, "postgres").unwrap();
    let by_deployment = ask(&format!("provider_deployment_id={deployment}")).await;
    assert_eq!(by_deployment.body, postgres.body);
    let old = &setup.sim.catalog().provider("slack").unwrap().versions[0];
    let by_version = ask(&format!("provider_version_id={}", old.id)).await;
    assert_eq!(by_version.body["specification_id"], old.specification_id);
    assert_eq!(ask("").await.error(), (400, "missing_provider_information"));

    let imports = "/provider-auth-config-imports/schema";
    let shadowed = setup.get(&format!("{imports}?provider_id=linear")).await;
    assert_eq!(shadowed.body["id"], "schema");
    assert_eq!(shadowed.body["entity"], "provider.auth_import");
    setup.sim.set_quirk(Quirk::ImportSchemaShadowed, false);
    let schema = setup.get(&format!("{imports}?provider_id=linear")).await;
    assert_eq!(
        schema.body["object"],
        "provider.capabilities.auth_config.schema"
    );
    assert_eq!(schema.body["visibility"], "encrypted");
    assert_eq!(
        schema.body["schema"]["schema"]["required"],
        json!(["token"])
    );
    let id = setup.create_auth_config("t").await;
    let by_config = setup
        .get(&format!("{imports}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(by_config.body, schema.body);
}

#[tokio::test]
async fn providers_methods_and_deployments_can_be_read() {
    let setup = Setup::with(Options::of(Profile::Server)).await;
    let github = setup.get("/providers/github").await;
    assert_eq!(
        setup.get("/providers/metorial-github").await.body,
        github.body
    );
    assert_eq!(setup.get("/providers").await.ids().len(), 9);
    let id = setup.method("github", "oauth2");
    let method = setup.get(&format!("/provider-auth-methods/{id}")).await;
    assert_eq!(method.body["scopes"][0]["scope"], "repo");
    assert_eq!(method.body["output_schema"]["type"], "json_schema");
    let old = &setup.sim.catalog().provider("slack").unwrap().versions[0];
    let methods = setup
        .get(&format!(
            "/provider-auth-methods?provider_version_id={}",
            old.id
        ))
        .await;
    assert_eq!(methods.ids(), [old.auth_methods[0].id.clone()]);
    let deployment = setup.sim.deployment(&setup.instance, "github").unwrap();
    let deployment = setup
        .get(&format!("/provider-deployments/{deployment}"))
        .await;
    assert_eq!(deployment.body["object"], "provider.deployment");
    assert_eq!(deployment.body["is_default"], true);
    assert_eq!(deployment.body["tool_filter"]["type"], "allow_all");
    assert_eq!(deployment.body["locked_version"], Value::Null);
    assert_eq!(
        setup
            .get("/provider-deployments?limit=100")
            .await
            .ids()
            .len(),
        9
    );
}

#[tokio::test]
async fn a_provider_has_its_current_version_and_its_publisher() {
    let setup = Setup::new().await;
    let slack = setup.get("/providers/slack").await.body;
    let known = setup.sim.catalog().provider("slack").unwrap();
    let version = &slack["current_version"];
    assert_eq!(version["id"], known.current().id);
    assert_eq!(
        (&version["version"], &version["name"]),
        (&json!("v2"), &json!("v2"))
    );
    assert_eq!(
        (&version["provider_id"], &version["is_current"]),
        (&slack["id"], &json!(true))
    );
    assert_eq!(slack["publisher"]["object"], "provider.publisher");
    let oauth = json!({
        "status": "enabled",
        "callback_url": known.callback_url().unwrap(),
        "auto_registration": {"status": "unsupported"},
    });
    assert_eq!(slack["oauth"], oauth);
    let notion = setup.get("/providers/notion").await.body;
    assert_eq!(notion["oauth"]["auto_registration"]["status"], "supported");
    let sentry = setup.get("/providers/sentry").await.body;
    assert_eq!(sentry["oauth"]["callback_url"], Value::Null);
    assert_eq!(
        setup.get("/providers/linear").await.body["oauth"],
        Value::Null
    );
}

#[tokio::test]
async fn a_method_without_oauth_has_null_scopes_or_none() {
    for (options, scopes) in [
        (Options::default(), Value::Null),
        (
            Options::default().without(Quirk::ScopesNullWithoutOauth),
            json!([]),
        ),
    ] {
        let setup = Setup::with(options).await;
        let path = format!("/provider-auth-methods/{}", setup.method("linear", "token"));
        assert_eq!(setup.get(&path).await.body["scopes"], scopes);
    }
}
