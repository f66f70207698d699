//! Manifests as users write them.

use serde_json::{Value, json};

/// A secret value that occurs nowhere else: whatever shows it has leaked it.
pub fn canary(what: &str) -> String {
    format!("canary-{what}-{:016x}", rand::random::<u64>())
}

/// A Secret with these texts.
pub fn secret(name: &str, texts: &[(&str, &str)]) -> Value {
    let texts: serde_json::Map<String, Value> = texts
        .iter()
        .map(|(key, text)| ((*key).to_owned(), (*text).into()))
        .collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts})
}

/// A Connection that reads its key from `metorial/api-key`.
pub fn connection(name: &str, base_url: &str) -> Value {
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "Connection",
        "metadata": {"name": name},
        "spec": {"baseUrl": base_url, "apiKey": {"secretKeyRef": {"name": "metorial", "key": "api-key"}}}
    })
}

/// Credentials whose client id and secret are in `oauth-app`.
pub fn credentials(name: &str) -> Value {
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": name},
        "spec": {
            "providerId": "github",
            "oauth": {
                "clientId": {"secretKeyRef": {"name": "oauth-app", "key": "client-id"}},
                "clientSecret": {"secretKeyRef": {"name": "oauth-app", "key": "client-secret"}},
                "scopes": ["repo", "read:user"]
            }
        }
    })
}

/// The same manifest with other values: objects are merged, null removes.
pub fn with(mut manifest: Value, change: Value) -> Value {
    merge(&mut manifest, change);
    manifest
}

fn merge(into: &mut Value, change: Value) {
    match (into, change) {
        (Value::Object(into), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, change) => *into = change,
    }
}
