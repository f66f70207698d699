//! The alerts and the dashboard of the chart name metrics and reasons that exist.

use crate::support::{Metrics, chart, fill_metrics, helm_chart, succeed};
use control_plane::ControlPlane;
use metorial_operator::resources::{Class, Reason};
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
    let metrics = Metrics::default();
    fill_metrics(&metrics);
    let known = words(&metrics.render(), "metorial_operator_");
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
