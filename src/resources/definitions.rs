//! The custom resource definitions: what the derive makes of the types, and what is the same for every kind.

use super::auth_export::AuthExport;
use super::auth_import::AuthImport;
use super::conditions::{DRIFTED, READY};
use super::connection::{ClusterConnection, Connection};
use super::provider_auth_config::ProviderAuthConfig;
use super::provider_auth_credentials::ProviderAuthCredentials;
use super::provider_config::ProviderConfig;
use super::provider_config_vault::ProviderConfigVault;
use super::provider_deployment::ProviderDeployment;
use super::sentences::with_sentences;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionVersion,
    JSON, JSONSchemaProps, SelectableField,
};
use kube::CustomResourceExt;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Returns the definitions of all kinds, in the order in which they are printed.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    [
        Connection::crd(),
        ClusterConnection::crd(),
        ProviderDeployment::crd(),
        ProviderAuthCredentials::crd(),
        ProviderAuthConfig::crd(),
        ProviderConfig::crd(),
        ProviderConfigVault::crd(),
        AuthImport::crd(),
        AuthExport::crd(),
    ]
    .into_iter()
    .map(complete)
    .map(|definition| rewritten(&definition))
    .collect()
}

/// Returns the schema of a kind, or `None` for a kind that is not ours.
#[must_use]
pub fn schema_of(kind: &str) -> Option<&'static Value> {
    static SCHEMAS: OnceLock<HashMap<String, Value>> = OnceLock::new();
    let schema = |definition: CustomResourceDefinition| {
        let version = definition.spec.versions.into_iter().next()?;
        let schema = version.schema?.open_api_v3_schema?;
        let schema = serde_json::to_value(schema).ok()?;
        Some((definition.spec.names.kind, schema))
    };
    let schemas = SCHEMAS.get_or_init(|| definitions().into_iter().filter_map(schema).collect());
    schemas.get(kind)
}

/// Adds what is the same for every kind.
fn complete(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        add_columns(version);
        add_selectable_fields(version);
        if let Some(status) = field_mut(version, "status") {
            complete_status(status);
        }
    }
    definition
}

/// Puts the columns of every kind around the kind's own: Ready, Reason and the remote id before them, Age after them, and
/// then what `-o wide` shows.
fn add_columns(version: &mut CustomResourceDefinitionVersion) {
    let column = |name: &str, type_: &str, json_path: &str| CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        ..CustomResourceColumnDefinition::default()
    };
    let wide = |name: &str, json_path: &str| CustomResourceColumnDefinition {
        priority: Some(1),
        ..column(name, "string", json_path)
    };
    let of = |type_, field| format!(".status.conditions[?(@.type=='{type_}')].{field}");
    let remote = has_field(version, &["status", "id"]);
    let mut columns = vec![
        column("Ready", "string", &of(READY, "status")),
        column("Reason", "string", &of(READY, "reason")),
    ];
    if remote {
        columns.push(column("Id", "string", ".status.id"));
    }
    let own = version.additional_printer_columns.take();
    columns.extend(own.unwrap_or_default());
    columns.push(column("Age", "date", ".metadata.creationTimestamp"));
    if remote {
        columns.push(wide("Connection", ".status.connection"));
        columns.push(wide("Mode", ".spec.mode"));
        columns.push(wide("Drifted", &of(DRIFTED, "status")));
    }
    columns.push(wide("Message", &of(READY, "message")));
    version.additional_printer_columns = Some(columns);
}

/// Makes common fields selectable with `kubectl get --field-selector`.
fn add_selectable_fields(version: &mut CustomResourceDefinitionVersion) {
    let fields: [&[&str]; 3] = [
        &["providerId"],
        &["authMethodId"],
        &["connectionRef", "name"],
    ];
    let there = fields.into_iter().filter(|path| {
        let path: Vec<&str> = ["spec"].iter().chain(*path).copied().collect();
        has_field(version, &path)
    });
    let selectable: Vec<SelectableField> = there
        .map(|path| SelectableField {
            json_path: format!(".spec.{}", path.join(".")),
        })
        .collect();
    version.selectable_fields = Some(selectable).filter(|fields| !fields.is_empty());
}

/// Gives a status its default, so that nothing takes a resource that was never reconciled for ready: kstatus compares the
/// generation. And makes its conditions a map, so that several writers can own one each.
fn complete_status(status: &mut JSONSchemaProps) {
    status.default = Some(JSON(json!({"observedGeneration": -1})));
    let fields = status.properties.as_mut();
    if let Some(conditions) = fields.and_then(|fields| fields.get_mut("conditions")) {
        conditions.x_kubernetes_list_type = Some("map".to_owned());
        conditions.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
    }
}

fn field_mut<'a>(
    version: &'a mut CustomResourceDefinitionVersion,
    name: &str,
) -> Option<&'a mut JSONSchemaProps> {
    let schema = version.schema.as_mut()?.open_api_v3_schema.as_mut()?;
    schema.properties.as_mut()?.get_mut(name)
}

/// Returns whether the schema has a field: the status of a connection, for example, has no `id`.
fn has_field(version: &CustomResourceDefinitionVersion, path: &[&str]) -> bool {
    let schema = version.schema.as_ref();
    let schema = schema.and_then(|schema| schema.open_api_v3_schema.as_ref());
    let field = path.iter().try_fold(schema, |schema, name| {
        let fields = schema?.properties.as_ref()?;
        Some(fields.get(*name))
    });
    field.flatten().is_some()
}

/// Rewrites what the derive makes of the types. Removes every `nullable`, so that null means absent, as it does in Kubernetes'
/// own kinds: the API server would store a null of an optional field otherwise, and would refuse it where the field is an
/// enum. And gives patterns a message.
fn rewritten(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|key, value| key != "nullable" || !value.is_boolean());
                members.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(definition).expect("a definition is JSON");
    strip(&mut value);
    with_sentences(&mut value);
    serde_json::from_value(value).expect("a definition without a keyword is one")
}
