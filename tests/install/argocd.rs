//! The health check and the actions for Argo CD, by the interpreter that Argo CD uses: the test files beside them, which have
//! the format of Argo CD's own, and what is rendered from them.

use crate::evaluator::{evaluate, read, read_yaml};
use crate::rendered::objects;
use crate::support::{chart, with};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SCRIPTS: &str = "deploy/argocd/metorial.com/_";
pub const ACTIONS: [&str; 4] = ["reconcile", "suspend", "resume", "approve"];

/// What Argo CD shows of an object.
pub async fn health(object: &Value) -> Value {
    let script = read(&format!("{SCRIPTS}/health.lua"));
    let request = json!({"what": "lua", "script": script, "object": object});
    evaluate(request).await.unwrap()
}

/// The actions that it offers.
pub async fn discover(object: &Value) -> Value {
    let script = read(&format!("{SCRIPTS}/actions/discovery.lua"));
    let request = json!({"what": "lua", "script": script, "object": object});
    evaluate(request).await.unwrap()
}

/// The merge patch that it applies for an action.
pub async fn patch(action: &str, object: &Value) -> Value {
    let script = read(&format!("{SCRIPTS}/actions/{action}/action.lua"));
    let request = json!({"what": "action", "script": script, "object": object});
    evaluate(request).await.unwrap()
}

fn cases(file: &str, list: &str) -> Vec<Value> {
    let cases = read_yaml(&format!("{SCRIPTS}/{file}"))[list].take();
    serde_json::from_value(cases).unwrap()
}

fn object(directory: &str, path: &Value) -> Value {
    read_yaml(&format!("{SCRIPTS}/{directory}{}", path.as_str().unwrap()))
}

#[tokio::test]
async fn the_health_check_passes_its_tests() {
    for case in cases("health_test.yaml", "tests") {
        let shown = health(&object("", &case["inputPath"])).await;
        assert_eq!(shown, case["healthStatus"], "{}", case["inputPath"]);
    }
}

#[tokio::test]
async fn the_actions_pass_their_tests() {
    for case in cases("actions/action_test.yaml", "discoveryTests") {
        let found = discover(&object("actions/", &case["inputPath"])).await;
        let named = found.as_object().unwrap().iter();
        let found: BTreeSet<String> = named
            .map(|(name, action)| with(action.clone(), json!({"name": name})).to_string())
            .collect();
        let expected = case["result"].as_array().unwrap().iter();
        let expected: BTreeSet<String> = expected.map(Value::to_string).collect();
        assert_eq!(found, expected, "{}", case["inputPath"]);
    }
    let mut tested = BTreeSet::new();
    for case in cases("actions/action_test.yaml", "actionTests") {
        let action = case["action"].as_str().unwrap().to_owned();
        let before = object("actions/", &case["inputPath"]);
        let mut after = with(before.clone(), patch(&action, &before).await);
        if action == "reconcile" {
            let time = &mut after["metadata"]["annotations"]["metorial.com/reconcile-requested-at"];
            assert_eq!(time.as_str().unwrap().len(), "2026-01-01T00:00:00Z".len());
            *time = "0001-01-01T00:00:00Z".into();
        }
        assert_eq!(
            after,
            object("actions/", &case["expectedOutputPath"]),
            "{action}"
        );
        tested.insert(action);
    }
    assert_eq!(tested, ACTIONS.map(str::to_owned).into());
}

#[test]
fn the_application_of_the_operator_installs_this_version() {
    let applications = objects(&read("deploy/argocd/applications.yaml"));
    let source = &applications[0]["spec"]["source"];
    let version = format!("v{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(source["targetRevision"], version);
    assert!(chart().ends_with(source["path"].as_str().unwrap()));
}

#[test]
fn the_settings_for_argo_cd_contain_the_scripts_for_every_kind() {
    let settings = read_yaml("deploy/argocd/argocd-cm.yaml");
    let text = settings["data"]["resource.customizations"]
        .as_str()
        .unwrap();
    let mut customizations: Value = serde_yaml_ng::from_str(text).unwrap();
    let all = customizations["metorial.com/*"]["health.lua"].take();
    assert_eq!(all, read(&format!("{SCRIPTS}/health.lua")));
    let kinds = definitions();
    assert_eq!(customizations.as_object().unwrap().len(), kinds.len() + 1);
    for definition in kinds {
        let kind = format!("metorial.com/{}", definition.spec.names.kind);
        let actions = customizations[&kind]["actions"].as_str();
        let actions = actions.unwrap_or_else(|| panic!("{kind} has no actions"));
        let actions: Value = serde_yaml_ng::from_str(actions).unwrap();
        let discovery = read(&format!("{SCRIPTS}/actions/discovery.lua"));
        assert_eq!(actions["discovery.lua"], discovery, "{kind}");
        let defined: Vec<Value> = ACTIONS
            .map(|name| {
                let script = read(&format!("{SCRIPTS}/actions/{name}/action.lua"));
                json!({"name": name, "action.lua": script})
            })
            .into();
        assert_eq!(actions["definitions"], Value::from(defined), "{kind}");
    }
}
