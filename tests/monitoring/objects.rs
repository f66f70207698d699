//! Single resources in a Prometheus that scrapes the real kube-state-metrics: their conditions, their objects at Metorial, the
//! alert that names them and the panels that list them.

use crate::kube_state_metrics::{KubeStateMetrics, documented_values};
use crate::prometheus::{Labels, Prometheus, directory, impatient, rules, write};
use crate::resources::{
    ALL_KINDS, CONNECTIONS, conditions, everything, identity, info, labels, populate,
    reason_of_failure,
};
use crate::support::{
    AllNamespaces, Canary, Environment, Kind, Snapshot, chart, check_no_canary, credentials,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The namespace of kube-state-metrics itself, as Prometheus knows it.
const MONITORING: &str = "monitoring";

/// Everything at work: the operator, kube-state-metrics and a Prometheus that scrapes it.
struct Story {
    everywhere: AllNamespaces,
    source: KubeStateMetrics,
    prometheus: Prometheus,
    /// A value of the user, which all kinds with a value send.
    token: Canary,
}

impl Story {
    /// In one namespace, a resource of each kind is ready, one can't become ready, and one is suspended where a kind allows it.
    async fn new() -> Self {
        let mut everywhere = AllNamespaces::new().await;
        let token = Canary::new("the token");
        everywhere.start_operator();
        let values = documented_values();
        let source = KubeStateMetrics::start(&everywhere.home, &values).await;
        populate(&everywhere, &token.value).await;
        let directory = directory();
        write(&directory, "rules.yaml", &impatient(rules(&[]).await));
        let labels = json!({"namespace": MONITORING});
        let target = json!({"targets": [source.address.to_string()], "labels": labels});
        let configuration = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{
                "job_name": "kube-state-metrics",
                "honor_labels": values["prometheus"]["monitor"]["http"]["honorLabels"],
                "static_configs": [target],
            }],
        });
        let prometheus = Prometheus::start(directory, &configuration).await;
        Self {
            everywhere,
            source,
            prometheus,
            token,
        }
    }

    fn env(&self) -> &Environment {
        &self.everywhere.home
    }

    /// Waits until Prometheus has, of a metric, the series that the API server's objects give, and no other.
    async fn wait_same(&self, metric: &str, of: impl Fn(&Snapshot) -> Vec<Labels>) {
        let env = self.env();
        env.until(&format!("{metric} is as the resources are"), async || {
            let shown = self.shown(metric).await?;
            let mut there = BTreeSet::new();
            for object in everything(env).await {
                let common = identity(&object);
                let series = of(&object).into_iter();
                there.extend(
                    series.map(|labels| common.clone().into_iter().chain(labels).collect()),
                );
            }
            (shown == there).then_some(())
        })
        .await;
    }

    /// The series of a metric that Prometheus has now, all of which have to be 1, but for the labels of the target.
    async fn shown(&self, metric: &str) -> Option<BTreeSet<Labels>> {
        let found = self.prometheus.query(metric).await?.into_iter();
        let series = found.map(|(mut labels, value)| {
            assert_eq!(value, 1.0, "{labels:?}");
            assert_eq!(labels.remove("job").as_deref(), Some("kube-state-metrics"));
            assert_eq!(
                labels.remove("instance"),
                Some(self.source.address.to_string())
            );
            assert_eq!(labels.remove("__name__").as_deref(), Some(metric));
            labels
        });
        Some(series.collect())
    }

    /// Waits until Prometheus is up to date about all resources.
    async fn wait_up_to_date(&self) {
        self.wait_same("metorial_resource_condition", conditions)
            .await;
        self.wait_same("metorial_resource_info", info).await;
    }

    /// Waits until Prometheus has these conditions of a resource, each with its type, status and reason, and no other but
    /// `ReferencesResolved`.
    async fn wait_shown(&self, kind: Kind, name: &str, expected: &[(&str, &str, &str)]) {
        let kind = kind.name();
        let query = format!(
            "metorial_resource_condition{{customresource_kind=\"{kind}\",name=\"{name}\",type!=\"ReferencesResolved\"}}"
        );
        let expected: BTreeSet<_> = expected.iter().copied().collect();
        let what = format!("{kind} {name} is shown with {expected:?}");
        self.env()
            .until(&what, async || {
                let found = self.prometheus.query(&query).await?;
                let found = found.iter().map(|(labels, _)| {
                    let of = |label: &str| labels[label].as_str();
                    (of("type"), of("status"), of("reason"))
                });
                (found.collect::<BTreeSet<_>>() == expected).then_some(())
            })
            .await;
    }

    /// Waits until a query finds, of these kinds, the resources with these names, and no other.
    async fn wait_found(&self, query: &str, expected: &[(&[Kind], &str)]) {
        let expected = expected.iter().flat_map(|(kinds, name)| {
            let named = |kind: &Kind| (kind.name().to_owned(), (*name).to_owned());
            kinds.iter().map(named)
        });
        let expected: BTreeSet<_> = expected.collect();
        let what = format!("{query} finds {expected:?}");
        self.env()
            .until(&what, async || {
                let found = self.prometheus.query(query).await?.into_iter();
                let found = found.map(|(mut labels, _)| {
                    let mut of = |label: &str| labels.remove(label).unwrap();
                    (of("customresource_kind"), of("name"))
                });
                (found.collect::<BTreeSet<_>>() == expected).then_some(())
            })
            .await;
    }

    /// No secret value was shown or logged, and neither program has anything to complain about.
    async fn check_ends_well(&self) {
        let env = self.env();
        let key = Canary::of("the API key", &env.key, "metorial_sk_");
        let client_secret = Canary::of(
            "the client secret",
            &env.client_secret,
            "canary-client-secret-",
        );
        let canaries = [&self.token, &key, &client_secret];
        let page = self.source.page().await;
        assert!(page.contains("metorial_resource_condition"));
        check_no_canary("the page of kube-state-metrics", &page, &canaries);
        check_no_canary(
            "the log of kube-state-metrics",
            &self.source.log(),
            &canaries,
        );
        self.source.check_log();
        self.prometheus.check_log();
    }
}

#[tokio::test]
async fn a_prometheus_has_the_state_of_every_resource_until_it_is_deleted() {
    let mut story = Story::new().await;
    story.wait_up_to_date().await;
    for kind in ALL_KINDS {
        let reason = reason_of_failure(kind);
        let stalled = [("Ready", "False", reason), ("Stalled", "True", reason)];
        let ready = [("Ready", "True", "Synced")];
        story.wait_shown(kind, "ready", &ready).await;
        story.wait_shown(kind, "failing", &stalled).await;
    }
    let of_ready = "metorial_resource_info{name=\"ready\",id!=\"\",instance_id!=\"\"}";
    story
        .wait_found(of_ready, &[(&Kind::REMOTE, "ready")])
        .await;

    for kind in Kind::REMOTE {
        let suspended = [("Ready", "False", "Suspended")];
        story.wait_shown(kind, "suspended", &suspended).await;
        story.env().resource(kind, "failing").remove().await;
    }
    let of_failing = "metorial_resource_condition{name=\"failing\"}";
    let left: [(&[Kind], &str); 1] = [(&CONNECTIONS, "failing")];
    story.wait_found(of_failing, &left).await;
    story.wait_up_to_date().await;

    // What no operator has seen yet has no conditions, and another may be unknown.
    story.everywhere.home.stop_operator().await;
    let env = story.env();
    env.apply(credentials("unseen")).await;
    let unknown = json!({
        "type": "Ready", "status": "Unknown", "reason": "Tested", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let status = json!({"conditions": [unknown]});
    env.connection("ready").edit_status(status).await;
    let unknown = [("Ready", "Unknown", "Tested")];
    story.wait_shown(Kind::Connection, "ready", &unknown).await;
    story.wait_shown(Kind::Credentials, "unseen", &[]).await;
    story.wait_up_to_date().await;
    story.check_ends_well().await;
}

#[tokio::test]
async fn an_alert_and_two_panels_name_the_resources_that_need_a_person() {
    let story = Story::new().await;
    let env = story.env();
    story.wait_up_to_date().await;
    let alerts = env.until("an alert about each kind fires", async || {
        let firing = story.prometheus.firing("MetorialResourceStalled").await?;
        (firing.len() == ALL_KINDS.len()).then_some(firing)
    });
    let alerts = alerts.await;
    for kind in ALL_KINDS {
        let (kind_name, reason) = (kind.name(), reason_of_failure(kind));
        let of_kind = |alert: &&Value| alert["labels"]["customresource_kind"] == kind_name;
        let alert = alerts.iter().find(of_kind).unwrap();
        let in_namespace = kind != Kind::ClusterConnection;
        let namespace = in_namespace.then_some(env.namespace.as_str());
        let place = namespace.map(|name| format!("{name}/")).unwrap_or_default();
        assert_eq!(alert["labels"]["name"], "failing");
        assert_eq!(alert["labels"]["namespace"].as_str(), namespace);
        let summary = format!("{kind_name} {place}failing is stalled: {reason}.");
        assert_eq!(alert["annotations"]["summary"], summary);
    }

    let [listed, counted] = panels();
    let not_ready: [(&[Kind], &str); 2] = [(&ALL_KINDS, "failing"), (&Kind::REMOTE, "suspended")];
    story.wait_found(&listed, &not_ready).await;
    let counted = story.prometheus.query(&counted).await.unwrap();
    let here = labels(&json!({"namespace": env.namespace}));
    let expected = BTreeMap::from([(here, 8.0), (Labels::new(), 1.0)]);
    assert_eq!(counted.into_iter().collect::<BTreeMap<_, _>>(), expected);
    story.check_ends_well().await;
}

/// The queries of the dashboard about single resources.
fn panels() -> [String; 2] {
    let text = std::fs::read_to_string(chart().join("files/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let queries = panels.filter_map(|panel| panel["targets"][0]["expr"].as_str());
    let about_resources = queries.filter(|query| query.contains("metorial_resource_"));
    let found: Vec<String> = about_resources.map(str::to_owned).collect();
    found.try_into().unwrap()
}
