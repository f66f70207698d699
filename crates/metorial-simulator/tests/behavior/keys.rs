//! Keys: what they are of, their scopes, and what needs no key.

use metorial_simulator::{InstanceType, Limit, Options, Quirk};
use serde_json::{Value, json};

use crate::support::{Answer, Setup, credentials};

#[tokio::test]
async fn a_key_needs_the_exact_scope_of_a_route() {
    let setup = Setup::new().await;
    let auth_config = setup.create_auth_config("t").await;
    let linear = setup.method("linear", "token");
    let import = json!({"provider_id": "linear", "note": "n", "value": {"token": "t"}});
    let export = json!({"provider_auth_config_id": auth_config, "note": "n"});
    let vault = json!({"provider_id": "linear", "name": "v", "value": {}});
    let config = json!({"provider_id": "linear", "value": {}});
    let deployment = json!({"provider_id": "linear"});
    let app = credentials("a");
    let method = format!("/provider-auth-methods/{linear}");
    let (get, post) = ("GET", "POST");
    let cases: [(&str, &str, &str, Option<&Value>); 17] = [
        ("organization.instance:read", get, "/instance", None),
        ("instance.provider:read", get, "/providers/linear", None),
        ("instance.provider.specification:read", get, &method, None),
        (
            "instance.provider.auth:read",
            get,
            "/provider-auth-credentials",
            None,
        ),
        (
            "instance.provider.auth:read",
            get,
            "/provider-auth-configs",
            None,
        ),
        (
            "instance.provider.auth:read",
            get,
            "/provider-auth-config-imports",
            None,
        ),
        (
            "instance.provider.auth:read",
            get,
            "/provider-auth-config-exports",
            None,
        ),
        (
            "instance.provider.auth:write",
            post,
            "/provider-auth-credentials",
            Some(&app),
        ),
        (
            "instance.provider.auth:import",
            post,
            "/provider-auth-config-imports",
            Some(&import),
        ),
        (
            "instance.provider.auth:export",
            post,
            "/provider-auth-config-exports",
            Some(&export),
        ),
        (
            "instance.provider.config:read",
            get,
            "/provider-config-schema?provider_id=linear",
            None,
        ),
        (
            "instance.provider.config:read",
            get,
            "/provider-configs",
            None,
        ),
        (
            "instance.provider.config:write",
            post,
            "/provider-configs",
            Some(&config),
        ),
        (
            "instance.provider.config_vault:read",
            get,
            "/provider-config-vaults",
            None,
        ),
        (
            "instance.provider.config_vault:write",
            post,
            "/provider-config-vaults",
            Some(&vault),
        ),
        (
            "instance.provider.deployment:read",
            get,
            "/provider-deployments",
            None,
        ),
        (
            "instance.provider.deployment:write",
            post,
            "/provider-deployments",
            Some(&deployment),
        ),
    ];
    let all: Vec<&str> = cases.iter().map(|(scope, ..)| *scope).collect();
    for (scope, method, path, body) in cases {
        let send = async || {
            let request = setup.request(method, path);
            match body {
                Some(body) => setup.send(request.json(body)).await,
                None => setup.send(request).await,
            }
        };
        setup.sim.restrict_key(&setup.key, [scope]);
        assert_eq!(send().await.status, 200, "{scope} {path}");
        let others = all.iter().filter(|other| **other != scope);
        setup.sim.restrict_key(&setup.key, others);
        assert_eq!(send().await.error(), (403, "forbidden"), "{scope} {path}");
    }
}

#[tokio::test]
async fn a_token_describes_any_key_without_a_scope() {
    let mut setup = Setup::new().await;
    setup
        .sim
        .restrict_key(&setup.key, ["instance.provider.auth:read"]);
    assert_eq!(setup.get("/instance").await.status, 403);
    let token = setup.get("/token").await;
    assert_eq!(
        (token.status, &token.body["object"]),
        (200, &json!("token"))
    );
    assert_eq!(
        token.body["organization"]["id"],
        setup.organization.as_str()
    );
    let instance = &token.body["instance"];
    assert_eq!(instance["id"], setup.instance.as_str());
    assert_eq!(instance["project_id"], token.body["project"]["id"]);
    assert_eq!(instance.get("type"), None, "not whether it is production");
    assert_eq!(token.body["actor"]["object"], "organization.actor");
    assert_eq!(token.body["user"], Value::Null);

    setup.key = setup.sim.add_organization_key(&setup.organization);
    let token = setup.get("/token").await;
    assert_eq!((token.status, &token.body["instance"]), (200, &Value::Null));
    assert_ne!(token.body["type"], "instance_secret_key");
    setup.key = "metorial_sk_nobody".to_owned();
    assert_eq!(setup.get("/token").await.status, 401);
}

#[tokio::test]
async fn the_key_of_an_organization_needs_the_name_of_an_instance() {
    let mut setup = Setup::new().await;
    let production = setup
        .sim
        .add_instance(&setup.organization, InstanceType::Production);
    let stranger = setup.sim.add_organization("Other");
    let stranger = setup.sim.add_instance(&stranger, InstanceType::Development);
    let own_key = setup.key.clone();
    setup.key = setup.sim.add_organization_key(&setup.organization);
    assert!(setup.key.starts_with("metorial_mk_"));
    let send = async |setup: &Setup, name: &str| -> Answer {
        let request = setup.request("GET", "/instance");
        setup
            .send(request.header("metorial-instance-id", name))
            .await
    };
    let without = setup.get("/provider-configs").await;
    assert_eq!(without.error(), (400, "bad_request"));
    for (name, instance) in [
        (setup.instance.as_str(), &setup.instance),
        (production.as_str(), &production),
        ("production", &production),
        ("development", &setup.instance),
    ] {
        let answer = send(&setup, name).await;
        assert_eq!(answer.body["id"], instance.as_str(), "{name}");
    }
    let foreign = send(&setup, stranger.as_str()).await;
    assert_eq!(foreign.error(), (404, "not_found"));
    assert_eq!(foreign.body["id"], stranger.as_str());
    let journal = setup.sim.journal();
    let of = |entry: &metorial_simulator::Entry| entry.instance.clone();
    assert_eq!(of(&journal[2]), Some(production.clone()));
    assert_eq!(journal.iter().filter_map(of).count(), 4);

    setup.key = own_key;
    let ignored = send(&setup, production.as_str()).await;
    assert_eq!(ignored.body["id"], setup.instance.as_str());
}

#[tokio::test]
async fn the_api_describes_itself_without_a_key_and_outside_the_limit() {
    let setup = Setup::new().await;
    let none = Limit {
        requests: 0,
        per: std::time::Duration::from_secs(600),
    };
    setup.sim.set_rate_limit(&setup.organization, Some(none));
    let ask = async |what: &str| {
        let url = format!("{}/metorial/introspect/{what}", setup.sim.url());
        setup.send(reqwest::Client::new().get(url)).await
    };
    let versions = ask("versions").await;
    let newest = &versions.body["versions"][1];
    assert_eq!(newest["version"], "mt_2026_01_01_magnetar");
    assert_eq!(newest["displayVersion"], "2026-01-01");
    assert_eq!(versions.header("ratelimit-limit"), None);
    assert_eq!(ask("endpoints").await.status, 400);
    assert_eq!(ask("endpoints?version=2031").await.status, 406);
    let fields = async |endpoint: (&str, &str)| -> Vec<String> {
        let described = ask("endpoints?version=mt_2026_01_01_magnetar").await.body;
        let (method, path) = endpoint;
        let endpoints = described["endpoints"].as_array().unwrap().iter();
        let mut found = endpoints.filter(|endpoint| {
            endpoint["method"] == method && endpoint["allPaths"][0]["path"] == path
        });
        let body = &found.next().unwrap()["bodyId"];
        let mut types = described["types"].as_array().unwrap().iter();
        let body = types.find(|known| known["id"] == *body).unwrap();
        let properties = body["type"]["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    };
    let secret = &"client_secret".to_owned();
    let lock = &"locked_provider_version_id".to_owned();
    let credentials = ("PATCH", "/provider-auth-credentials/:id");
    let deployments = ("PATCH", "/provider-deployments/:id");
    assert!(fields(credentials).await.contains(secret));
    assert!(fields(deployments).await.contains(lock));
    setup.sim.set_quirk(Quirk::CredentialsPatchIgnored, true);
    setup.sim.set_quirk(Quirk::LockedVersionPatchable, false);
    assert!(!fields(credentials).await.contains(secret));
    assert!(!fields(deployments).await.contains(lock));
    setup.sim.set_quirk(Quirk::UnknownVersionIsOld, false);
    assert_eq!(ask("versions").await.body["versions"][1]["isCurrent"], true);
}

#[tokio::test]
async fn the_version_may_be_a_parameter_and_is_displayed_in_two_ways() {
    for (options, displayed) in [
        (Options::default(), "2026-01-01"),
        (
            Options::default().with(Quirk::DisplaysLaterVersion),
            "2026-02-01",
        ),
    ] {
        let setup = Setup::with(options).await;
        let url = format!("{}/instance?api-version=2026_01_01", setup.sim.url());
        let request = reqwest::Client::new().get(url).bearer_auth(&setup.key);
        let answer = setup.send(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("metorial-version"), Some(displayed));
    }
}
