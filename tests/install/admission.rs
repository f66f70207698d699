//! What the API server admits and what it refuses, and with which message.

use crate::admission_manifests::{changed, filled, wrong};
use crate::support::limits::{Broken, limits};
use crate::support::{Environment, Kind, Setup, connection, credentials, with};
use futures::{StreamExt, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DynamicObject, PostParams};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static DEFINITIONS: LazyLock<Vec<CustomResourceDefinition>> = LazyLock::new(definitions);

fn api(env: &Environment, kind: &str) -> Api<DynamicObject> {
    let (client, kind) = (env.client.clone(), Kind::named(kind));
    match kind {
        Kind::ClusterConnection => Api::all_with(client, &kind.resource()),
        _ => Api::namespaced_with(client, &env.namespace, &kind.resource()),
    }
}

/// What the API server says about a manifest, without storing it.
async fn judge(env: &Environment, manifest: &Value) -> Result<(), String> {
    let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
    let params = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let api = api(env, manifest["kind"].as_str().unwrap());
    match api.create(&params, &object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 422 => Err(status.message),
        Err(other) => panic!("{manifest}: {other}"),
    }
}

#[tokio::test]
async fn every_limit_of_every_field_is_kept() {
    let env = Environment::bare(Setup::default()).await;
    let filled = filled();
    for manifest in &filled {
        assert_eq!(judge(&env, manifest).await, Ok(()), "{manifest}");
    }
    let limits = limits(&DEFINITIONS, &filled);
    assert!(limits.len() > 200, "only {} limits", limits.len());
    let check = |broken: Broken| async {
        let Broken {
            field,
            limit,
            manifest,
        } = broken;
        let refusal = judge(&env, &manifest).await;
        let refusal = refusal.expect_err(&format!("{limit} is kept: {manifest}"));
        // A label of a selector is shown as `matchLabels[team]`, or as `matchLabels.team`.
        let path = |text: &str| text.replace('[', ".").replace(']', "");
        assert!(
            path(&refusal).contains(&path(&field)),
            "{} {field} {limit}: {refusal}",
            manifest["kind"]
        );
    };
    stream::iter(limits).for_each_concurrent(8, check).await;
}

#[tokio::test]
async fn every_rule_is_kept_and_says_what_to_do() {
    let env = Environment::bare(Setup::default()).await;
    let mut refused = BTreeSet::new();
    for (message, manifest) in wrong() {
        let refusal = judge(&env, &manifest).await.unwrap_err();
        assert!(refusal.contains(message), "{refusal}");
        refused.insert(message.to_owned());
    }
    for (message, before, after) in changed() {
        let kind = Kind::named(before["kind"].as_str().unwrap());
        let name = before["metadata"]["name"].as_str().unwrap().to_owned();
        env.apply(before).await;
        // Ids can be corrected until there is an object.
        env.resource(kind, &name)
            .edit_status(json!({"id": "x"}))
            .await;
        match env.try_apply(after).await {
            Err(kube::Error::Api(status)) => {
                assert!(status.message.contains(message), "{}", status.message);
            }
            other => panic!("{message}: {other:?}"),
        }
        refused.insert(message.to_owned());
    }
    assert_eq!(refused, messages(), "each rule's message");
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

/// Fields that somebody might try, and a manifest with each.
fn unknown() -> Vec<(&'static str, Value)> {
    let credentials = |change: Value| with(credentials("github"), json!({"spec": change}));
    let connection = |change: Value| {
        let manifest = connection("default", "https://a.example");
        with(manifest, json!({"spec": change}))
    };
    let reference = json!({"name": "a", "key": "b", "namespace": "kube-system"});
    vec![
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
            connection(json!({"apiKey": {"secretKeyRef": reference}})),
        ),
        (
            "spec.allowedNamespaces",
            connection(json!({"allowedNamespaces": {"names": ["a"]}})),
        ),
    ]
}

#[tokio::test]
async fn fields_that_nobody_knows_are_refused_by_kubectl_and_dropped_by_the_api_server() {
    let env = Environment::bare(Setup::default()).await;
    for (field, manifest) in unknown() {
        let refused = env
            .kubectl(
                &["create", "--validate=strict", "-f", "-"],
                &manifest.to_string(),
            )
            .await;
        let refusal = String::from_utf8_lossy(&refused.stderr);
        assert!(
            !refused.status.success() && refusal.contains("unknown field"),
            "{refusal}"
        );
        assert!(refusal.contains(field), "{refusal}");
        let args = [
            "create",
            "--validate=ignore",
            "--dry-run=server",
            "-o",
            "json",
            "-f",
            "-",
        ];
        let stored = env.kubectl(&args, &manifest.to_string()).await;
        let stored: Value = serde_json::from_slice(&stored.stdout).unwrap();
        let pointer = format!("/{}", field.replace('.', "/"));
        assert_eq!(stored.pointer(&pointer), None, "{field}");
    }
}

#[tokio::test]
async fn a_null_is_as_good_as_nothing() {
    let env = Environment::bare(Setup::default()).await;
    let mut manifest = credentials("github");
    for field in [
        "mode", "drift", "adopt", "interval", "metadata", "suspend", "name",
    ] {
        manifest["spec"][field] = Value::Null;
    }
    manifest["spec"]["oauth"]["clientId"]["value"] = Value::Null;
    let args = ["apply", "--validate=strict", "-o", "json", "-f", "-"];
    let applied = env.kubectl(&args, &manifest.to_string()).await;
    let refusal = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{refusal}");
    let stored: Value = serde_json::from_slice(&applied.stdout).unwrap();
    assert_eq!(stored["spec"], credentials("github")["spec"]);
}

#[tokio::test]
async fn what_is_stored_is_what_was_applied() {
    let env = Environment::bare(Setup::default()).await;
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
        credentials("least").into(),
        with(credentials("free"), metadata),
        with(credentials("long"), names),
        connection("least", "https://api.metorial.com").into(),
    ];
    for (number, mut manifest) in manifests.into_iter().chain(filled()).enumerate() {
        manifest["metadata"]["name"] = json!(format!("it-{number}"));
        let stored = env.apply(manifest.clone()).await;
        assert_eq!(stored.data["spec"], manifest["spec"]);
    }
}
