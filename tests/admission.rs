//! What the API server admits and what it refuses, and with which words.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

mod support;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ApiResource, DynamicObject, PostParams};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use support::limits::limits;
use support::{Setup, World, connection, credentials, with};

fn definition(kind: &str) -> CustomResourceDefinition {
    let mut all = definitions().into_iter();
    all.find(|it| it.spec.names.kind == kind).unwrap()
}

fn api(world: &World, kind: &str) -> Api<DynamicObject> {
    let definition = definition(kind);
    let resource = ApiResource {
        group: "metorial.com".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "metorial.com/v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural: definition.spec.names.plural,
    };
    match definition.spec.scope.as_str() {
        "Cluster" => Api::all_with(world.client.clone(), &resource),
        _ => Api::namespaced_with(world.client.clone(), &world.namespace, &resource),
    }
}

/// What the API server says about a manifest, without storing it.
async fn judge(world: &World, manifest: &Value) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let api = api(world, manifest["kind"].as_str().unwrap());
    match api.create(&params, &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 422 => Err(status.message),
        Err(other) => panic!("{manifest}: {other}"),
    }
}

fn cluster_connection() -> Value {
    let secret = json!({"namespace": "metorial-system", "name": "metorial", "key": "api-key"});
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ClusterConnection",
        "metadata": {"name": "default"},
        "spec": {"apiKey": {"secretKeyRef": secret}}
    })
}

/// Good manifests that together fill every field of every kind.
fn filled() -> Vec<Value> {
    let key = json!({"name": "a", "key": "b"});
    let foreign = json!({"namespace": "a", "name": "a", "key": "b"});
    let common = json!({"spec": {
        "baseUrl": "https://api.metorial.com",
        "instance": {"id": "ins_1", "type": "production"},
        "rateLimit": {"requests": 100, "per": "10m"},
        "defaults": {"interval": "10m", "deletionPolicy": "Orphan", "drift": "Report"},
        "onUnreachable": {"policy": "OrphanAfter", "after": "1h"}
    }});
    let selector = json!({
        "matchLabels": {"team": "a"},
        "matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]
    });
    let credentials = with(
        credentials("github"),
        json!({"spec": {
            "connectionRef": {"kind": "ClusterConnection", "name": "default"},
            "name": "GitHub",
            "description": "Our app",
            "metadata": {"team": "a"},
            "mode": "Observe",
            "deletionPolicy": "Cascade",
            "drift": "Report",
            "interval": "10m",
            "suspend": true,
            "adopt": {"id": "par_1", "policy": "Override"},
            "publish": {"configMap": {"name": "github"}}
        }}),
    );
    let id = |source: Value| {
        let mut manifest = credentials.clone();
        manifest["spec"]["oauth"]["clientId"] = source;
        manifest
    };
    vec![
        with(
            with(connection("default", ""), common.clone()),
            json!({"spec": {"caBundle": {"configMapKeyRef": key}}}),
        ),
        with(
            with(cluster_connection(), common),
            json!({"spec": {
                "caBundle": {"configMapKeyRef": foreign},
                "allowedNamespaces": {"names": ["a"], "selector": selector}
            }}),
        ),
        id(json!({"value": "Iv1.1"})),
        id(json!({"configMapKeyRef": key})),
        credentials,
    ]
}

#[tokio::test]
async fn every_limit_of_every_field_is_kept() {
    let world = World::bare(Setup::default()).await;
    let filled = filled();
    for manifest in &filled {
        assert_eq!(judge(&world, manifest).await, Ok(()), "{manifest}");
    }
    for definition in definitions() {
        let kind = json!(definition.spec.names.kind);
        let of_kind = filled.iter().filter(|it| it["kind"] == kind).cloned();
        let limits = limits(&definition, &of_kind.collect::<Vec<_>>());
        assert!(limits.len() > 40, "only {} limits of {kind}", limits.len());
        for broken in limits {
            let said = judge(&world, &broken.manifest).await;
            let said = said.expect_err(&format!("{} is kept: {}", broken.limit, broken.manifest));
            let (field, limit) = (&broken.field, &broken.limit);
            assert!(said.contains(field), "{kind} {field} {limit}: {said}");
        }
    }
}

/// What admission says, and a manifest that it says it about.
fn wrong() -> Vec<(&'static str, Value)> {
    let source = "set exactly one of value, configMapKeyRef and secretKeyRef";
    let spec = |change: Value| with(credentials("github"), json!({"spec": change}));
    let of = |change: Value| {
        with(
            connection("default", "https://a.example"),
            json!({"spec": change}),
        )
    };
    let mut unset = credentials("github");
    unset["spec"]["oauth"]["clientId"] = json!({});
    vec![
        (source, spec(json!({"oauth": {"clientId": {"value": "a"}}}))),
        (source, unset),
        (
            "mode Observe looks at an existing object: name it in adopt.id",
            spec(json!({"mode": "Observe"})),
        ),
        (
            "metadata.kubernetes is the operator's own key: use another key",
            spec(json!({"metadata": {"kubernetes": {"uid": "mine"}}})),
        ),
        (
            "must be between 1m and 24h",
            spec(json!({"interval": "59s"})),
        ),
        (
            "must be between 1m and 24h",
            spec(json!({"interval": "25h"})),
        ),
        (
            "Cascade is a choice for one object: a connection's default is Delete or Orphan",
            of(json!({"defaults": {"deletionPolicy": "Cascade"}})),
        ),
    ]
}

#[tokio::test]
async fn every_rule_is_kept_and_says_what_to_do() {
    let world = World::bare(Setup::default()).await;
    let mut told = BTreeSet::new();
    for (message, manifest) in wrong() {
        let said = judge(&world, &manifest).await.unwrap_err();
        assert!(said.contains(message), "{said}");
        told.insert(message.to_owned());
    }
    world.apply(credentials("github")).await;
    let message = "providerId can't be changed: create a new resource for another provider";
    let other = with(credentials("github"), json!({"spec": {"providerId": "x"}}));
    match world.try_apply(other).await {
        Err(kube::Error::Api(status)) => {
            assert!(status.message.contains(message), "{}", status.message);
        }
        other => panic!("{other:?}"),
    }
    told.insert(message.to_owned());
    assert_eq!(told, messages(), "each rule's message");
}

/// The messages of all rules in the definitions.
fn messages() -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        for rule in value["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            into.insert(rule["message"].as_str().unwrap().to_owned());
        }
        match value {
            Value::Object(members) => members.values().for_each(|value| collect(value, into)),
            Value::Array(items) => items.iter().for_each(|value| collect(value, into)),
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    collect(&serde_json::to_value(definitions()).unwrap(), &mut all);
    all
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused_by_kubectl_and_dropped_by_the_api_server() {
    let world = World::bare(Setup::default()).await;
    let credentials = |change: Value| with(credentials("github"), json!({"spec": change}));
    let reference = json!({"name": "a", "key": "b", "namespace": "kube-system"});
    for (field, manifest) in [
        (
            "spec.clientSecret",
            credentials(json!({"clientSecret": "x"})),
        ),
        (
            "spec.oauth.clientSecret.value",
            credentials(json!({"oauth": {"clientSecret": {"value": "x"}}})),
        ),
        (
            "spec.oauth.clientSecret.secretKeyRef.namespace",
            credentials(json!({"oauth": {"clientSecret": {"secretKeyRef": reference}}})),
        ),
        (
            "spec.connectionRef.namespace",
            credentials(json!({"connectionRef": {"name": "a", "namespace": "b"}})),
        ),
        (
            "spec.apiKey.secretKeyRef.namespace",
            with(
                connection("default", "https://a.example"),
                json!({"spec": {"apiKey": {"secretKeyRef": reference}}}),
            ),
        ),
        (
            "spec.allowedNamespaces",
            with(
                connection("default", "https://a.example"),
                json!({"spec": {"allowedNamespaces": {"names": ["a"]}}}),
            ),
        ),
    ] {
        let refused = world
            .kubectl(
                &["create", "--validate=strict", "-f", "-"],
                &manifest.to_string(),
            )
            .await;
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(
            !refused.status.success() && said.contains("unknown field"),
            "{said}"
        );
        assert!(said.contains(field), "{said}");
        let args = [
            "create",
            "--validate=ignore",
            "--dry-run=server",
            "-o",
            "json",
            "-f",
            "-",
        ];
        let stored = world.kubectl(&args, &manifest.to_string()).await;
        let stored: Value = serde_json::from_slice(&stored.stdout).unwrap();
        let pointer = format!("/{}", field.replace('.', "/"));
        assert_eq!(stored.pointer(&pointer), None, "{field}");
    }
}

#[tokio::test]
async fn a_null_is_as_good_as_nothing() {
    let world = World::bare(Setup::default()).await;
    let mut manifest = credentials("github");
    for field in [
        "mode", "drift", "adopt", "interval", "metadata", "suspend", "name",
    ] {
        manifest["spec"][field] = Value::Null;
    }
    manifest["spec"]["oauth"]["clientId"]["value"] = Value::Null;
    let args = ["apply", "--validate=strict", "-o", "json", "-f", "-"];
    let applied = world.kubectl(&args, &manifest.to_string()).await;
    let said = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{said}");
    let stored: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert_eq!(stored["spec"], credentials("github")["spec"]);
}

#[tokio::test]
async fn what_is_stored_is_what_was_applied() {
    let world = World::bare(Setup::default()).await;
    let long = "a".repeat(253);
    let free =
        json!({"deep": {"list": [1, {"x": null}], "big": 9007199254740991i64}, "ä ö": "?#../"});
    let metadata = json!({"spec": {"metadata": free}});
    let names = json!({"spec": {
        "publish": {"configMap": {"name": long}},
        "oauth": {"clientSecret": {"secretKeyRef": {"name": long, "key": long}}},
        "providerId": "@acme/git.hub:v1"
    }});
    let manifests = [
        credentials("least"),
        with(credentials("free"), metadata),
        with(credentials("long"), names),
        connection("least", "https://api.metorial.com"),
    ];
    for manifest in manifests.into_iter().chain(filled()) {
        let stored = world.apply(manifest.clone()).await;
        assert_eq!(stored.data["spec"], manifest["spec"]);
    }
    api(&world, "ClusterConnection")
        .delete("default", &Default::default())
        .await
        .unwrap();
}
