//! Every value of the chart: it has an effect, it is documented, and what is not a value is refused.

use crate::rendered::{at, objects as objects_of, render};
use crate::support::{chart, fail, helm_chart, run};
use control_plane::ControlPlane;
use futures::StreamExt;
use metorial_operator::resources::definitions;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;

/// So many renderings run at a time.
const PARALLEL: usize = 4;

/// What is not there by default.
const EVERYTHING: [&str; 5] = [
    "metrics.serviceMonitor.enabled=true",
    "metrics.prometheusRule.enabled=true",
    "metrics.dashboard.enabled=true",
    "podDisruptionBudget.enabled=true",
    "networkPolicy.enabled=true",
];

/// Objects whose fields Kubernetes, other charts or the user decide.
const OPEN: [&str; 6] = [
    "global",
    "metrics.dashboard.labels",
    "podSecurityContext",
    "containerSecurityContext",
    "resources.requests",
    "resources.limits",
];

/// A value, what it is set to, the place that this changes, and what is there then; null stands for nothing.
#[derive(Deserialize)]
struct Row {
    set: String,
    to: Value,
    at: String,
    is: Value,
}

fn table() -> Vec<Row> {
    serde_yaml_ng::from_str(include_str!("values.yaml")).unwrap()
}

async fn plane() -> &'static ControlPlane {
    tokio::task::spawn_blocking(ControlPlane::shared)
        .await
        .unwrap()
}

fn defaults() -> Value {
    let text = fs::read_to_string(chart().join("values.yaml")).unwrap();
    serde_yaml_ng::from_str(&text).unwrap()
}

/// The paths of all values, and of all objects with values in them.
fn paths(
    of: &Map<String, Value>,
    prefix: &str,
    values: &mut Vec<String>,
    objects: &mut Vec<String>,
) {
    for (name, value) in of {
        let path = format!("{prefix}{name}");
        match value.as_object().filter(|inner| !inner.is_empty()) {
            Some(inner) => {
                objects.push(path.clone());
                paths(inner, &format!("{path}."), values, objects);
            }
            None => values.push(path),
        }
    }
}

fn all_paths() -> (Vec<String>, Vec<String>) {
    let (mut values, mut objects) = (Vec::new(), Vec::new());
    paths(
        defaults().as_object().unwrap(),
        "",
        &mut values,
        &mut objects,
    );
    (values, objects)
}

/// Whether one of the paths is the value or an object that contains it.
fn covers(covering: &BTreeSet<String>, value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    (1..=parts.len()).any(|length| covering.contains(&parts[..length].join(".")))
}

/// Renders a row and compares the place of its effect with what is there by default.
async fn check(plane: &ControlPlane, row: &Row, before: &[Value]) {
    let Row {
        set,
        to,
        at: place,
        is,
    } = row;
    assert_ne!(at(before, place), *is, "{place} without {set}");
    let value = format!("{set}={to}");
    // A ServiceMonitor needs the Service.
    let after = match set == "metrics.service.enabled" {
        true => render(plane, &[&value]).await,
        false => render(plane, &[&EVERYTHING[..], &[&value]].concat()).await,
    };
    assert_eq!(at(&after, place), *is, "{place} with {value}");
    let selected = at(&after, "Deployment /spec/selector/matchLabels");
    let labels = at(&after, "Deployment /spec/template/metadata/labels");
    for (name, value) in selected.as_object().unwrap() {
        assert_eq!(labels[name], *value, "{set}");
    }
}

#[tokio::test]
async fn every_value_has_the_effect_that_the_table_says() {
    let plane = plane().await;
    let before = render(plane, &EVERYTHING).await;
    let table = table();
    let checks = table.iter().map(|row| check(plane, row, &before));
    futures::stream::iter(checks)
        .buffer_unordered(PARALLEL)
        .collect::<Vec<()>>()
        .await;
}

#[test]
fn every_value_is_in_the_table_and_in_the_readme() {
    let (values, _) = all_paths();
    let tested: BTreeSet<String> = table()
        .iter()
        .flat_map(|Row { set, to, .. }| {
            let whole = values.contains(set) || OPEN.contains(&set.as_str()) && set != "global";
            let inner = to.as_object().filter(|_| !whole).into_iter().flatten();
            let inner = inner.map(move |(name, _)| format!("{set}.{name}"));
            let whole = (whole || !to.is_object()).then(|| set.clone());
            whole.into_iter().chain(inner)
        })
        .collect();
    let readme = fs::read_to_string(chart().join("README.md")).unwrap();
    let table = readme.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<String> = table
        .flat_map(|line| line.split('|').nth(1).unwrap().split('`'))
        .map(str::to_owned)
        .collect();
    for value in &values {
        assert!(covers(&tested, value), "{value} is in no row");
        assert!(covers(&documented, value), "{value} is not in README.md");
    }
    let known = |path: &String| {
        let inside = format!("{path}.");
        values
            .iter()
            .any(|value| value == path || value.starts_with(&inside))
    };
    let rows = documented
        .iter()
        .filter(|path| path.starts_with(|c: char| c.is_ascii_lowercase()));
    for path in rows {
        assert!(known(path), "README.md documents {path}, which is no value");
    }
}

/// Where `key:` without a value leaves a field to Kubernetes.
const LEFT_TO_KUBERNETES: [&str; 7] = [
    "resources",
    "strategy.rollingUpdate",
    "podSecurityContext",
    "containerSecurityContext",
    "livenessProbe.",
    "readinessProbe.",
    "metrics.dashboard.labels",
];

/// Helm removes a default that a file of values names without a value.
#[tokio::test]
async fn a_value_that_is_left_empty_is_the_default_or_is_refused_by_its_name() {
    let plane = plane().await;
    let before = &render(plane, &EVERYTHING).await;
    let (values, objects) = all_paths();
    let mut paths = [values, objects].concat();
    paths.retain(|path| !LEFT_TO_KUBERNETES.iter().any(|left| path.starts_with(left)));
    assert!(paths.len() > 100, "{paths:?}");
    let checks = paths.iter().map(async |path| {
        let beside = |set: &&&str| !set.starts_with(path.as_str());
        let beside = EVERYTHING.iter().filter(beside).copied();
        let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
        helm.args(["--namespace", "metorial-system"]);
        for set in beside.chain([format!("{path}=null").as_str()]) {
            helm.args(["--set-json", set]);
        }
        let done = run(helm, "").await;
        let name = path.rsplit('.').next().unwrap();
        let (printed, errors) = (text(&done.stdout), text(&done.stderr));
        match done.status.success() {
            true => assert_eq!(objects_of(&printed), *before, "{path}"),
            false => {
                let required =
                    errors.contains("missing propert") && errors.contains(&format!("'{name}'"));
                let named = required || errors.contains(&format!("{path} is not set"));
                assert!(named, "{path}: {errors}");
            }
        }
    });
    futures::stream::iter(checks)
        .buffer_unordered(PARALLEL)
        .collect::<Vec<()>>()
        .await;
}

/// Helm passes the value by which a parent chart includes or excludes this one to it, too.
#[tokio::test]
async fn a_parent_chart_may_have_it_as_a_conditional_dependency() {
    let plane = plane().await;
    let before = render(plane, &[]).await;
    assert_eq!(render(plane, &["enabled=true"]).await, before);
}

fn text(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).into_owned()
}

#[tokio::test]
async fn the_notes_name_the_namespace_in_which_the_test_runs() {
    let plane = plane().await;
    let notes = async |set: &str| {
        let mut helm = helm_chart(plane, &["install", "metorial-operator"]);
        helm.args(["--namespace", "a", "--dry-run=client", "--set", set]);
        crate::support::succeed(helm).await
    };
    let here = notes("namespaceOverride=").await;
    assert!(here.contains("helm test metorial-operator --namespace a --logs\n"));
    // Helm looks for the pod in the namespace of the release.
    let there = notes("namespaceOverride=b").await;
    let commands = "  helm test metorial-operator --namespace a\n  kubectl --namespace b logs metorial-operator-check\n";
    assert!(there.contains(commands), "{there}");
}

#[tokio::test]
async fn no_object_of_the_values_takes_what_it_does_not_know() {
    let plane = plane().await;
    let (_, mut objects) = all_paths();
    let open: BTreeSet<String> = OPEN.map(str::to_owned).into();
    objects.retain(|path| !covers(&open, path));
    assert!(objects.len() > 15, "{objects:?}");
    for path in objects {
        let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
        helm.args(["--set", &format!("{path}.nonsense=1")]);
        let printed = fail(helm).await;
        assert!(printed.contains("nonsense"), "{path}: {printed}");
    }
}

#[tokio::test]
async fn without_an_image_the_installation_fails_with_the_command_that_builds_one() {
    let plane = plane().await;
    let mut helm = plane.helm();
    helm.args(["install", "no-image"]).arg(chart());
    let printed = fail(helm).await;
    for part in [
        "image.repository is not set",
        "docker build --tag",
        "docker push",
    ] {
        assert!(printed.contains(part), "{printed}");
    }
}

#[tokio::test]
async fn a_service_account_that_is_not_created_must_be_named() {
    let plane = plane().await;
    let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
    helm.args(["--set", "serviceAccount.create=false"]);
    let printed = fail(helm).await;
    assert!(
        printed.contains("serviceAccount.name is not set"),
        "{printed}"
    );
}

#[tokio::test]
async fn kubernetes_takes_everything_that_the_chart_can_render() {
    let plane = plane().await;
    let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
    helm.arg("--values")
        .arg(chart().join("ci/everything-values.yaml"));
    helm.args(["--set", "metrics.serviceMonitor.enabled=false"]);
    helm.args(["--set", "metrics.prometheusRule.enabled=false"]);
    // The pod of the test is refused while its ServiceAccount is not there.
    helm.args(["--set", "crds.install=false", "--skip-tests"]);
    let rendered = crate::support::succeed(helm).await;
    let mut kubectl = plane.kubectl();
    kubectl.args(["create", "--dry-run=server", "--validate=strict", "-f", "-"]);
    let taken = run(kubectl, &rendered).await;
    let errors = String::from_utf8_lossy(&taken.stderr);
    assert!(taken.status.success(), "{errors}");
    assert!(!errors.contains("Warning"), "{errors}");
}

#[test]
fn the_metadata_of_the_chart_names_every_kind_and_the_version_of_the_program() {
    let text = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let metadata: Value = serde_yaml_ng::from_str(&text).unwrap();
    for version in ["version", "appVersion"] {
        assert_eq!(metadata[version], env!("CARGO_PKG_VERSION"));
    }
    let kinds = metadata["annotations"]["artifacthub.io/crds"].as_str();
    let kinds: Vec<Value> = serde_yaml_ng::from_str(kinds.unwrap()).unwrap();
    let listed: BTreeSet<&str> = kinds
        .iter()
        .map(|kind| kind["name"].as_str().unwrap())
        .collect();
    let definitions = definitions();
    let names = definitions
        .iter()
        .map(|definition| definition.metadata.name.as_deref());
    assert_eq!(listed, names.map(Option::unwrap).collect());
}
