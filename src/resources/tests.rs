//! What holds for every schema, and the rules that admission checks, without an API server.

use super::definitions;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::cel::Validator;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn schema_of(definition: &CustomResourceDefinition) -> Value {
    let schema = definition.spec.versions[0].schema.as_ref().unwrap();
    serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap()
}

fn schema(kind: &str) -> Value {
    let all = definitions();
    let of = all.iter().find(|it| it.spec.names.kind == kind).unwrap();
    schema_of(of)
}

/// Calls `look` with every schema under `part` (`spec` or `status`) of every kind, and with its path.
fn everywhere(part: &str, mut look: impl FnMut(&str, &Value)) {
    for definition in definitions() {
        let schema = schema_of(&definition);
        let path = format!("{}.{part}", definition.spec.names.kind);
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
    let names: Vec<_> = definitions()
        .into_iter()
        .map(|definition| {
            let columns = definition.spec.versions[0]
                .additional_printer_columns
                .clone();
            let columns = columns.unwrap_or_default().into_iter().map(|it| it.name);
            let (spec, names) = (&definition.spec, &definition.spec.names);
            assert_eq!(spec.group, "metorial.com");
            assert_eq!(spec.versions[0].name, "v1alpha1");
            assert_eq!(
                names.categories.as_deref(),
                Some(&["metorial".to_owned()][..])
            );
            let short = names.short_names.clone().unwrap_or_default().join(" ");
            let columns = columns.collect::<Vec<_>>().join(" ");
            (names.kind.clone(), short, spec.scope.clone(), columns)
        })
        .collect();
    let expected = [
        (
            "Connection",
            "mconn",
            "Namespaced",
            "Ready Reason Instance Type Age",
        ),
        (
            "ClusterConnection",
            "mcconn",
            "Cluster",
            "Ready Reason Instance Type Age",
        ),
        (
            "ProviderAuthCredentials",
            "pacred",
            "Namespaced",
            "Ready Reason Id Provider Age",
        ),
        (
            "ProviderAuthConfig",
            "paconf",
            "Namespaced",
            "Ready Reason Id Type Age",
        ),
        (
            "ProviderConfig",
            "pconf",
            "Namespaced",
            "Ready Reason Id Provider Age",
        ),
        (
            "ProviderConfigVault",
            "pvault",
            "Namespaced",
            "Ready Reason Id Provider Age",
        ),
        (
            "AuthImport",
            "aimport",
            "Namespaced",
            "Ready Reason Id Import Age",
        ),
        (
            "AuthExport",
            "aexport",
            "Namespaced",
            "Ready Reason Id Secret Exported Age",
        ),
    ];
    let expected = expected.map(|(a, b, c, d)| (a.into(), b.into(), c.into(), d.into()));
    assert_eq!(names, expected);
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
        of_other_kinds(),
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

fn of_other_kinds() -> Vec<Case> {
    let one = json!({"literal": {}});
    let key = json!({"name": "a", "key": "b"});
    let part = |part: Value| json!({"value": {"from": [part]}});
    let filter = |filter: Value| json!({"toolFilters": [filter], "value": one});
    let method = |id: &str| json!({"authMethodId": id, "value": one});
    let deployed = json!({"authMethodId": "m", "value": one, "deploymentId": "d"});
    let import = |change: Value| {
        let mut spec = json!({"note": "n", "value": one});
        spec.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        spec
    };
    let export = |change: Value| {
        let mut spec = json!({"note": "n", "secret": {"name": "s"}});
        spec.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        spec
    };
    let adopt = json!({"id": "pac_1"});
    vec![
        ("ProviderAuthConfig", method("m"), Some(method("m")), &[]),
        (
            "ProviderAuthConfig",
            method("n"),
            Some(method("m")),
            &["authMethodId can't be changed: create a new resource for another method"],
        ),
        (
            "ProviderAuthConfig",
            deployed,
            Some(method("m")),
            &["deploymentId can't be changed: create a new resource for another deployment"],
        ),
        (
            "ProviderConfigVault",
            json!({"value": {}}),
            None,
            &["set literal, from, or both"],
        ),
        (
            "ProviderConfigVault",
            part(json!({"pointer": "/a", "secretKeyRef": key})),
            None,
            &[],
        ),
        (
            "ProviderConfigVault",
            part(json!({"pointer": "/a"})),
            None,
            &["set exactly one of secretKeyRef and configMapKeyRef"],
        ),
        (
            "ProviderConfigVault",
            part(json!({"pointer": "", "secretKeyRef": key})),
            None,
            &["the pointer '' is the whole value: it needs format Json"],
        ),
        (
            "ProviderConfigVault",
            json!({"replaceGrace": "25h"}),
            None,
            &["must be at most 24h"],
        ),
        ("ProviderConfig", json!({"vaultId": "v"}), None, &[]),
        (
            "ProviderConfig",
            json!({"vaultId": "v", "value": one}),
            None,
            &["set exactly one of value, vaultRef and vaultId"],
        ),
        (
            "ProviderConfig",
            filter(json!({"type": "tool_keys", "keys": ["a"]})),
            None,
            &[],
        ),
        (
            "ProviderConfig",
            filter(json!({"type": "tool_keys"})),
            None,
            &["keys goes with the types tool_keys and prompt_keys"],
        ),
        (
            "ProviderConfig",
            filter(json!({"type": "tool_regex"})),
            None,
            &["pattern goes with the types tool_regex, resource_regex and prompt_regex"],
        ),
        (
            "ProviderConfig",
            filter(json!({"type": "resource_uris"})),
            None,
            &["uris goes with the type resource_uris"],
        ),
        (
            "AuthImport",
            import(json!({"providerId": "p", "deploymentId": "d"})),
            None,
            &[],
        ),
        (
            "AuthImport",
            import(json!({})),
            None,
            &["set exactly one of authConfigRef, authConfigId and providerId"],
        ),
        (
            "AuthImport",
            import(json!({"authConfigId": "c", "deploymentId": "d"})),
            None,
            &[
                "deploymentId and authMethodId go with providerId: an existing auth config has its own",
            ],
        ),
        (
            "AuthImport",
            import(json!({"authConfigId": "c"})),
            Some(import(json!({"providerId": "p"}))),
            &[
                "an import that makes an auth config can't become one into an existing config: create a new resource",
            ],
        ),
        (
            "AuthImport",
            import(json!({"authConfigId": "c", "adopt": adopt})),
            None,
            &["an import is a record: it can't be adopted or observed"],
        ),
        (
            "AuthExport",
            export(json!({"authConfigId": "c", "when": "2h"})),
            None,
            &[],
        ),
        (
            "AuthExport",
            export(json!({})),
            None,
            &["set exactly one of authConfigRef and authConfigId"],
        ),
        (
            "AuthExport",
            export(json!({"authConfigId": "c", "adopt": adopt})),
            None,
            &["an export is a record: it can't be adopted or observed"],
        ),
        (
            "AuthExport",
            export(json!({"authConfigId": "c", "when": "59m"})),
            None,
            &["must be Once, OnChange or a duration of at least 1h"],
        ),
    ]
}

#[test]
fn every_rule_admits_what_is_right_and_says_what_to_do_about_the_rest() {
    let validator = Validator::new();
    for (kind, spec, before, expected) in cases() {
        let before = before.map(|spec| json!({"spec": spec}));
        let object = json!({"spec": spec});
        let answer = validator.validate(&schema(kind), &object, before.as_ref());
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
