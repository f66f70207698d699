//! The objects for Flux: each field is one that Flux knows, and its evaluator gets the right status from the health checks.

use crate::argocd::health;
use crate::evaluator::{evaluate, read, read_yaml};
use crate::rendered::objects;
use crate::support::{chart, with};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The health checks of the Kustomization, by kind.
fn checks() -> Vec<Value> {
    let mut kustomization = objects(&read("deploy/flux/resources.yaml")).remove(0);
    serde_json::from_value(kustomization["spec"]["healthCheckExprs"].take()).unwrap()
}

/// What Flux waits for: the kstatus of an object, or why it has none.
pub async fn status(object: &Value) -> Result<String, String> {
    let checks = checks();
    let mut check = checks
        .iter()
        .filter(|check| check["kind"] == object["kind"]);
    let check = check
        .next()
        .unwrap_or_else(|| panic!("no check for {}", object["kind"]));
    let request = json!({"what": "cel", "expressions": check, "object": object});
    let status = evaluate(request).await?;
    Ok(status.as_str().unwrap().to_owned())
}

#[tokio::test]
async fn flux_knows_every_field_of_its_objects() {
    for file in ["operator.yaml", "resources.yaml"] {
        for object in objects(&read(&format!("deploy/flux/{file}"))) {
            if object["kind"] == "Namespace" {
                continue;
            }
            let request = json!({"what": "decode", "object": object});
            evaluate(request).await.unwrap();
            let wrong = with(object, json!({"spec": {"nonsense": true}}));
            let request = json!({"what": "decode", "object": wrong});
            let refused = evaluate(request).await.unwrap_err();
            assert!(refused.contains("nonsense"), "{refused}");
        }
    }
}

#[test]
fn flux_installs_this_version_and_checks_every_kind() {
    let all = objects(&read("deploy/flux/operator.yaml"));
    let of = |kind: &str| all.iter().find(|object| object["kind"] == kind).unwrap();
    let tag = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(of("GitRepository")["spec"]["ref"]["tag"], tag);
    let release = of("HelmRelease");
    let path = release["spec"]["chart"]["spec"]["chart"].as_str().unwrap();
    assert!(chart().ends_with(path));
    let checked: BTreeSet<String> = checks()
        .iter()
        .map(|check| check["kind"].as_str().unwrap().to_owned())
        .collect();
    let kinds = definitions().into_iter();
    let kinds: BTreeSet<String> = kinds.map(|definition| definition.spec.names.kind).collect();
    assert_eq!(
        checked, kinds,
        "deploy/flux/resources.yaml has a check for each kind"
    );
}

/// What Flux gets from what Argo CD shows: a person who has to approve is no reason to fail or to wait.
fn expected(shown: &str) -> &'static str {
    match shown {
        "Healthy" | "Suspended" => "Current",
        "Degraded" => "Failed",
        _ => "InProgress",
    }
}

#[tokio::test]
async fn flux_and_argo_cd_agree_about_every_object() {
    let directory = "deploy/argocd/metorial.com/_";
    let cases = read_yaml(&format!("{directory}/health_test.yaml"));
    for case in cases["tests"].as_array().unwrap() {
        let path = case["inputPath"].as_str().unwrap();
        let object = read_yaml(&format!("{directory}/{path}"));
        match status(&object).await {
            Ok(status) => check_agrees(&object, &status).await,
            // An object without a status can't be evaluated, so Flux waits.
            Err(error) => {
                assert!(object["status"].is_null(), "{path}: {error}");
                assert!(error.contains("no such attribute"), "{error}");
            }
        }
    }
}

/// Checks that Argo CD shows what this kstatus means.
pub async fn check_agrees(object: &Value, status: &str) {
    let shown = health(object).await;
    let shown = shown["status"].as_str().unwrap();
    assert_eq!(status, expected(shown), "{shown}: {object}");
}
