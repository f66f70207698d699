//! Properties that hold for every schema.

use super::super::definitions::definitions;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
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

pub(super) fn schema(kind: &str) -> &'static Value {
    &SCHEMAS[kind]
}

/// Calls `look` with every schema under `part` (`spec` or `status`) of every kind, and with its path.
pub(super) fn everywhere(part: &str, mut look: impl FnMut(&str, &Value)) {
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
