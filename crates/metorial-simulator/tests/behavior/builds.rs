//! Differences between builds of the server, each in both ways.

use metorial_simulator::{Collection, Options, Quirk};
use serde_json::{Value, json};

use crate::support::{Setup, credentials};

const CREDENTIALS: &str = "/provider-auth-credentials";

#[tokio::test]
async fn a_config_takes_over_the_deployment_of_its_vault() {
    let setup = Setup::new().await;
    let own = setup.sim.deployment(&setup.instance, "postgres").unwrap();
    let other = setup
        .sim
        .add_deployment(&setup.instance, "postgres", "Other");
    let vault = json!({
        "provider_id": "postgres", "provider_deployment_id": own, "name": "v", "value": {},
    });
    let vault = setup.post("/provider-config-vaults", vault).await.id();
    let unbound = json!({"provider_id": "postgres", "name": "v", "value": {}});
    let unbound = setup.post("/provider-config-vaults", unbound).await.id();
    let create = async |vault: &str, deployment: Option<&str>| {
        let mut body = json!({"provider_id": "postgres", "provider_config_vault_id": vault});
        if let Some(deployment) = deployment {
            body["provider_deployment_id"] = deployment.into();
        }
        setup.post("/provider-configs", body).await
    };
    assert_eq!(create(&vault, None).await.body["deployment"]["id"], *own);
    assert_eq!(
        create(&vault, Some(&own)).await.body["deployment"]["id"],
        *own
    );
    let mismatch = (412, "deployment_lock_mismatch");
    assert_eq!(create(&vault, Some(&other)).await.error(), mismatch);
    assert_eq!(create(&unbound, None).await.body["deployment"], Value::Null);
    let bound = create(&unbound, Some(&other)).await;
    assert_eq!(bound.body["deployment"]["id"], *other);
    setup.sim.set_quirk(Quirk::VaultDeploymentTakenOver, false);
    assert_eq!(create(&vault, None).await.body["deployment"], Value::Null);
    assert_eq!(create(&vault, Some(&other)).await.status, 200);
}

async fn credentials_of(setup: &Setup, provider: &str) -> (String, Value) {
    let mut body = credentials("App");
    body["provider_id"] = provider.into();
    let created = setup.post(CREDENTIALS, body).await;
    (format!("{CREDENTIALS}/{}", created.id()), created.body)
}

#[tokio::test]
async fn credentials_of_mcp_servers_can_only_be_renamed() {
    let setup = Setup::new().await;
    for provider in ["notion", "sentry"] {
        let (path, created) = credentials_of(&setup, provider).await;
        assert_eq!(created["scopes"], json!([]), "they can't be read back");
        for field in [
            json!({"client_secret": "new"}),
            json!({"client_id": "new"}),
            json!({"scopes": ["repo"], "name": "b"}),
        ] {
            assert_eq!(
                setup.patch(&path, field).await.error(),
                (400, "bad_request")
            );
        }
        let renamed = setup
            .patch(&path, json!({"name": "b", "metadata": {"k": 1}}))
            .await;
        assert_eq!(
            (&renamed.body["name"], &renamed.body["scopes"]),
            (&json!("b"), &json!([]))
        );
        let stored = setup
            .sim
            .object(renamed.body["id"].as_str().unwrap())
            .unwrap();
        assert_eq!(stored.write_only["client_secret"], "hush");
    }
}

#[tokio::test]
async fn a_build_ignores_new_ids_secrets_and_scopes() {
    let setup = Setup::with(Options::default().with(Quirk::CredentialsPatchIgnored)).await;
    for provider in ["github", "notion"] {
        let (path, created) = credentials_of(&setup, provider).await;
        assert_eq!(
            (created.get("scopes"), created.get("is_managed")),
            (None, None)
        );
        let patch = json!({"name": "b", "client_secret": "new", "scopes": []});
        let patched = setup.patch(&path, patch).await;
        assert_eq!((patched.status, &patched.body["name"]), (200, &json!("b")));
        let stored = setup
            .sim
            .object(patched.body["id"].as_str().unwrap())
            .unwrap();
        assert_eq!(stored.write_only["client_secret"], "hush");
        assert_eq!(stored.versions, 1);
        setup.sim.set_quirk(Quirk::CredentialsPatchIgnored, false);
        let shown = setup.get(&path).await.body;
        let scopes = if provider == "github" {
            json!(["repo"])
        } else {
            json!([])
        };
        assert_eq!(shown["scopes"], scopes);
        setup.sim.set_quirk(Quirk::CredentialsPatchIgnored, true);
    }
}

#[tokio::test]
async fn an_empty_id_or_secret_is_ignored_or_stored() {
    let setup = Setup::new().await;
    let (path, created) = credentials_of(&setup, "github").await;
    let secret = || {
        let stored = setup.sim.object(created["id"].as_str().unwrap()).unwrap();
        stored.write_only["client_secret"].clone()
    };
    let empty = json!({"client_secret": "", "scopes": []});
    let patched = setup.patch(&path, empty.clone()).await;
    assert_eq!((patched.status, secret()), (200, json!("hush")));
    assert_eq!(patched.body["scopes"], json!([]), "applied");
    setup.sim.set_quirk(Quirk::EmptySecretIgnored, false);
    assert_eq!(setup.patch(&path, empty).await.status, 200);
    assert_eq!(secret(), json!(""));
}

#[tokio::test]
async fn newer_builds_change_the_texts_and_scopes_of_managed_credentials() {
    let setup = Setup::new().await;
    let managed = setup.get(&format!("{CREDENTIALS}?origin=managed")).await;
    let path = format!("{CREDENTIALS}/{}", managed.ids()[0]);
    let readonly = (400, "managed_credentials_readonly");
    assert_eq!(
        setup.patch(&path, json!({"name": "x"})).await.error(),
        readonly
    );
    setup.sim.set_quirk(Quirk::ManagedCredentialsEditable, true);
    let subset = json!({"name": "x", "metadata": {"k": 1}, "scopes": ["calendar.events"]});
    let patched = setup.patch(&path, subset).await;
    assert_eq!(patched.body["scopes"], json!(["calendar.events"]));
    let wider = json!({"scopes": ["calendar.readonly"]});
    assert_eq!(setup.patch(&path, wider).await.status, 200);
    let mismatch = (400, "managed_credentials_scope_mismatch");
    assert_eq!(
        setup
            .patch(&path, json!({"scopes": ["mail"]}))
            .await
            .error(),
        mismatch
    );
    for field in ["client_id", "client_secret"] {
        let refused = setup.patch(&path, json!({field: "mine"})).await;
        assert_eq!(refused.error(), readonly, "{field}");
    }
    assert_eq!(setup.delete(&path).await.error(), readonly);
}

#[tokio::test]
async fn an_import_for_a_remote_mcp_server_keeps_token_and_expiry() {
    let setup = Setup::new().await;
    let value = json!({
        "accessToken": "a", "refreshToken": "r", "expiresAt": "2027-01-01T00:00:00Z",
    });
    let import = async || {
        let body = json!({"provider_id": "notion", "note": "n", "value": value});
        let made = setup.post("/provider-auth-config-imports", body).await.body;
        let config = made["auth_config"]["id"].as_str().unwrap().to_owned();
        setup.sim.object(&config).unwrap().write_only["value"].clone()
    };
    let reduced = json!({"accessToken": "a", "expiresAt": "2027-01-01T00:00:00Z"});
    assert_eq!(import().await, reduced);
    setup.sim.set_quirk(Quirk::RemoteImportReduced, false);
    assert_eq!(import().await, value);
}

#[tokio::test]
async fn a_filter_by_method_matches_all_its_versions_or_one() {
    let setup = Setup::new().await;
    let slack = setup.sim.catalog().provider("slack").unwrap();
    let old = &slack.versions[0].auth_methods[0].id;
    let body = json!({"provider_auth_method_id": old, "value": {"token": "t"}});
    let id = setup.post("/provider-auth-configs", body).await.id();
    let list = async |method: &str| {
        let path = format!("/provider-auth-configs?provider_auth_method_id={method}");
        setup.get(&path).await.ids()
    };
    let current = setup.method("slack", "bot_token");
    assert_eq!(list(&current).await, [&*id]);
    assert_eq!(list(&setup.method("slack", "oauth2")).await, [""; 0]);
    setup
        .sim
        .set_quirk(Quirk::MethodFilterMatchesVersions, false);
    assert_eq!(list(&current).await, [""; 0]);
    assert_eq!(list(old).await, [&*id]);
}

#[tokio::test]
async fn a_service_account_is_a_method_with_a_value_of_its_own() {
    let setup = Setup::new().await;
    let method = setup.method("google-calendar", "service_account");
    let shown = setup.get(&format!("/provider-auth-methods/{method}")).await;
    assert_eq!(shown.body["type"], "service_account");
    let value = json!({"clientEmail": "ci@example.com", "privateKey": "canary"});
    let body = json!({"provider_auth_method_id": method, "value": value});
    let created = setup.post("/provider-auth-configs", body).await;
    assert_eq!(created.body["type"], "manual");
    let configs = setup.sim.objects(&setup.instance, Collection::AuthConfigs);
    assert_eq!(configs[0].write_only["value"], value);
}
