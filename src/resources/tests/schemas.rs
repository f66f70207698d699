//! Properties that hold for every schema.

use crate::resources::definitions::definitions;
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

/// Calls `check` with the rules of every kind as a whole, and with the kind.
pub(super) fn of_wholes(mut check: impl FnMut(&str, &Value)) {
    for (kind, schema) in SCHEMAS.iter() {
        check(kind, schema);
    }
}

/// Calls `check` with every schema under `part` (`spec` or `status`) of every kind, and with its path.
pub(super) fn everywhere(part: &str, mut check: impl FnMut(&str, &Value)) {
    for (kind, schema) in SCHEMAS.iter() {
        let path = format!("{kind}.{part}");
        walk(&schema["properties"][part], &path, &mut check);
    }
}

fn walk(schema: &Value, path: &str, check: &mut impl FnMut(&str, &Value)) {
    check(path, schema);
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        walk(of, &format!("{path}.{name}"), check);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[key].is_object() {
            walk(&schema[key], &format!("{path}{mark}"), check);
        }
    }
}

#[test]
fn no_field_has_a_default_or_admits_null() {
    for part in ["spec", "status"] {
        everywhere(part, |path, schema| {
            // A status without one would say that a resource which was never reconciled is ready.
            let is_status = part == "status" && path.matches('.').count() == 1;
            let unseen = json!({"observedGeneration": -1});
            let expected = is_status.then_some(&unseen);
            assert_eq!(schema.get("default"), expected, "{path}");
            assert!(schema.get("nullable").is_none(), "{path} admits null");
        });
    }
}

#[test]
fn every_string_list_map_and_number_in_a_spec_has_a_limit() {
    everywhere("spec", |path, schema| {
        let has = |key: &str| schema.get(key).is_some();
        let free = schema["x-kubernetes-preserve-unknown-fields"] == true;
        let bounded = match schema["type"].as_str().unwrap() {
            "string" => has("enum") || has("maxLength"),
            "array" => has("maxItems"),
            "integer" | "number" => has("minimum") && has("maximum"),
            // A rule admits nothing under `kubernetes`.
            "object" if free && path.ends_with(".metadata.kubernetes") => true,
            "object" if free || has("additionalProperties") => has("maxProperties"),
            _ => true,
        };
        assert!(bounded, "{path} has no limit");
    });
}

#[test]
fn every_field_has_a_description() {
    for part in ["spec", "status"] {
        everywhere(part, |path, schema| {
            let inside = path.ends_with("[]") || path.ends_with("{}");
            let description = schema["description"].as_str().unwrap_or_default();
            assert!(
                inside || description.len() >= 4,
                "{path} has no description"
            );
        });
    }
}

#[test]
fn secrets_and_configmaps_of_other_namespaces_are_referred_to_by_a_cluster_connection_only() {
    let mut found = BTreeSet::new();
    everywhere("spec", |path, _| {
        let last = path.rsplit('.').next().unwrap_or_default();
        if last == "namespace" {
            found.insert(path.to_owned());
        }
    });
    let expected = [
        "ClusterConnection.spec.apiKey.secretKeyRef.namespace",
        "ClusterConnection.spec.caBundle.configMapKeyRef.namespace",
        // Resources of ours, which have to allow it.
        "AuthExport.spec.authConfigRef.namespace",
        "AuthImport.spec.authConfigRef.namespace",
        "AuthImport.spec.deploymentRef.namespace",
        "ProviderAuthConfig.spec.deploymentRef.namespace",
        "ProviderConfig.spec.deploymentRef.namespace",
        "ProviderConfig.spec.vaultRef.namespace",
        "ProviderConfigVault.spec.deploymentRef.namespace",
        "ProviderDeployment.spec.defaultConfigRef.namespace",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
}

#[test]
fn secret_values_come_only_from_references_to_secrets() {
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
fn names_and_columns_are_those_of_the_documentation() {
    let actual = definitions().into_iter().map(|definition| {
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
        "Namespaced Connection mconn: Ready Reason Instance Type Age Message",
        "Cluster ClusterConnection mcconn: Ready Reason Instance Type Age Message",
        "Namespaced ProviderDeployment pdeploy: Ready Reason Id Provider Age Connection Mode Drifted Message",
        "Namespaced ProviderAuthCredentials pacred: Ready Reason Id Provider Callback Age Connection Mode Drifted Message",
        "Namespaced ProviderAuthConfig paconf: Ready Reason Id Type Age Connection Mode Drifted Message",
        "Namespaced ProviderConfig pconf: Ready Reason Id Provider Age Connection Mode Drifted Message",
        "Namespaced ProviderConfigVault pvault: Ready Reason Id Provider Age Connection Mode Drifted Message",
        "Namespaced AuthImport aimport: Ready Reason Id Import Age Connection Mode Drifted Message",
        "Namespaced AuthExport aexport: Ready Reason Id Secret Exported Expires Age Connection Mode Drifted Message",
    ];
    assert_eq!(actual.collect::<Vec<_>>(), expected);
}

/// Names, ids and keys become segments of a request's path, so a pattern admits nothing that would change the path.
#[test]
fn every_name_and_id_that_becomes_part_of_a_path_has_a_pattern() {
    everywhere("spec", |path, schema| {
        let last = path.rsplit('.').next().unwrap_or_default();
        let free = path.split('.').count() == 3 && last == "name";
        let id = last == "id" || last.ends_with("Id") || last.ends_with("namespace");
        let reference = path.contains("Ref.") && ["name", "key"].contains(&last);
        let target = path.ends_with("secret.name")
            || path.ends_with("rolloutRestart[].name")
            || path.ends_with("configMap.name");
        if (id || reference || target) && !free && schema["type"] == "string" {
            let rules = schema["x-kubernetes-validations"].to_string();
            assert!(rules.contains("self.matches("), "{path} has no pattern");
        }
    });
}

#[test]
fn the_fields_that_a_kind_refuses_say_so_where_kubectl_explains_them() {
    let mut refusing = 0;
    of_wholes(|kind, whole| {
        let spec = &whole["properties"]["spec"];
        let rules = spec["x-kubernetes-validations"].to_string();
        for field in ["adopt", "mode"] {
            if rules.contains("can't adopt or observe an object") {
                let description = spec["properties"][field]["description"].to_string();
                assert!(description.contains(kind), "{kind} {field}: {description}");
                refusing += 1;
            }
        }
    });
    assert_eq!(refusing, 4);
}
