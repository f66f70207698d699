//! Auth configs, configs and vaults.

use metorial_simulator::{Options, Profile, Quirk, Status};
use serde_json::{Value, json};

use crate::support::World;

const AUTH_CONFIGS: &str = "/provider-auth-configs";
const CONFIGS: &str = "/provider-configs";
const VAULTS: &str = "/provider-config-vaults";

#[tokio::test]
async fn an_auth_config_keeps_its_value_to_itself() {
    let world = World::new().await;
    let deployment = world.sim.deployment(&world.instance, "linear").unwrap();
    let made = world
        .post(
            AUTH_CONFIGS,
            json!({
                "provider_auth_method_id": world.method("linear", "token"),
                "provider_deployment_id": deployment,
                "value": {"token": "canary"},
                "tool_filters": {"type": "tool_keys", "keys": ["list"]},
            }),
        )
        .await;
    assert!(made.id().starts_with("pac_"));
    assert_eq!(made.body["type"], "manual");
    assert_eq!(made.body["source"], "manual");
    assert_eq!(made.body["name"], Value::Null);
    assert_eq!(made.body["credentials"], Value::Null);
    assert_eq!(
        made.body["deployment"]["object"],
        "provider.deployment#preview"
    );
    assert_eq!(made.body["deployment"]["id"], deployment);
    assert_eq!(made.body["auth_method"]["key"], "token");
    assert_eq!(
        made.body["tool_filter"]["filters"][0]["keys"],
        json!(["list"])
    );
    assert!(!made.body.to_string().contains("canary"));
    let stored = world.sim.object(&made.id()).unwrap();
    assert_eq!(stored.write_only, json!({"value": {"token": "canary"}}));
    let imports = world.get("/provider-auth-config-imports").await;
    assert_eq!(
        imports.body["items"][0]["auth_config"]["id"],
        made.id(),
        "a create is an import"
    );
    assert_eq!(imports.body["items"][0]["note"], Value::Null);
}

#[tokio::test]
async fn values_must_fit_the_methods_schema() {
    let world = World::new().await;
    let create = async |provider: &str, key: &str, value: Value| {
        let method = world.method(provider, key);
        let body = json!({"provider_auth_method_id": method, "value": value});
        world.post(AUTH_CONFIGS, body).await
    };
    let value = json!({"host": "db", "database": "d", "username": "u", "password": 5});
    let refused = create("postgres", "connection", value).await;
    assert_eq!(refused.refusal(), (400, "invalid_data"));
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
    world.sim.set_quirk(Quirk::ExpiresAtRequired, true);
    world.sim.set_quirk(Quirk::RefreshTokenDiscarded, true);
    assert_eq!(
        create("github", "oauth2", json!({"accessToken": "a"}))
            .await
            .status,
        400
    );
    let value =
        json!({"accessToken": "a", "refreshToken": "r", "expiresAt": "2027-01-01T00:00:00Z"});
    let made = create("github", "oauth2", value).await;
    let stored = world.sim.object(&made.id()).unwrap();
    assert_eq!(stored.write_only["value"].get("refreshToken"), None);
    let slack = create("slack", "oauth2", json!({"accessToken": "a"})).await;
    assert_eq!(slack.status, 400, "each provider has its own keys");
}

#[tokio::test]
async fn a_deployment_must_be_the_providers_and_alive() {
    let world = World::new().await;
    let create = async |deployment: &str| {
        let body = json!({
            "provider_auth_method_id": "linear-token",
            "provider_deployment_id": deployment,
            "value": {"token": "t"},
        });
        world.post(AUTH_CONFIGS, body).await
    };
    let github = world.sim.deployment(&world.instance, "github").unwrap();
    assert_eq!(create(&github).await.refusal(), (400, "provider_mismatch"));
    assert_eq!(create("pde_nobody").await.refusal(), (404, "not_found"));
    let linear = world
        .sim
        .add_deployment(&world.instance, "linear", "Second");
    let made = create(&linear).await.id();
    world.sim.archive(&linear);
    world.sim.settled().await;
    assert_eq!(world.sim.object(&made).unwrap().status, Status::Archived);
    assert_eq!(create(&linear).await.refusal(), (400, "use_after_delete"));
}

#[tokio::test]
async fn patch_of_an_auth_config_trims_and_ignores_blanks() {
    let world = World::new().await;
    let id = world.create_auth_config("t").await;
    let path = format!("{AUTH_CONFIGS}/{id}");
    let patched = world
        .patch(&path, json!({"name": " new ", "description": "d"}))
        .await;
    assert_eq!(patched.body["name"], "new");
    let ignored = world
        .patch(&path, json!({"name": "", "description": "  "}))
        .await;
    assert_eq!(ignored.body["name"], "new");
    assert_eq!(ignored.body["description"], "d");
    let value = world
        .patch(&path, json!({"value": {"token": "other"}}))
        .await;
    assert_eq!(value.status, 200, "an unknown field, ignored");
    let stored = world.sim.object(&id).unwrap();
    assert_eq!(stored.write_only["value"]["token"], "t");
    world.patch(&path, json!({"tool_filters": []})).await;
    world.sim.set_quirk(Quirk::PatchLosesAuthConfigValue, true);
    world.patch(&path, json!({"name": "x"})).await;
    assert_eq!(world.sim.object(&id).unwrap().write_only, Value::Null);
}

#[tokio::test]
async fn a_consented_auth_config_cannot_be_updated() {
    let world = World::new().await;
    let credentials = world.create_credentials("a").await;
    let id = world
        .sim
        .add_auth_config(&world.instance, &credentials, json!({}));
    let path = format!("{AUTH_CONFIGS}/{id}");
    let refusal = (400, "cannot_update_automated_oauth_config");
    assert_eq!(
        world.patch(&path, json!({"name": "x"})).await.refusal(),
        refusal
    );
    assert_eq!(world.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_config_takes_a_value_or_a_vault() {
    let world = World::new().await;
    let vault = json!({"provider_id": "postgres", "name": " v ", "value": {"schema": "canary"}});
    let vault = world.post(VAULTS, vault).await;
    assert_eq!(vault.body["name"], " v ", "the one name that isn't trimmed");
    let vault = vault.id();
    let from_vault = json!({"provider_id": "postgres", "provider_config_vault_id": vault});
    let made = world.post(CONFIGS, from_vault.clone()).await;
    assert!(made.id().starts_with("pcf_"));
    assert_eq!(made.body["from_vault"]["id"], vault);
    assert!(!made.body.to_string().contains("canary"));
    let stored = world.sim.object(&made.id()).unwrap();
    assert_eq!(stored.write_only["value"]["schema"], "canary");
    let current = world
        .sim
        .catalogue()
        .provider("postgres")
        .unwrap()
        .current();
    assert_eq!(made.body["specification_id"], current.specification_id);

    let mut both = from_vault.clone();
    both["value"] = json!({"schema": "own"});
    let made_of_both = world.post(CONFIGS, both.clone()).await;
    assert_eq!(
        made_of_both.body["from_vault"],
        Value::Null,
        "the value wins"
    );
    world.sim.set_quirk(Quirk::ValueWinsOverVault, false);
    assert_eq!(
        world.post(CONFIGS, both).await.refusal(),
        (400, "invalid_data")
    );
    let neither = world
        .post(CONFIGS, json!({"provider_id": "postgres"}))
        .await;
    assert_eq!(neither.body["errors"][0]["path"], json!(["value"]));

    let wrong = json!({"provider_id": "stripe", "provider_config_vault_id": vault});
    assert_eq!(
        world.post(CONFIGS, wrong).await.refusal(),
        (400, "provider_mismatch")
    );
    world.delete(&format!("{VAULTS}/{vault}")).await;
    world.sim.settled().await;
    assert_eq!(
        world.sim.object(&made.id()).unwrap().status,
        Status::Archived
    );
    assert_eq!(
        world.sim.object(&made_of_both.id()).unwrap().status,
        Status::Active
    );
    assert_eq!(
        world.post(CONFIGS, from_vault).await.refusal(),
        (400, "use_after_delete")
    );
}

#[tokio::test]
async fn a_config_must_fit_the_providers_schema_and_is_fixed() {
    let world = World::new().await;
    let body = json!({"provider_id": "stripe", "value": {"webhookSecret": "short"}});
    let refused = world.post(CONFIGS, body).await;
    assert_eq!(refused.body["entity"], "provider.config");
    assert_eq!(refused.body["errors"][0]["path"], json!(["webhookSecret"]));
    let body = json!({"provider_id": "github", "value": {"anything": [1]}, "name": " n "});
    let id = world.post(CONFIGS, body).await.id();
    let path = format!("{CONFIGS}/{id}");
    let patch =
        json!({"name": "", "value": {}, "tool_filters": {"type": "tool_regex", "pattern": "."}});
    let patched = world.patch(&path, patch).await;
    assert_eq!(patched.body["name"], "");
    assert_eq!(patched.body["tool_filter"]["type"], "filter");
    let stored = world.sim.object(&id).unwrap();
    assert_eq!(stored.write_only, json!({"value": {"anything": [1]}}));
}

#[tokio::test]
async fn schemas_can_be_asked_for() {
    let world = World::new().await;
    let ask = async |query: &str| world.get(&format!("/provider-config-schema?{query}")).await;
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
    let deployment = world.sim.deployment(&world.instance, "postgres").unwrap();
    let by_deployment = ask(&format!("provider_deployment_id={deployment}")).await;
    assert_eq!(by_deployment.body, postgres.body);
    let old = &world.sim.catalogue().provider("slack").unwrap().versions[0];
    let by_version = ask(&format!("provider_version_id={}", old.id)).await;
    assert_eq!(by_version.body["specification_id"], old.specification_id);
    assert_eq!(
        ask("").await.refusal(),
        (400, "missing_provider_information")
    );

    let imports = "/provider-auth-config-imports/schema";
    let shadowed = world.get(&format!("{imports}?provider_id=linear")).await;
    assert_eq!(shadowed.body["id"], "schema");
    assert_eq!(shadowed.body["entity"], "provider.auth_import");
    world.sim.set_quirk(Quirk::ImportSchemaShadowed, false);
    let schema = world.get(&format!("{imports}?provider_id=linear")).await;
    assert_eq!(
        schema.body["object"],
        "provider.capabilities.auth_config.schema"
    );
    assert_eq!(schema.body["visibility"], "encrypted");
    assert_eq!(
        schema.body["schema"]["schema"]["required"],
        json!(["token"])
    );
    let id = world.create_auth_config("t").await;
    let by_config = world
        .get(&format!("{imports}?provider_auth_config_id={id}"))
        .await;
    assert_eq!(by_config.body, schema.body);
}

#[tokio::test]
async fn providers_methods_and_deployments_can_be_read() {
    let world = World::with(Options::of(Profile::Server)).await;
    let github = world.get("/providers/github").await;
    assert_eq!(
        world.get("/providers/metorial-github").await.body,
        github.body
    );
    assert_eq!(world.get("/providers").await.ids().len(), 7);
    let id = world.method("github", "oauth2");
    let method = world.get(&format!("/provider-auth-methods/{id}")).await;
    assert_eq!(method.body["scopes"][0]["scope"], "repo");
    assert_eq!(method.body["output_schema"]["type"], "json_schema");
    let old = &world.sim.catalogue().provider("slack").unwrap().versions[0];
    let methods = world
        .get(&format!(
            "/provider-auth-methods?provider_version_id={}",
            old.id
        ))
        .await;
    assert_eq!(methods.ids(), [old.auth_methods[0].id.clone()]);
    let deployment = world.sim.deployment(&world.instance, "github").unwrap();
    let deployment = world
        .get(&format!("/provider-deployments/{deployment}"))
        .await;
    assert_eq!(deployment.body["object"], "provider.deployment");
    assert_eq!(deployment.body["is_default"], false);
    assert_eq!(deployment.body["tool_filter"]["type"], "allow_all");
    assert_eq!(deployment.body["locked_version"], Value::Null);
    assert_eq!(
        world
            .get("/provider-deployments?limit=100")
            .await
            .ids()
            .len(),
        7
    );
}

#[tokio::test]
async fn a_provider_shows_its_current_version_and_who_publishes_it() {
    let world = World::new().await;
    let slack = world.get("/providers/slack").await.body;
    let known = world.sim.catalogue().provider("slack").unwrap();
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
    assert_eq!(slack["oauth"]["status"], "enabled");
    assert_eq!(
        world.get("/providers/linear").await.body["oauth"],
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
        let world = World::with(options).await;
        let path = format!("/provider-auth-methods/{}", world.method("linear", "token"));
        assert_eq!(world.get(&path).await.body["scopes"], scopes);
    }
}
