//! What holds for every schema, and the rules that admission checks, without an API server.

mod records;

use super::definitions;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::cel::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

fn schema_of(definition: &CustomResourceDefinition) -> Value {
    let schema = definition.spec.versions[0].schema.as_ref().unwrap();
    serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap()
}

static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let schema = |it: CustomResourceDefinition| (it.spec.names.kind.clone(), schema_of(&it));
    definitions().into_iter().map(schema).collect()
});

fn schema(kind: &str) -> &'static Value {
    &SCHEMAS[kind]
}

/// Calls `look` with every schema under `part` (`spec` or `status`) of every kind, and with its path.
fn everywhere(part: &str, mut look: impl FnMut(&str, &Value)) {
    for (kind, schema) in SCHEMAS.iter() {
        let path = format!("{kind}.{part}");
        walk(&schema["properties"][part], &path, &mut look);
    }
}

fn walk(schema: &Value, path: &str, look: &mut impl FnMut(&str, &Value)) {
    look(path, schema);
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        walk(of, &format!("{path}.{name}"), look);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&schema[key], &format!("{path}{mark}"), look);
        }
    }
}

#[test]
fn what_is_stored_is_what_was_applied() {
    for part in ["spec", "status"] {
        everywhere(part, |path, schema| {
            assert!(schema.get("default").is_none(), "{path} has a default");
            assert!(schema.get("nullable").is_none(), "{path} stores a null");
        });
    }
}

#[test]
fn every_text_list_map_and_number_that_users_write_is_bounded() {
    everywhere("spec", |path, schema| {
        let has = |key: &str| schema.get(key).is_some();
        let free = schema["x-kubernetes-preserve-unknown-fields"] == true;
        let bounded = match schema["type"].as_str().unwrap() {
            "string" => has("enum") || has("maxLength"),
            "array" => has("maxItems"),
            "integer" | "number" => has("minimum") && has("maximum"),
            // Nothing can be under `kubernetes` at all.
            "object" if free && path.ends_with(".metadata.kubernetes") => true,
            "object" if free || has("additionalProperties") => has("maxProperties"),
            _ => true,
        };
        assert!(bounded, "{path} has no bound");
    });
}

#[test]
fn every_field_says_what_it_is_for() {
    for part in ["spec", "status"] {
        everywhere(part, |path, schema| {
            let inside = path.ends_with("[]") || path.ends_with("{}");
            let said = schema["description"].as_str().unwrap_or_default();
            assert!(inside || said.len() >= 4, "{path} has no description");
        });
    }
}

#[test]
fn only_a_cluster_connection_refers_to_another_namespace() {
    let mut found = BTreeSet::new();
    everywhere("spec", |path, _| {
        let last = path.rsplit('.').next().unwrap_or_default();
        if last.to_lowercase().contains("namespace") {
            found.insert(path.to_owned());
        }
    });
    let expected = [
        "ClusterConnection.spec.allowedNamespaces",
        "ClusterConnection.spec.apiKey.secretKeyRef.namespace",
        "ClusterConnection.spec.caBundle.configMapKeyRef.namespace",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn secrets_are_referred_to_and_never_written_into_a_manifest() {
    for (kind, path) in [
        ("Connection", "/properties/spec/properties/apiKey"),
        ("ClusterConnection", "/properties/spec/properties/apiKey"),
        (
            "ProviderAuthCredentials",
            "/properties/spec/properties/oauth/properties/clientSecret",
        ),
    ] {
        let schema = schema(kind);
        let of = schema.pointer(path).unwrap();
        let forms: Vec<&String> = of["properties"].as_object().unwrap().keys().collect();
        assert_eq!(forms, ["secretKeyRef"], "{kind}");
        assert_eq!(of["required"], json!(["secretKeyRef"]), "{kind}");
    }
}

#[test]
fn kinds_are_found_under_the_names_that_the_documentation_promises() {
    let told = definitions().into_iter().map(|definition| {
        let (spec, names) = (&definition.spec, &definition.spec.names);
        assert_eq!(
            (spec.group.as_str(), spec.versions[0].name.as_str()),
            ("metorial.com", "v1alpha1")
        );
        assert_eq!(names.categories, Some(vec!["metorial".to_owned()]));
        let short = names.short_names.clone().unwrap_or_default().join(" ");
        let columns = spec.versions[0].additional_printer_columns.iter().flatten();
        let columns: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
        format!(
            "{} {} {short}: {}",
            spec.scope,
            names.kind,
            columns.join(" ")
        )
    });
    let expected = [
        "Namespaced Connection mconn: Ready Reason Instance Type Age",
        "Cluster ClusterConnection mcconn: Ready Reason Instance Type Age",
        "Namespaced ProviderAuthCredentials pacred: Ready Reason Id Provider Age",
        "Namespaced ProviderAuthConfig paconf: Ready Reason Id Type Age",
        "Namespaced ProviderConfig pconf: Ready Reason Id Provider Age",
        "Namespaced ProviderConfigVault pvault: Ready Reason Id Provider Age",
        "Namespaced AuthImport aimport: Ready Reason Id Import Age",
        "Namespaced AuthExport aexport: Ready Reason Id Secret Exported Age",
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
}

/// Names, ids and keys are plain segments of a path, whatever a user writes.
#[test]
fn every_name_and_id_that_a_request_may_carry_has_a_pattern() {
    everywhere("spec", |path, schema| {
        let last = path.rsplit('.').next().unwrap_or_default();
        let free = path.split('.').count() == 3 && last == "name";
        let id = last == "id" || last.ends_with("Id") || last.ends_with("namespace");
        let reference = path.contains("Ref.") && ["name", "key"].contains(&last);
        let target = path.ends_with("secret.name") || path.ends_with("configMap.name");
        if (id || reference || target) && !free && schema["type"] == "string" {
            assert!(schema["pattern"].is_string(), "{path} has no pattern");
        }
    });
}

/// A spec, the one before it, and the messages that admission gives.
type Case = (&'static str, Value, Option<Value>, &'static [&'static str]);

const OBSERVE: &str = "mode Observe looks at an existing object: name it in adopt.id";
const PROVIDER: &str = "providerId can't be changed: create a new resource for another provider";
const METADATA: &str = "metadata.kubernetes is the operator's own key: use another key";
const SOURCE: &str = "set exactly one of value, configMapKeyRef and secretKeyRef";
const CASCADE: &str =
    "Cascade is a choice for one object: a connection's default is Delete or Orphan";
const INTERVAL: &str = "must be between 1m and 24h";

fn with(change: Value) -> Value {
    let mut spec = json!({"providerId": "github"});
    if let (Value::Object(spec), Value::Object(change)) = (&mut spec, change) {
        spec.extend(change);
    }
    spec
}

fn cases() -> Vec<Case> {
    [
        of_credentials(),
        of_intervals(),
        of_connections(),
        of_values(),
        of_configs(),
        records::cases(),
    ]
    .concat()
}

fn of_credentials() -> Vec<Case> {
    let key = json!({"name": "a", "key": "b"});
    let id = |source: Value| json!({"oauth": {"clientId": source}});
    let adopt = json!({"id": "par_1"});
    let cases = [
        (with(json!({})), None, &[][..]),
        (with(json!({"mode": "Enforce"})), None, &[]),
        (with(json!({"mode": "Observe"})), None, &[OBSERVE]),
        (with(json!({"mode": "Observe", "adopt": adopt})), None, &[]),
        (with(json!({"name": "x"})), Some(with(json!({}))), &[]),
        (
            with(json!({"providerId": "x"})),
            Some(with(json!({}))),
            &[PROVIDER],
        ),
        (with(json!({"metadata": {"team": "a"}})), None, &[]),
        (
            with(json!({"metadata": {"kubernetes": {}}})),
            None,
            &[METADATA],
        ),
        (id(json!({"value": "a"})), None, &[]),
        (id(json!({"secretKeyRef": key})), None, &[]),
        (id(json!({"configMapKeyRef": key})), None, &[]),
        (id(json!({})), None, &[SOURCE]),
        (
            id(json!({"value": "a", "secretKeyRef": key})),
            None,
            &[SOURCE],
        ),
        (
            id(json!({"configMapKeyRef": key, "secretKeyRef": key})),
            None,
            &[SOURCE],
        ),
    ];
    let of = |(spec, before, messages)| ("ProviderAuthCredentials", spec, before, messages);
    cases.into_iter().map(of).collect()
}

fn of_intervals() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (text, messages) in [
        ("1m", &[][..]),
        ("24h", &[]),
        ("1h30m", &[]),
        ("90s", &[]),
        ("59s", &[INTERVAL]),
        ("24h1s", &[INTERVAL]),
        ("0s", &[INTERVAL]),
    ] {
        let of = |kind, spec| (kind, spec, None, messages);
        let (defaults, after) = (json!({"interval": text}), json!({"after": text}));
        cases.push(of(
            "ProviderAuthCredentials",
            with(json!({"interval": text})),
        ));
        cases.push(of("Connection", json!({"defaults": defaults})));
        cases.push(of("ClusterConnection", json!({"onUnreachable": after})));
        cases.push(of("Connection", json!({"rateLimit": {"per": text}})));
    }
    cases
}

fn of_connections() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for kind in ["Connection", "ClusterConnection"] {
        let of = |policy: &str, messages| {
            let spec = json!({"defaults": {"deletionPolicy": policy}});
            (kind, spec, None, messages)
        };
        cases.push(of("Delete", &[][..]));
        cases.push(of("Orphan", &[]));
        cases.push(of("Cascade", &[CASCADE]));
    }
    cases
}

/// Cases of creates of one kind.
fn made(kind: &'static str, cases: Vec<(Value, &'static [&'static str])>) -> Vec<Case> {
    let case = |(spec, messages)| (kind, spec, None, messages);
    cases.into_iter().map(case).collect()
}

fn of_values() -> Vec<Case> {
    let key = json!({"name": "a", "key": "b"});
    let part = |part: Value| json!({"value": {"from": [part]}});
    let (method, deployment, part_of, whole) = (
        &["authMethodId can't be changed: create a new resource for another method"],
        &["deploymentId can't be changed: create a new resource for another deployment"],
        &["set exactly one of secretKeyRef and configMapKeyRef"],
        &["the pointer '' is the whole value: it needs format Json"],
    );
    let of = |id: &str| json!({"authMethodId": id});
    let deployed = json!({"authMethodId": "m", "deploymentId": "d"});
    let kind = "ProviderAuthConfig";
    let changes: [Case; 3] = [
        (kind, of("m"), Some(of("m")), &[]),
        (kind, of("n"), Some(of("m")), method),
        (kind, deployed, Some(of("m")), deployment),
    ];
    let vaults = vec![
        (json!({"value": {"literal": {}}}), &[][..]),
        (json!({"value": {}}), &["set literal, from, or both"]),
        (part(json!({"pointer": "/a", "secretKeyRef": key})), &[]),
        (part(json!({"pointer": "/a"})), part_of),
        (part(json!({"pointer": "", "secretKeyRef": key})), whole),
        (json!({"replaceGrace": "0s"}), &[]),
        (json!({"replaceGrace": "25h"}), &["must be at most 24h"]),
    ];
    [changes.to_vec(), made("ProviderConfigVault", vaults)].concat()
}

fn of_configs() -> Vec<Case> {
    let filter = |filter: Value| json!({"toolFilters": [filter], "vaultId": "v"});
    let (one, keys, pattern, uris) = (
        &["set exactly one of value, vaultRef and vaultId"],
        &["keys goes with the types tool_keys and prompt_keys"],
        &["pattern goes with the types tool_regex, resource_regex and prompt_regex"],
        &["uris goes with the type resource_uris"],
    );
    let both = json!({"vaultId": "v", "value": {"literal": {}}});
    let cases = vec![
        (json!({"vaultId": "v"}), &[][..]),
        (both, one),
        (filter(json!({"type": "tool_keys", "keys": ["a"]})), &[]),
        (filter(json!({"type": "tool_keys"})), keys),
        (filter(json!({"type": "tool_regex"})), pattern),
        (filter(json!({"type": "resource_uris"})), uris),
    ];
    made("ProviderConfig", cases)
}

#[test]
fn every_rule_admits_what_is_right_and_says_what_to_do_about_the_rest() {
    let validator = Validator::new();
    for (kind, spec, before, expected) in cases() {
        let before = before.map(|spec| json!({"spec": spec}));
        let object = json!({"spec": spec});
        let answer = validator.validate(schema(kind), &object, before.as_ref());
        let errors = answer.err().map(|errors| errors.into_vec());
        let messages: Vec<String> = errors.into_iter().flatten().map(|it| it.message).collect();
        assert_eq!(messages, expected, "{kind} {spec}");
    }
}

#[test]
fn every_rule_has_a_message_and_a_case() {
    let mut messages = BTreeSet::new();
    everywhere("spec", |path, schema| {
        let rules = schema["x-kubernetes-validations"].as_array();
        for rule in rules.into_iter().flatten() {
            let message = rule["message"].as_str();
            messages.insert(
                message
                    .unwrap_or_else(|| panic!("{path}: {rule}"))
                    .to_owned(),
            );
        }
    });
    let told = cases().into_iter().flat_map(|case| case.3.iter());
    assert_eq!(messages, told.map(|&message| message.to_owned()).collect());
}
