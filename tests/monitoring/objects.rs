//! Single resources in a Prometheus that scrapes the real kube-state-metrics: their conditions, their objects at Metorial, the
//! alert that names them and the panels that list them.

use crate::kube_state_metrics::{KubeStateMetrics, documented_values};
use crate::prometheus::{Labels, Prometheus, directory, impatient, rules, write};
use crate::support::{
    AllNamespaces, Canary, Environment, Kind, Manifest, Snapshot, auth_config, chart,
    check_no_canary, config, credentials, deployment, export, import_new, vault,
};
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every kind.
const ALL_KINDS: [Kind; 9] = [
    Kind::Deployment,
    Kind::Credentials,
    Kind::AuthConfig,
    Kind::Config,
    Kind::Vault,
    Kind::Import,
    Kind::Export,
    Kind::Connection,
    Kind::ClusterConnection,
];
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
        populate(&everywhere, &token).await;
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

    /// Prometheus has these conditions of a resource, each with its type, status and reason, and only these but for ReferencesResolved.
    async fn check_shown(&self, kind: Kind, name: &str, expected: &[(&str, &str, &str)]) {
        let kind = kind.name();
        let query = format!(
            "metorial_resource_condition{{customresource_kind=\"{kind}\",name=\"{name}\",type!=\"ReferencesResolved\"}}"
        );
        let found = self.prometheus.query(&query).await.unwrap();
        let found = found.iter().map(|(labels, _)| {
            let of = |label: &str| labels[label].as_str();
            (of("type"), of("status"), of("reason"))
        });
        let found: BTreeSet<_> = found.collect();
        assert_eq!(found, expected.iter().copied().collect(), "{kind} {name}");
    }

    /// No secret value was shown or logged, and neither program has anything to complain about.
    async fn check_ends_well(&self) {
        let env = self.env();
        let key = Canary::of("the API key", &env.key, "metorial_sk_");
        let client_secret = Canary::of("the client secret", &env.client_secret, "canary-");
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

    /// The names of the resources in the answer to a query, with their kinds.
    async fn found_by(&self, query: &str) -> BTreeSet<(String, String)> {
        let found = self.prometheus.query(query).await.unwrap().into_iter();
        let names = found.map(|(labels, _)| {
            let of = |label: &str| labels[label].clone();
            (of("customresource_kind"), of("name"))
        });
        names.collect()
    }
}

/// Applies the resources of a story and waits until each is as it is meant to be.
async fn populate(everywhere: &AllNamespaces, token: &Canary) {
    let env = &everywhere.home;
    env.apply_basics().await;
    env.value("token", &token.value).await;
    env.connect("ready", &env.key).await;
    env.connect("failing", "metorial_sk_0123456789abcdefghij")
        .await;
    let all = json!({"names": [env.namespace]});
    env.apply(everywhere.cluster_connection("ready", all)).await;
    let of_nobody = everywhere.cluster_connection("nobody", json!(null));
    env.apply(of_nobody).await;
    let key = json!({"secretKeyRef": {"name": "failing-key"}});
    let failing = everywhere.cluster_connection("failing", json!(null));
    env.apply(failing.spec(json!({"apiKey": key}))).await;
    for (kind, manifest) in Kind::REMOTE.into_iter().zip(manifests("ready")) {
        assert_eq!(manifest["kind"], kind.name());
        env.create(manifest).await;
        let nobody = json!({"connectionRef": {"kind": "ClusterConnection", "name": "nobody"}});
        env.apply(named(kind, "failing").spec(nobody)).await;
        env.apply(named(kind, "suspended").suspended()).await;
    }
    for kind in Kind::REMOTE {
        let failing = env.resource(kind, "failing");
        failing.wait_reason("NamespaceNotAllowed").await;
        let suspended = env.resource(kind, "suspended");
        suspended.wait_reason("Suspended").await;
    }
    for kind in [Kind::Connection, Kind::ClusterConnection] {
        env.resource(kind, "failing")
            .wait_reason("Unauthorized")
            .await;
    }
    for kind in [Kind::Connection, Kind::ClusterConnection] {
        env.resource(kind, "ready").wait_ready().await;
    }
}

/// A manifest of each kind with an object at Metorial, in the order of [`Kind::REMOTE`]: one can be made after the other.
fn manifests(name: &str) -> [Manifest; 7] {
    [
        deployment(name),
        credentials(name),
        auth_config(name),
        config(name),
        vault(name, "token"),
        import_new(name),
        export(name, "ready", &format!("exported-{name}")),
    ]
}

/// The manifest of one kind.
fn named(kind: Kind, name: &str) -> Manifest {
    let mut manifests = manifests(name).into_iter();
    let found = manifests.find(|manifest| manifest["kind"] == kind.name());
    found.unwrap()
}

/// All resources of all kinds.
async fn everything(env: &Environment) -> Vec<Snapshot> {
    let mut all = Vec::new();
    for kind in ALL_KINDS {
        let api: Api<DynamicObject> = Api::all_with(env.client.clone(), &kind.resource());
        let mut list = api.list(&ListParams::default()).await.unwrap();
        for object in &mut list.items {
            // A list names the kind of its items only once.
            object.types = Some(kube::api::TypeMeta {
                api_version: kind.resource().api_version,
                kind: kind.name().to_owned(),
            });
        }
        all.extend(list.items.into_iter().map(Snapshot));
    }
    all
}

/// Labels with these values, without those that are null.
fn labels(values: &Value) -> Labels {
    let values = values.as_object().unwrap().iter();
    let known = values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    known.collect()
}

/// The labels that say which resource a series is about.
fn identity(object: &Snapshot) -> Labels {
    labels(&json!({
        "customresource_group": "metorial.com",
        "customresource_version": "v1alpha1",
        "customresource_kind": object.types.as_ref().unwrap().kind,
        "namespace": object.metadata.namespace,
        "name": object.metadata.name,
    }))
}

/// The other labels of the series about its conditions.
fn conditions(object: &Snapshot) -> Vec<Labels> {
    let conditions = object.field("conditions").as_array();
    let all = conditions.into_iter().flatten().map(|condition| {
        let [type_, status, reason] = ["type", "status", "reason"].map(|name| &condition[name]);
        labels(&json!({"type": type_, "status": status, "reason": reason}))
    });
    all.collect()
}

/// The other labels of the series about its object at Metorial, if there is anything to say.
fn info(object: &Snapshot) -> Vec<Labels> {
    let [id, instance, connection] =
        ["id", "instanceId", "connection"].map(|name| object.field(name));
    let found = labels(&json!({
        "id": id, "instance_id": instance, "connection": connection,
    }));
    match found.is_empty() {
        true => Vec::new(),
        false => vec![found],
    }
}

#[tokio::test]
async fn a_prometheus_has_the_state_of_every_resource_until_it_is_deleted() {
    let mut story = Story::new().await;
    story.wait_up_to_date().await;
    for kind in ALL_KINDS {
        let reason = match kind {
            Kind::Connection | Kind::ClusterConnection => "Unauthorized",
            _ => "NamespaceNotAllowed",
        };
        story
            .check_shown(kind, "ready", &[("Ready", "True", "Synced")])
            .await;
        let stalled = [("Ready", "False", reason), ("Stalled", "True", reason)];
        story.check_shown(kind, "failing", &stalled).await;
    }
    for kind in Kind::REMOTE {
        story
            .check_shown(kind, "suspended", &[("Ready", "False", "Suspended")])
            .await;
        story.env().resource(kind, "failing").remove().await;
    }
    story.wait_up_to_date().await;
    let left = story
        .found_by("metorial_resource_condition{name=\"failing\"}")
        .await;
    let connections = [Kind::Connection, Kind::ClusterConnection];
    let connections = connections.map(|kind| (kind.name().to_owned(), "failing".to_owned()));
    assert_eq!(left, BTreeSet::from(connections));

    // What no operator has seen yet has no conditions, and another may be unknown.
    story.everywhere.home.stop_operator().await;
    let env = story.env();
    env.apply(credentials("unseen")).await;
    let unknown = json!({
        "type": "Ready", "status": "Unknown", "reason": "Tested", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    env.connection("ready")
        .edit_status(json!({"conditions": [unknown]}))
        .await;
    story.wait_up_to_date().await;
    story
        .check_shown(Kind::Connection, "ready", &[("Ready", "Unknown", "Tested")])
        .await;
    story.check_shown(Kind::Credentials, "unseen", &[]).await;
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
        let of_kind = |alert: &&Value| alert["labels"]["customresource_kind"] == kind.name();
        let alert = alerts.iter().find(of_kind).unwrap();
        assert_eq!(alert["labels"]["name"], "failing");
        let (place, reason) = match kind {
            Kind::ClusterConnection => (String::new(), "Unauthorized"),
            Kind::Connection => (format!("{}/", env.namespace), "Unauthorized"),
            _ => (format!("{}/", env.namespace), "NamespaceNotAllowed"),
        };
        let namespace = alert["labels"]["namespace"].as_str().unwrap_or_default();
        assert_eq!(namespace, place.trim_end_matches('/'));
        let summary = format!("{} {place}failing is stalled: {reason}.", kind.name());
        assert_eq!(alert["annotations"]["summary"], summary);
    }

    let [listed, counted] = panels();
    let failing = ALL_KINDS.map(|kind| (kind.name().to_owned(), "failing".to_owned()));
    let suspended = Kind::REMOTE.map(|kind| (kind.name().to_owned(), "suspended".to_owned()));
    let expected: BTreeSet<_> = failing.into_iter().chain(suspended).collect();
    assert_eq!(story.found_by(&listed).await, expected);
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
