//! The alerts and the dashboard of the chart name metrics and reasons that exist.

use crate::support::{Format, chart, filled_metrics, helm_chart, succeed};
use control_plane::ControlPlane;
use metorial_operator::resources::{Class, Reason, definitions};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The words in a text that begin with a prefix.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c| !inside(c));
    words
        .filter(|word| word.starts_with(prefix))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn alerts_and_dashboard_name_metrics_and_reasons_that_exist() {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared);
    let chart = chart();
    let mut template = helm_chart(plane.await.unwrap(), &["template", "metorial-operator"]);
    template
        .arg("--values")
        .arg(chart.join("ci/everything-values.yaml"));
    let rendered = succeed(template).await;
    let known = words(&filled_metrics(Format::Prometheus), "metorial_operator_");
    let named = words(&rendered, "metorial_operator_");
    assert!(named.len() > 5, "{named:?}");
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?} is not among {known:?}");

    for reason in Reason::ALL {
        let alerted = words(&rendered, "").contains(reason.as_str());
        let person = reason.class() == Class::NeedsPerson;
        assert!(alerted || !person, "nobody is alerted about {reason}");
    }
    let dashboard = std::fs::read_to_string(chart.join("files/dashboard.json")).unwrap();
    serde_json::from_str::<Value>(&dashboard).unwrap();
}

/// The chart's rules for Prometheus, with these values.
async fn rules(values: &[&str]) -> Vec<Value> {
    let plane = tokio::task::spawn_blocking(ControlPlane::shared);
    let mut template = helm_chart(plane.await.unwrap(), &["template", "metorial-operator"]);
    template.args(["--show-only", "templates/prometheusrule.yaml"]);
    for value in ["metrics.prometheusRule.enabled=true"].iter().chain(values) {
        template.args(["--set", value]);
    }
    let rendered = succeed(template).await;
    let mut documents = serde_yaml_ng::Deserializer::from_str(&rendered);
    let rule = Value::deserialize(documents.next().unwrap()).unwrap();
    rule["spec"]["groups"][0]["rules"]
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn every_alert_points_to_its_section_of_the_documentation() {
    let default = "https://github.com/metorial/metorial-operator/blob/main/docs/troubleshooting.md";
    let own = "https://runbooks.example/metorial";
    let set = format!("metrics.prometheusRule.runbookUrl={own}");
    for (values, page) in [(vec![], default), (vec![set.as_str()], own)] {
        let rules = rules(&values).await;
        assert!(rules.len() > 5);
        for rule in rules {
            let anchor = rule["alert"].as_str().unwrap().to_lowercase();
            let expected = format!("{page}#{anchor}");
            assert_eq!(rule["annotations"]["runbook_url"], expected);
        }
    }
}

#[tokio::test]
async fn the_alert_that_names_a_resource_needs_kube_state_metrics() {
    let named = |rules: &[Value]| {
        let mut rules = rules.iter();
        rules.any(|rule| rule["alert"] == "MetorialResourceStalled")
    };
    assert!(!named(&rules(&[]).await));
    assert!(named(
        &rules(&["metrics.kubeStateMetrics.enabled=true"]).await
    ));
}

/// The schema at a path of fields; `None` where there is none.
fn schema_at<'a>(schema: &'a Value, path: &[Value]) -> Option<&'a Value> {
    let mut at = schema;
    for field in path {
        at = &at["properties"][field.as_str()?];
    }
    (!at.is_null()).then_some(at)
}

#[test]
fn kube_state_metrics_reads_fields_that_the_definitions_have() {
    let chart = chart();
    let text = std::fs::read_to_string(chart.join("files/kube-state-metrics.yaml")).unwrap();
    let config: Value = serde_yaml_ng::from_str(&text).unwrap();
    assert_eq!(config["kind"], "CustomResourceStateMetrics");
    let resources = &config["spec"]["resources"][0];
    let all = serde_json::json!({"group": "metorial.com", "version": "*", "kind": "*"});
    assert_eq!(resources["groupVersionKind"], all);
    let mut schemas = Vec::new();
    for definition in definitions() {
        let definition = serde_json::to_value(definition).unwrap();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schemas.push(schema["properties"]["status"].clone());
    }
    for metric in resources["metrics"].as_array().unwrap() {
        let info = &metric["each"]["info"];
        let none = Vec::new();
        let list = info["path"].as_array().unwrap_or(&none);
        for (label, path) in info["labelsFromPath"].as_object().unwrap() {
            let path = path.as_array().unwrap();
            let found = schemas.iter().filter(|status| match list.as_slice() {
                [] => schema_at(status, &path[1..]).is_some(),
                [_, fields @ ..] => {
                    let items = schema_at(status, fields).map(|it| &it["items"]);
                    items.and_then(|it| schema_at(it, path)).is_some()
                }
            });
            // A connection has no object at Metorial.
            let least = if list.is_empty() { 1 } else { schemas.len() };
            assert!(found.count() >= least, "{label} of {}", metric["name"]);
        }
    }
}
