//! Tables over connections.

mod entries;
mod reports;
mod states;
mod verify;

use super::settings::{ConnectionResource, ConnectionSettings};
use crate::resources::{Connection, Stored};
use serde_json::{Value, json};

/// The settings of a Connection with these members in its spec and status.
fn settings(spec: &Value, status: &Value) -> ConnectionSettings {
    let mut object = json!({
        "apiVersion": "metorial.com/v1alpha1", "kind": "Connection",
        "metadata": {"name": "default", "namespace": "apps", "uid": "u1", "generation": 1},
        "spec": {"apiKey": {"secretKeyRef": {"name": "key", "key": "key"}}},
        "status": status,
    });
    for (name, value) in spec.as_object().unwrap() {
        object["spec"][name] = value.clone();
    }
    serde_json::from_value::<Stored<Connection>>(object)
        .unwrap()
        .settings()
}
