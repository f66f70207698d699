//! Deployments: their versions, default configs, lists and what goes with them.

use metorial_simulator::{Collection, Quirk, Status, UsedBy};
use serde_json::{Value, json};

use crate::support::{Answer, Setup};

const PATH: &str = "/provider-deployments";
const CONFIGS: &str = "/provider-configs";
const VAULTS: &str = "/provider-config-vaults";

async fn created(setup: &Setup, body: Value) -> Answer {
    let created = setup.post(PATH, body).await;
    assert_eq!(created.status, 200, "{}", created.body);
    created
}

fn configs(setup: &Setup) -> Vec<metorial_simulator::Stored> {
    setup.sim.objects(&setup.instance, Collection::Configs)
}

#[tokio::test]
async fn a_deployment_is_created_read_and_listed() {
    let setup = Setup::new().await;
    let filter = json!({"type": "tool_keys", "keys": ["query"]});
    let body = json!({
        "provider_id": "postgres", "name": " Main ", "description": "  ", "metadata": {"a": 1},
        "tool_filters": filter,
    });
    let made = created(&setup, body).await;
    let postgres = &setup.sim.catalog().provider("postgres").unwrap().id;
    let expected = json!({
        "object": "provider.deployment", "id": made.body["id"], "status": "active",
        "is_default": false, "name": "Main", "description": null, "metadata": {"a": 1},
        "tool_filter": {"type": "filter", "filters": [filter]}, "provider_id": postgres,
        "locked_version": null, "default_config": null, "created_at": made.body["created_at"],
        "updated_at": made.body["updated_at"],
    });
    assert_eq!(made.body, expected);
    assert!(made.id().starts_with("pde_"));
    let path = format!("{PATH}/{}", made.id());
    assert_eq!(setup.get(&path).await.body, expected);
    let listed = setup.get(&format!("{PATH}?id[]={}", made.id())).await;
    assert_eq!(listed.body["items"][0], expected);
    assert!(configs(&setup).is_empty(), "it needs a configuration");

    let unknown = setup.post(PATH, json!({"provider_id": "nobody"})).await;
    assert_eq!(unknown.error(), (404, "not_found"));
    let missing = setup.post(PATH, json!({"name": "x"})).await;
    assert_eq!(missing.body["errors"][0]["path"], json!(["provider_id"]));
}

#[tokio::test]
async fn a_provider_that_needs_no_configuration_gets_a_default_config_unasked() {
    let setup = Setup::new().await;
    let marker = json!({"uid": "of the deployment"});
    let body = json!({"provider_id": "github", "name": "GitHub", "metadata": marker});
    let made = created(&setup, body).await;
    let shown = &made.body["default_config"];
    assert_eq!(shown["object"], "provider.config#preview");
    assert_eq!(shown["is_default"], true);
    let [config] = configs(&setup).try_into().unwrap();
    assert_eq!(shown["id"], *config.id);
    assert_eq!(config.readable["name"], "Default Config for GitHub");
    assert_eq!(config.readable["metadata"], marker, "a copy");
    assert_eq!(config.readable["deployment"]["id"], made.id());
    assert_eq!(config.write_only, json!({"value": {}}));

    let path = format!("{PATH}/{}", made.id());
    setup.patch(&path, json!({"metadata": {"other": 1}})).await;
    let config = setup.sim.object(&config.id).unwrap();
    assert_eq!(config.readable["metadata"], marker, "copied once");
    let ignored = json!({"provider_id": "linear", "provider_config_id": "pcf_1"});
    let after = setup.patch(&path, ignored).await;
    assert_eq!(after.body["default_config"]["id"], *config.id);

    setup.sim.set_discovered("linear", false);
    let unknown = created(&setup, json!({"provider_id": "linear"})).await;
    assert_eq!(unknown.body["default_config"], Value::Null);
}

#[tokio::test]
async fn the_inline_form_makes_a_config_with_the_metadata_of_the_deployment() {
    let setup = Setup::new().await;
    let body = json!({
        "provider_id": "postgres", "name": "Main", "metadata": {"m": 1},
        "provider_config": {"name": "Mine", "value": {"schema": "public"}},
    });
    let made = created(&setup, body.clone()).await;
    let id = made.body["default_config"]["id"].as_str().unwrap();
    let config = setup.sim.object(id).unwrap();
    assert_eq!(config.readable["name"], "Default Config for Main");
    assert_eq!(config.readable["metadata"], json!({"m": 1}));
    assert_eq!(config.write_only["value"], json!({"schema": "public"}));

    let mut wrong = body.clone();
    wrong["provider_config"]["value"] = json!({"schema": 5});
    let refused = setup.post(PATH, wrong).await;
    assert_eq!(refused.error(), (400, "invalid_data"));
    assert_eq!(refused.body["entity"], "provider.config");
    let before = setup.sim.objects(&setup.instance, Collection::Deployments);

    let vault = json!({"provider_id": "postgres", "name": "v", "value": {"schema": "shared"}});
    let vault = setup.post(VAULTS, vault).await.id();
    let mut from_vault = body.clone();
    from_vault["provider_config"] = json!({"provider_config_vault_id": vault});
    let made = created(&setup, from_vault.clone()).await;
    let id = made.body["default_config"]["id"].as_str().unwrap();
    let config = setup.sim.object(id).unwrap();
    assert_eq!(config.readable["from_vault"]["id"], *vault);
    assert_eq!(config.readable["deployment"]["id"], made.id());

    let bound = json!({
        "provider_id": "postgres", "name": "b", "value": {}, "provider_deployment_id": made.id(),
    });
    let bound = setup.post(VAULTS, bound).await.id();
    from_vault["provider_config"] = json!({"provider_config_vault_id": bound});
    let refused = setup.post(PATH, from_vault).await;
    assert_eq!(refused.error(), (412, "deployment_lock_mismatch"));
    let after = setup.sim.objects(&setup.instance, Collection::Deployments);
    assert_eq!(after.len(), before.len() + 1, "refusals create nothing");
}

#[tokio::test]
async fn a_default_config_can_be_named() {
    let setup = Setup::new().await;
    let config = json!({"provider_id": "github", "value": {}, "name": "Own"});
    let config = setup.post(CONFIGS, config).await.id();
    let body = json!({"provider_id": "github", "provider_config_id": config});
    let made = created(&setup, body.clone()).await;
    assert_eq!(made.body["default_config"]["id"], *config);
    let stored = setup.sim.object(&config).unwrap();
    assert_eq!(
        stored.readable["is_default"], false,
        "it is only referenced"
    );
    assert_eq!(stored.readable["deployment"], Value::Null);
    assert_eq!(configs(&setup).len(), 1);

    let mut elsewhere = body.clone();
    elsewhere["provider_id"] = "linear".into();
    let refused = setup.post(PATH, elsewhere).await;
    assert_eq!(refused.error(), (400, "provider_mismatch"));

    let gone = setup.delete(&format!("{PATH}/{}", made.id())).await;
    assert_eq!(gone.body["status"], "archived");
    assert_eq!(gone.body["default_config"], Value::Null);
    setup.sim.settled().await;
    assert_eq!(setup.sim.object(&config).unwrap().status, Status::Active);
    setup.delete(&format!("{CONFIGS}/{config}")).await;
    let refused = setup.post(PATH, body).await;
    assert_eq!(refused.error(), (400, "use_after_delete"));
    assert_eq!(refused.body["entityId"], *config);
}

#[tokio::test]
async fn a_deployment_is_pinned_to_a_version() {
    let setup = Setup::new().await;
    let slack = setup.sim.catalog().provider("slack").unwrap();
    let (old, current) = (&slack.versions[0].id, &slack.current().id);
    let body = json!({"provider_id": "slack", "locked_provider_version_id": old});
    let made = created(&setup, body).await;
    let shown = &made.body["locked_version"];
    assert_eq!(
        (&shown["id"], &shown["is_current"]),
        (&json!(old), &json!(false))
    );
    assert!(
        made.body["default_config"].is_object(),
        "the old version needs no configuration"
    );
    let schema = format!(
        "/provider-config-schema?provider_deployment_id={}",
        made.id()
    );
    assert_eq!(setup.get(&schema).await.body["schema"], Value::Null);
    let config = json!({
        "provider_id": "slack", "provider_deployment_id": made.id(), "value": {"anything": 1},
    });
    let config = setup.post(CONFIGS, config).await;
    assert_eq!(
        config.body["specification_id"],
        slack.versions[0].specification_id
    );
    let listed = setup
        .get(&format!("{PATH}?provider_version_id={old}"))
        .await;
    assert_eq!(listed.ids(), [made.id()]);

    let path = format!("{PATH}/{}", made.id());
    let lock = async |version: Value| {
        let patched = setup.patch(&path, json!({"locked_provider_version_id": version}));
        patched.await
    };
    assert_eq!(
        lock(json!(current)).await.body["locked_version"]["id"],
        *current
    );
    assert_eq!(lock(Value::Null).await.body["locked_version"], Value::Null);
    let missing = lock(json!("pv_nothing")).await;
    assert_eq!(missing.error(), (404, "not_found"));
    assert_eq!(missing.body["id"], "pv_nothing");
    let github = &setup.sim.catalog().provider("github").unwrap().current().id;
    assert_eq!(lock(json!(github)).await.error(), (400, "bad_request"));
    setup.sim.set_quirk(Quirk::LockedVersionPatchable, false);
    let ignored = lock(json!(old)).await;
    assert_eq!(
        (ignored.status, &ignored.body["locked_version"]),
        (200, &Value::Null)
    );
}

#[tokio::test]
async fn null_leaves_the_tool_filters_of_a_deployment() {
    let setup = Setup::new().await;
    let filter = json!({"type": "tool_regex", "pattern": "^list"});
    let body = json!({"provider_id": "stripe", "name": "s", "tool_filters": [filter]});
    let path = format!("{PATH}/{}", created(&setup, body).await.id());
    let kept = setup.patch(&path, json!({"tool_filters": null})).await;
    assert_eq!(kept.body["tool_filter"]["filters"], json!([filter]));
    let open = setup.patch(&path, json!({"tool_filters": []})).await;
    assert_eq!(open.body["tool_filter"], json!({"type": "allow_all"}));
    let renamed = setup
        .patch(&path, json!({"name": "", "description": "d"}))
        .await;
    assert_eq!(
        (&renamed.body["name"], &renamed.body["description"]),
        (&json!(""), &json!("d"))
    );
    assert_eq!(setup.patch(&path, json!({"name": null})).await.status, 400);
}

#[tokio::test]
async fn archiving_a_deployment_takes_what_belongs_to_it() {
    let setup = Setup::new().await;
    let made = created(&setup, json!({"provider_id": "linear", "name": "l"})).await;
    let of = made.id();
    let default_config = made.body["default_config"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let config = json!({"provider_id": "linear", "provider_deployment_id": of, "value": {}});
    let config = setup.post(CONFIGS, config).await.id();
    let vault = json!({
        "provider_id": "linear", "provider_deployment_id": of, "name": "v", "value": {},
    });
    let vault = setup.post(VAULTS, vault).await.id();
    let auth_config = json!({
        "provider_auth_method_id": "linear-token", "provider_deployment_id": of,
        "value": {"token": "t"},
    });
    let auth_config = setup.post("/provider-auth-configs", auth_config).await.id();
    let path = format!("{PATH}/{of}");
    assert_eq!(setup.delete(&path).await.body["status"], "archived");
    setup.sim.settled().await;
    for id in [&default_config, &config, &vault, &auth_config] {
        assert_eq!(setup.sim.object(id).unwrap().status, Status::Archived);
    }
    assert_eq!(setup.get(&path).await.body["status"], "archived");
    assert_eq!(setup.delete(&path).await.error(), (410, "gone"));
    let late = setup.patch(&path, json!({"name": "x"})).await;
    assert_eq!(late.error(), (410, "gone"));
}

#[tokio::test]
async fn a_used_deployment_stays_and_the_refusal_names_the_blockers() {
    let setup = Setup::new().await;
    let id = created(&setup, json!({"provider_id": "stripe"})).await.id();
    let path = format!("{PATH}/{id}");
    let cases = [
        (UsedBy::Integration, "integration_provider"),
        (UsedBy::IntegrationInstance, "integration_instance_provider"),
        (UsedBy::Identity, "identity_credential"),
    ];
    for (by, blocker) in cases {
        let blockers = setup.sim.use_object(&id, by);
        let refused = setup.delete(&path).await;
        let code = format!("provider_deployment_{blocker}_archive_not_allowed");
        assert_eq!(refused.error(), (400, &*code));
        assert_eq!(refused.body["data"]["id"], *id);
        let data = refused.body["data"].to_string();
        assert!(blockers.iter().all(|id| data.contains(id)), "{data}");
        if by == UsedBy::Identity {
            let listed = setup
                .get(&format!("{PATH}?identity_id={}", blockers[1]))
                .await;
            assert_eq!(listed.ids(), [&*id]);
        }
        setup.sim.set_in_use(&id, false);
    }
    assert_eq!(setup.delete(&path).await.status, 200);
}
