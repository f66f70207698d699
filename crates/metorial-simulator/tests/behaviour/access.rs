//! Keys, versions, routes, limits, and what every answer carries.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metorial_simulator::{InstanceType, Limit, Options, Profile};
use serde_json::json;

use crate::support::World;

#[tokio::test]
async fn a_key_tells_its_instance() {
    let world = World::new().await;
    let answer = world.get("/instance").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["id"], world.instance.as_str());
    assert_eq!(answer.body["organization_id"], world.organisation.as_str());
    assert_eq!(answer.body["type"], "development");
    assert_eq!(answer.header("metorial-version"), Some("2026-01-01"));
    assert!(
        answer
            .header("metorial-req-id")
            .unwrap()
            .starts_with("req_")
    );
    assert!(answer.header("date").unwrap().ends_with(" GMT"));

    let production = world
        .sim
        .add_instance(&world.organisation, InstanceType::Production);
    world.sim.move_key(&world.key, &production);
    let answer = world.get("/instance").await;
    assert_eq!(answer.body["id"], production.as_str());
    assert_eq!(answer.body["type"], "production");
}

#[tokio::test]
async fn a_bad_key_is_refused_and_echoed() {
    let world = World::new().await;
    let path = format!("{}/instance", world.sim.url());
    let send = async |key: &str| {
        let request = reqwest::Client::new().get(&path);
        let request = request.header("Metorial-Version", "2026-01-01-magnetar");
        world.send(request.header("Authorization", key)).await
    };
    let bad = send("Bearer metorial_sk_wrong").await;
    assert_eq!(bad.refusal(), (401, "unauthorized"));
    assert!(
        bad.body["description"]
            .as_str()
            .unwrap()
            .contains("metorial_sk_wrong")
    );
    assert_eq!(bad.header("metorial-req-id"), None);
    assert_eq!(bad.header("ratelimit-limit"), None);
    assert_eq!(send(&format!("bearer {}", world.key)).await.status, 401);
    assert_eq!(send(&format!("Bearer {}", world.key)).await.status, 200);

    world.sim.revoke_key(&world.key);
    assert_eq!(world.get("/instance").await.status, 401);
    world.sim.restore_key(&world.key);
    assert_eq!(world.get("/instance").await.status, 200);
}

#[tokio::test]
async fn a_key_without_the_scope_is_forbidden() {
    let mut world = World::new().await;
    world
        .sim
        .restrict_key(&world.key, ["instance:read", "provider-configs:read"]);
    assert_eq!(world.get("/instance").await.status, 200);
    assert_eq!(world.get("/provider-configs").await.status, 200);
    let refused = world.post("/provider-configs", json!({})).await;
    assert_eq!(refused.refusal(), (403, "forbidden"));

    world.key = world.sim.add_publishable_key(&world.instance);
    assert_eq!(world.get("/providers/github").await.status, 200);
    assert_eq!(
        world.get("/provider-configs").await.refusal(),
        (403, "forbidden")
    );
}

#[tokio::test]
async fn an_unknown_version_is_the_old_api() {
    let world = World::new().await;
    let ask = async |world: &World, version: Option<&str>| {
        let url = format!("{}/provider-configs", world.sim.url());
        let request = reqwest::Client::new().get(url).bearer_auth(&world.key);
        let versioned = match version {
            Some(version) => request.header("Metorial-Version", version),
            None => request,
        };
        world.send(versioned).await
    };
    for version in ["mt_2026_01_01_magnetar", "magnetar", "2026-01-01"] {
        assert_eq!(ask(&world, Some(version)).await.status, 200, "{version}");
    }
    for version in [None, Some("2031-01-01")] {
        let old = ask(&world, version).await;
        assert_eq!(old.refusal(), (404, "not_found"));
        assert_eq!(old.body["entity"], "endpoint");
        assert_eq!(old.header("metorial-version"), Some("2025-01-01"));
    }
    let reference = World::with(Options::of(Profile::Reference)).await;
    assert_eq!(ask(&reference, None).await.status, 200);
    assert_eq!(ask(&reference, Some("2031-01-01")).await.status, 406);
}

#[tokio::test]
async fn an_unknown_route_is_no_lost_object() {
    let world = World::new().await;
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/provider-configs/"),
        ("GET", "//provider-configs"),
        ("PUT", "/provider-configs/pcf_1"),
        ("PATCH", "/provider-auth-config-imports/paci_1"),
        ("POST", "/provider-deployments"),
    ] {
        let answer = world.send(world.request(method, path)).await;
        assert_eq!(answer.refusal(), (404, "not_found"), "{method} {path}");
        assert_eq!(answer.body["entity"], "endpoint");
    }
    let lost = world.get("/provider-configs/pcf_1").await;
    assert_eq!(lost.body["entity"], "provider.config");
    assert_eq!(lost.body["id"], "pcf_1");
}

#[tokio::test]
async fn a_json_type_without_a_body_is_refused() {
    let world = World::new().await;
    let id = world.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    for method in ["GET", "DELETE"] {
        let request = world.request(method, &path);
        let request = request.header("Content-Type", "application/json");
        assert_eq!(world.send(request).await.status, 400, "{method}");
    }
    let malformed = world.request("PATCH", &path).body("{\"name\":");
    assert_eq!(world.send(malformed).await.status, 400);
}

#[tokio::test]
async fn sizes_and_nul_end_as_the_server_ends_them() {
    let world = World::new().await;
    let list = |length: usize| format!("/provider-configs?colour={}", "x".repeat(length));
    assert_eq!(world.get(&list(15_000)).await.status, 200);
    assert_eq!(world.get(&list(30_000)).await.status, 431);
    let id = world.create_credentials("a").await;
    let path = format!("/provider-auth-credentials/{id}");
    let nul = world.patch(&path, json!({"name": "a\u{0}b"})).await;
    assert_eq!(nul.refusal(), (500, "internal_server_error"));
    let large = json!({"metadata": {"text": "y".repeat(3_000_000)}});
    assert_eq!(world.patch(&path, large).await.status, 200);
    let chunked = reqwest::Body::from("{\"name\":\"whole\"}");
    let request = world.request("PATCH", &path).body(chunked);
    assert_eq!(world.send(request).await.body["name"], "whole");
}

#[tokio::test]
async fn an_organisation_shares_one_window() {
    let mut world = World::new().await;
    let per = Duration::from_secs(600);
    let limit = Limit { requests: 3, per };
    world.sim.set_rate_limit(&world.organisation, Some(limit));
    let first = world.get("/instance").await;
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

    let sibling = world
        .sim
        .add_instance(&world.organisation, InstanceType::Development);
    world.key = world.sim.add_key(&sibling);
    world.get("/instance").await;
    world.get("/nowhere").await;
    let refused = world.get("/instance").await;
    assert_eq!(refused.refusal(), (429, "rate_limit_exceeded"));
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("metorial-req-id"), None);
    assert_eq!(refused.header("retry-after"), None);
    assert!(refused.body["hint"].is_string());

    world.sim.set_rate_limit(&world.organisation, None);
    assert_eq!(world.get("/instance").await.header("ratelimit-limit"), None);
}

#[tokio::test]
async fn the_reference_counts_by_key_and_in_seconds_from_now() {
    let mut world = World::with(Options::of(Profile::Reference)).await;
    let per = Duration::from_secs(600);
    let limit = Limit { requests: 1, per };
    world.sim.set_rate_limit(&world.organisation, Some(limit));
    world.get("/instance").await;
    let refused = world.get("/instance").await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("metorial-req-id").is_some());
    let seconds = |name: &str| refused.header(name).unwrap().parse::<u64>().unwrap();
    assert!((1..=600).contains(&seconds("retry-after")));
    assert!((1..=600).contains(&seconds("ratelimit-reset")));
    world.key = world.sim.add_key(&world.instance);
    assert_eq!(world.get("/instance").await.status, 200);
}

#[tokio::test]
async fn the_default_limit_is_the_instance_types() {
    let world = World::new().await;
    assert_eq!(
        world.get("/instance").await.header("ratelimit-limit"),
        Some("100")
    );
    let production = world
        .sim
        .add_instance(&world.organisation, InstanceType::Production);
    world.sim.move_key(&world.key, &production);
    assert_eq!(
        world.get("/instance").await.header("ratelimit-limit"),
        Some("5000")
    );
}
