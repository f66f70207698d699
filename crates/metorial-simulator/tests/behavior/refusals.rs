//! What refusals name: the switch of a project, the entity and the id of what is missing or archived, what blocks.

use metorial_simulator::{Options, Quirk, UsedBy};
use serde_json::{Value, json};

use crate::support::{Setup, credentials};

#[tokio::test]
async fn a_project_may_allow_only_oauth_methods() {
    let setup = Setup::new().await;
    let id = setup.create_auth_config("t").await;
    setup.sim.set_only_oauth(&setup.instance, true);
    let refusal = (403, "non_oauth_auth_method_not_allowed");
    let token = json!({"provider_auth_method_id": "linear-token", "value": {"token": "t"}});
    assert_eq!(
        setup.post("/provider-auth-configs", token).await.error(),
        refusal
    );
    let imports = "/provider-auth-config-imports";
    let into = json!({"provider_auth_config_id": id, "note": "n", "value": {"token": "u"}});
    assert_eq!(setup.post(imports, into.clone()).await.error(), refusal);
    let new = json!({"provider_id": "linear", "note": "n", "value": {"token": "u"}});
    assert_eq!(setup.post(imports, new).await.error(), refusal);
    let oauth = json!({"provider_auth_method_id": "github-oauth2", "value": {"accessToken": "t"}});
    assert_eq!(
        setup.post("/provider-auth-configs", oauth).await.status,
        200
    );
    setup.sim.set_only_oauth(&setup.instance, false);
    assert_eq!(setup.post(imports, into).await.status, 200);
}

#[tokio::test]
async fn the_entity_of_a_404_depends_on_the_build_and_the_id_does_not() {
    let setup = Setup::new().await;
    let missing = async |path: &str| {
        let answer = setup.get(path).await;
        assert_eq!(answer.error(), (404, "not_found"));
        let id = path.rsplit('/').next().unwrap();
        assert_eq!(answer.body["id"], id);
        answer.body["entity"].as_str().unwrap().to_owned()
    };
    let credentials = "/provider-auth-credentials/par_1";
    let config = "/provider-configs/pcf_1";
    assert_eq!(missing(credentials).await, "provider.auth_credentials");
    assert_eq!(
        missing("/provider-auth-methods/pam_1").await,
        "provider_tool"
    );
    setup
        .sim
        .set_quirk(Quirk::MissingCredentialsAreConfigs, true);
    assert_eq!(missing(credentials).await, "provider.config");
    assert_eq!(missing(config).await, "provider.config");
    setup.sim.set_quirk(Quirk::UnderscoredEntities, true);
    assert_eq!(missing(credentials).await, "provider_config");
    assert_eq!(missing(config).await, "provider_config");
    let nowhere = setup.get("/nowhere").await;
    assert_eq!(nowhere.body["entity"], "endpoint");
    let invalid = setup.post("/provider-configs", json!({})).await;
    assert_eq!(invalid.body["entity"], "body");
}

#[tokio::test]
async fn a_410_has_a_message_only() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    setup.delete(&path).await;
    let gone = setup.delete(&path).await.body;
    let names: Vec<&String> = gone.as_object().unwrap().keys().collect();
    assert_eq!(names, ["code", "message", "object", "ok", "status"]);
}

#[tokio::test]
async fn what_blocks_the_archiving_is_in_the_data_of_the_refusal() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    let blockers = setup.sim.use_object(&id, UsedBy::IntegrationInstance);
    let refused = setup.delete(&path).await;
    let code = "provider_auth_credentials_integration_instance_provider_archive_not_allowed";
    assert_eq!(refused.error(), (400, code));
    let data = &refused.body["data"];
    assert_eq!(data["id"], *id);
    let named = [
        &data["integrationInstanceProviderId"],
        &data["integrationInstanceId"],
    ];
    assert_eq!(named, [&json!(blockers[0]), &json!(blockers[1])]);
    assert!(
        setup
            .sim
            .use_object("par_nobody", UsedBy::Identity)
            .is_empty()
    );
    setup.sim.set_in_use(&id, false);
    assert_eq!(setup.delete(&path).await.status, 200);
}

#[tokio::test]
async fn the_key_of_throttled_requests_depends_on_the_build() {
    for (options, code) in [
        (Options::default(), "rate_limit_exceeded"),
        (
            Options::default().with(Quirk::ThrottledAsTooMany),
            "too_many_requests",
        ),
    ] {
        let setup = Setup::with(options).await;
        let limit = metorial_simulator::Limit {
            requests: 0,
            per: std::time::Duration::from_secs(600),
        };
        setup.sim.set_rate_limit(&setup.organization, Some(limit));
        assert_eq!(setup.get("/instance").await.error(), (429, code));
    }
}

#[tokio::test]
async fn no_config_is_created_before_the_specification_is_discovered() {
    let setup = Setup::new().await;
    let body = json!({"provider_id": "github", "value": {}});
    setup.sim.set_discovered("github", false);
    let refused = setup.post("/provider-configs", body.clone()).await;
    assert_eq!(refused.error(), (400, "bad_request"));
    let other = json!({"provider_id": "linear", "value": {}});
    assert_eq!(setup.post("/provider-configs", other).await.status, 200);
    setup.sim.set_discovered("github", true);
    assert_eq!(setup.post("/provider-configs", body).await.status, 200);
}

#[tokio::test]
async fn a_failed_patch_of_credentials_may_be_half_applied() {
    use metorial_simulator::{Action, Fault};
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    setup
        .sim
        .faults()
        .add(Fault::writes().times(2), Action::FailHalfway);
    let patch = json!({"name": "b", "client_secret": "new", "scopes": ["repo", "read:org"]});
    assert_eq!(setup.patch(&path, patch).await.status, 500);
    let stored = setup.sim.object(&id).unwrap();
    assert_eq!(stored.readable["name"], "a");
    assert_eq!(stored.readable["scopes"], json!(["repo", "read:org"]));
    assert_eq!(stored.write_only["client_secret"], "new");
    let created = setup
        .post("/provider-auth-credentials", credentials("c"))
        .await;
    assert_eq!(
        (created.status, &created.body["code"]),
        (500, &Value::from("internal_server_error"))
    );
    let applied: Vec<bool> = setup
        .sim
        .journal()
        .iter()
        .map(|entry| entry.applied)
        .collect();
    assert_eq!(applied, [true, true, false]);
}

#[tokio::test]
async fn a_nul_is_refused_wherever_it_is() {
    for (on, status) in [(true, 500), (false, 400)] {
        let setup = Setup::new().await;
        setup.sim.set_quirk(Quirk::NulIsInternalError, on);
        for path in [
            "/provider-configs/pcf_%00",
            "/provider-configs?search=a%00b",
            "/provider-config-schema?provider_id=%00",
            "/providers/a%00b",
        ] {
            assert_eq!(setup.get(path).await.status, status, "{path}");
        }
        let deleted = setup.delete("/provider-configs/pcf_%00").await;
        assert_eq!(deleted.status, status);
        let created = setup
            .post("/provider-configs", json!({"name": "a\0b"}))
            .await;
        assert_eq!(created.status, status);
    }
}

#[tokio::test]
async fn an_auth_method_is_named_by_its_id_or_its_alias() {
    let setup = Setup::new().await;
    for (method, status) in [
        (setup.method("linear", "token"), 200),
        ("linear-token".to_owned(), 200),
        ("token".to_owned(), 400),
    ] {
        let body = json!({
            "provider_id": "linear", "provider_auth_method_id": method, "note": "note", "value": {"token": "t"},
        });
        let import = setup.post("/provider-auth-config-imports", body).await;
        assert_eq!(import.status, status, "{method}: {}", import.body);
    }
}
