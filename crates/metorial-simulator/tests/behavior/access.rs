//! Keys, versions, routes, limits, and the headers of answers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metorial_simulator::{InstanceType, Limit, Options, Profile};
use serde_json::json;

use crate::support::Setup;

#[tokio::test]
async fn the_instance_of_a_key_is_returned() {
    let setup = Setup::new().await;
    let answer = setup.get("/instance").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["id"], setup.instance.as_str());
    assert_eq!(answer.body["organization_id"], setup.organization.as_str());
    assert_eq!(answer.body["type"], "development");
    assert_eq!(answer.header("metorial-version"), Some("2026-01-01"));
    assert!(
        answer
            .header("metorial-req-id")
            .unwrap()
            .starts_with("req_")
    );
    assert!(answer.header("date").unwrap().ends_with(" GMT"));

    let production = setup
        .sim
        .add_instance(&setup.organization, InstanceType::Production);
    setup.sim.move_key(&setup.key, &production);
    let answer = setup.get("/instance").await;
    assert_eq!(answer.body["id"], production.as_str());
    assert_eq!(answer.body["type"], "production");
}

#[tokio::test]
async fn an_invalid_key_is_rejected_and_echoed() {
    let setup = Setup::new().await;
    let path = format!("{}/instance", setup.sim.url());
    let send = async |key: &str| {
        let request = reqwest::Client::new().get(&path);
        let request = request.header("Metorial-Version", "2026-01-01-magnetar");
        setup.send(request.header("Authorization", key)).await
    };
    let bad = send("Bearer metorial_sk_wrong").await;
    assert_eq!(bad.error(), (401, "unauthorized"));
    assert!(
        bad.body["description"]
            .as_str()
            .unwrap()
            .contains("metorial_sk_wrong")
    );
    assert_eq!(bad.header("metorial-req-id"), None);
    assert_eq!(bad.header("ratelimit-limit"), None);
    assert_eq!(send(&format!("bearer {}", setup.key)).await.status, 401);
    assert_eq!(send(&format!("Bearer {}", setup.key)).await.status, 200);

    setup.sim.revoke_key(&setup.key);
    assert_eq!(setup.get("/instance").await.status, 401);
    setup.sim.restore_key(&setup.key);
    assert_eq!(setup.get("/instance").await.status, 200);
}

#[tokio::test]
async fn a_key_without_the_scope_is_forbidden() {
    let mut setup = Setup::new().await;
    setup.sim.restrict_key(
        &setup.key,
        [
            "organization.instance:read",
            "instance.provider.config:read",
        ],
    );
    assert_eq!(setup.get("/instance").await.status, 200);
    assert_eq!(setup.get("/provider-configs").await.status, 200);
    let refused = setup.post("/provider-configs", json!({})).await;
    assert_eq!(refused.error(), (403, "forbidden"));

    setup.key = setup.sim.add_publishable_key(&setup.instance);
    assert_eq!(setup.get("/providers/github").await.status, 200);
    assert_eq!(
        setup.get("/provider-configs").await.error(),
        (403, "forbidden")
    );
}

#[tokio::test]
async fn an_unknown_version_is_served_by_the_old_api() {
    let setup = Setup::new().await;
    let ask = async |setup: &Setup, version: Option<&str>| {
        let url = format!("{}/provider-configs", setup.sim.url());
        let request = reqwest::Client::new().get(url).bearer_auth(&setup.key);
        let versioned = match version {
            Some(version) => request.header("Metorial-Version", version),
            None => request,
        };
        setup.send(versioned).await
    };
    for version in [
        "mt_2026_01_01_magnetar",
        "magnetar",
        "2026-01-01",
        "2026_01_01",
    ] {
        assert_eq!(ask(&setup, Some(version)).await.status, 200, "{version}");
    }
    for version in [None, Some("2031-01-01")] {
        let old = ask(&setup, version).await;
        assert_eq!(old.error(), (404, "not_found"));
        assert_eq!(old.body["entity"], "endpoint");
        assert_eq!(old.header("metorial-version"), Some("2025-01-01"));
    }
    let reference = Setup::with(Options::of(Profile::Reference)).await;
    assert_eq!(ask(&reference, None).await.status, 200);
    assert_eq!(ask(&reference, Some("2031-01-01")).await.status, 406);
}

#[tokio::test]
async fn an_unknown_route_is_404_with_the_entity_endpoint() {
    let setup = Setup::new().await;
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/provider-configs/"),
        ("GET", "//provider-configs"),
        ("PUT", "/provider-configs/pcf_1"),
        ("PATCH", "/provider-auth-config-imports/paci_1"),
    ] {
        let answer = setup.send(setup.request(method, path)).await;
        assert_eq!(answer.error(), (404, "not_found"), "{method} {path}");
        assert_eq!(answer.body["entity"], "endpoint");
    }
    let lost = setup.get("/provider-configs/pcf_1").await;
    assert_eq!(lost.body["entity"], "provider.config");
    assert_eq!(lost.body["id"], "pcf_1");
}

#[tokio::test]
async fn a_json_content_type_without_a_body_is_rejected() {
    let setup = Setup::new().await;
    let id = setup.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    for method in ["GET", "DELETE"] {
        let request = setup.request(method, &path);
        let request = request.header("Content-Type", "application/json");
        assert_eq!(setup.send(request).await.status, 400, "{method}");
    }
    let malformed = setup.request("PATCH", &path).body("{\"name\":");
    assert_eq!(setup.send(malformed).await.status, 400);
}

#[tokio::test]
async fn long_heads_and_nul_are_rejected_like_by_the_server() {
    let setup = Setup::new().await;
    let list = |length: usize| format!("/provider-configs?color={}", "x".repeat(length));
    assert_eq!(setup.get(&list(15_000)).await.status, 200);
    assert_eq!(setup.get(&list(30_000)).await.status, 431);
    let id = setup.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    let nul = setup.patch(&path, json!({"name": "a\u{0}b"})).await;
    assert_eq!(nul.error(), (500, "internal_server_error"));
    let large = json!({"metadata": {"text": "y".repeat(3_000_000)}});
    assert_eq!(setup.patch(&path, large).await.status, 200);
    let chunked = reqwest::Body::from("{\"name\":\"whole\"}");
    let request = setup.request("PATCH", &path).body(chunked);
    assert_eq!(setup.send(request).await.body["name"], "whole");
}

#[tokio::test]
async fn the_keys_of_an_organization_share_one_window() {
    let mut setup = Setup::new().await;
    let per = Duration::from_secs(600);
    let limit = Limit { requests: 3, per };
    setup.sim.set_rate_limit(&setup.organization, Some(limit));
    let first = setup.get("/instance").await;
    assert_eq!(first.header("ratelimit-limit"), Some("3"));
    assert_eq!(first.header("ratelimit-remaining"), Some("2"));
    let reset: u64 = first.header("ratelimit-reset").unwrap().parse().unwrap();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(
        (now + 500..now + 700).contains(&reset),
        "{reset} is epoch seconds"
    );

    let sibling = setup
        .sim
        .add_instance(&setup.organization, InstanceType::Development);
    setup.key = setup.sim.add_key(&sibling);
    setup.get("/instance").await;
    setup.get("/nowhere").await;
    let refused = setup.get("/instance").await;
    assert_eq!(refused.error(), (429, "rate_limit_exceeded"));
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("metorial-req-id"), None);
    assert_eq!(refused.header("retry-after"), None);
    assert!(refused.body["hint"].is_string());

    setup.sim.set_rate_limit(&setup.organization, None);
    assert_eq!(setup.get("/instance").await.header("ratelimit-limit"), None);
}

#[tokio::test]
async fn the_reference_limits_by_key_and_resets_in_seconds_from_now() {
    let mut setup = Setup::with(Options::of(Profile::Reference)).await;
    let per = Duration::from_secs(600);
    let limit = Limit { requests: 1, per };
    setup.sim.set_rate_limit(&setup.organization, Some(limit));
    setup.get("/instance").await;
    let refused = setup.get("/instance").await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("metorial-req-id").is_some());
    let seconds = |name: &str| refused.header(name).unwrap().parse::<u64>().unwrap();
    assert!((1..=600).contains(&seconds("retry-after")));
    assert!((1..=600).contains(&seconds("ratelimit-reset")));
    setup.key = setup.sim.add_key(&setup.instance);
    assert_eq!(setup.get("/instance").await.status, 200);
}

#[tokio::test]
async fn the_default_limit_depends_on_the_instance_type() {
    let setup = Setup::new().await;
    assert_eq!(
        setup.get("/instance").await.header("ratelimit-limit"),
        Some("100")
    );
    let production = setup
        .sim
        .add_instance(&setup.organization, InstanceType::Production);
    setup.sim.move_key(&setup.key, &production);
    assert_eq!(
        setup.get("/instance").await.header("ratelimit-limit"),
        Some("5000")
    );
}
