//! The custom resource definitions: what the derive makes of the types, and what is the same for every kind.

use super::auth_export::AuthExport;
use super::auth_import::AuthImport;
use super::connection::{ClusterConnection, Connection};
use super::provider_auth_config::ProviderAuthConfig;
use super::provider_auth_credentials::ProviderAuthCredentials;
use super::provider_config::ProviderConfig;
use super::provider_config_vault::ProviderConfigVault;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, CustomResourceDefinitionVersion,
};
use kube::CustomResourceExt;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Returns the definitions of all kinds, in the order in which they are printed.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    [
        Connection::crd(),
        ClusterConnection::crd(),
        ProviderAuthCredentials::crd(),
        ProviderAuthConfig::crd(),
        ProviderConfig::crd(),
        ProviderConfigVault::crd(),
        AuthImport::crd(),
        AuthExport::crd(),
    ]
    .into_iter()
    .map(with_shared_columns)
    .map(|definition| without_null(&definition))
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

/// Puts the columns of every kind around the kind's own: Ready, Reason and the remote id before them, Age after them.
fn with_shared_columns(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    let column = |name: &str, type_: &str, json_path: &str| CustomResourceColumnDefinition {
        name: name.to_owned(),
        type_: type_.to_owned(),
        json_path: json_path.to_owned(),
        ..CustomResourceColumnDefinition::default()
    };
    let ready = |field| format!(".status.conditions[?(@.type=='Ready')].{field}");
    for version in &mut definition.spec.versions {
        let mut columns = vec![
            column("Ready", "string", &ready("status")),
            column("Reason", "string", &ready("reason")),
        ];
        if has_remote_id(version) {
            columns.push(column("Id", "string", ".status.id"));
        }
        columns.extend(
            version
                .additional_printer_columns
                .take()
                .unwrap_or_default(),
        );
        columns.push(column("Age", "date", ".metadata.creationTimestamp"));
        version.additional_printer_columns = Some(columns);
    }
    definition
}

/// Returns whether the status has an `id`, as it has for all kinds but the connections.
fn has_remote_id(version: &CustomResourceDefinitionVersion) -> bool {
    let schema = version.schema.as_ref();
    let schema = schema.and_then(|schema| schema.open_api_v3_schema.as_ref());
    let fields = schema.and_then(|schema| schema.properties.as_ref());
    let status = fields.and_then(|fields| fields.get("status"));
    let fields = status.and_then(|status| status.properties.as_ref());
    fields.is_some_and(|fields| fields.contains_key("id"))
}

/// Removes every `nullable`, so that null means absent, as it does in Kubernetes' own kinds. The derive makes optional
/// fields nullable: the API server would then store a null, and would refuse a null where the field is an enum.
fn without_null(definition: &CustomResourceDefinition) -> CustomResourceDefinition {
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
    serde_json::from_value(value).expect("a definition without a keyword is one")
}
