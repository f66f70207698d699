//! Manifests as users write them, and the verbs that change them.

use serde_json::{Value, json};
use std::ops::{Deref, DerefMut};

/// A manifest of one of the operator's kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest(pub Value);

impl Deref for Manifest {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl DerefMut for Manifest {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.0
    }
}

impl From<Manifest> for Value {
    fn from(manifest: Manifest) -> Value {
        manifest.0
    }
}

impl Manifest {
    /// The same with other fields in the spec: objects are merged, null removes.
    pub fn spec(self, change: Value) -> Self {
        Self(with(self.0, json!({"spec": change})))
    }

    /// The same with other metadata.
    pub fn metadata(self, change: Value) -> Self {
        Self(with(self.0, json!({"metadata": change})))
    }

    /// The same under this remote name.
    pub fn named(self, name: &str) -> Self {
        self.spec(json!({"name": name}))
    }

    /// The same through another connection of the namespace.
    pub fn through(self, connection: &str) -> Self {
        self.spec(json!({"connectionRef": {"name": connection}}))
    }

    /// The same with its ids published in this ConfigMap.
    pub fn publishing(self, config_map: &str) -> Self {
        self.spec(json!({"publish": {"configMap": {"name": config_map}}}))
    }

    /// The same in a deployment of the namespace.
    pub fn deployed(self, deployment: &str) -> Self {
        self.spec(json!({"deploymentRef": {"name": deployment}}))
    }

    /// The same, suspended.
    pub fn suspended(self) -> Self {
        self.spec(json!({"suspend": true}))
    }

    /// The same, where each plan waits for an approval.
    pub fn planned(self) -> Self {
        self.spec(json!({"mode": "Plan"}))
    }

    /// The same, where drift is reported and left.
    pub fn reporting_drift(self) -> Self {
        self.spec(json!({"drift": "Report"}))
    }

    /// The same, where a deletion leaves the remote object.
    pub fn orphaning(self) -> Self {
        self.spec(json!({"deletionPolicy": "Orphan"}))
    }

    /// The same, which adopts a remote object.
    pub fn adopting(self, id: &str) -> Self {
        self.spec(json!({"adopt": {"id": id}}))
    }

    /// The same, which adopts a remote object even if it differs.
    pub fn overriding(self, id: &str) -> Self {
        self.spec(json!({"adopt": {"id": id, "policy": "Override"}}))
    }

    /// The same, which only observes a remote object.
    pub fn observing(self, id: &str) -> Self {
        self.spec(json!({"mode": "Observe", "adopt": {"id": id}}))
    }
}

/// A secret value that occurs nowhere else: whatever shows it has leaked it.
pub fn canary(what: &str) -> String {
    format!("canary-{what}-{:016x}", rand::random::<u64>())
}

/// A Secret with these texts.
pub fn secret(name: &str, texts: &[(&str, &str)]) -> Value {
    let texts = texts.iter();
    let texts = texts.map(|(key, text)| ((*key).to_owned(), (*text).into()));
    let texts: serde_json::Map<String, Value> = texts.collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts})
}

/// A ConfigMap with one text.
pub fn config_map(name: &str, key: &str, text: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {key: text}})
}

/// A manifest of any of the operator's kinds.
pub fn resource(kind: &str, name: &str, spec: Value) -> Manifest {
    Manifest(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec
    }))
}

/// A Connection that reads its key from `metorial/api-key`.
pub fn connection(name: &str, base_url: &str) -> Manifest {
    let key = json!({"secretKeyRef": {"name": "metorial", "key": "api-key"}});
    let spec = json!({"baseUrl": base_url, "apiKey": key});
    resource("Connection", name, spec)
}

/// Credentials whose client id and secret are in `oauth-app`.
pub fn credentials(name: &str) -> Manifest {
    let spec = json!({
        "providerId": "github",
        "oauth": {
            "clientId": {"secretKeyRef": {"name": "oauth-app", "key": "client-id"}},
            "clientSecret": {"secretKeyRef": {"name": "oauth-app", "key": "client-secret"}},
            "scopes": ["repo", "read:user"]
        }
    });
    resource("ProviderAuthCredentials", name, spec)
}

/// A part of a composed value from the Secret `values`.
pub fn part(pointer: &str, key: &str) -> Value {
    json!({"pointer": pointer, "secretKeyRef": {"name": "values", "key": key}})
}

/// A value whose token is in `values/token`.
fn token() -> Value {
    json!({"from": [part("/token", "token")]})
}

/// An auth config of Linear, whose token is in `values/token`.
pub fn auth_config(name: &str) -> Manifest {
    let spec = json!({"authMethodId": "linear-token", "value": token()});
    resource("ProviderAuthConfig", name, spec)
}

/// The same, whose value belongs to imports once it is made.
pub fn initial(name: &str) -> Manifest {
    auth_config(name).spec(json!({"valuePolicy": "Initial"}))
}

/// A deployment of Linear, for which Metorial makes an empty default config unasked.
pub fn deployment(name: &str) -> Manifest {
    resource("ProviderDeployment", name, json!({"providerId": "linear"}))
}

/// A config of Postgres with a literal value.
pub fn config(name: &str) -> Manifest {
    let spec =
        json!({"providerId": "postgres", "value": {"literal": {"statementTimeoutMs": 1000}}});
    resource("ProviderConfig", name, spec)
}

/// A config of Postgres with the value of a vault.
pub fn config_on(name: &str, vault: &str) -> Manifest {
    config(name).spec(json!({"value": null, "vaultRef": {"name": vault}}))
}

/// A vault of Postgres with one text of the Secret `values` in it.
pub fn vault(name: &str, key: &str) -> Manifest {
    let value = json!({"from": [part("/schema", key)]});
    let spec = json!({"providerId": "postgres", "value": value});
    resource("ProviderConfigVault", name, spec)
}

/// A vault of Postgres with a literal value.
pub fn literal_vault(name: &str) -> Manifest {
    let spec = json!({"providerId": "postgres", "value": {"literal": {"schema": "s"}}});
    resource("ProviderConfigVault", name, spec)
}

/// An import of `values/token` that makes an auth config of Linear.
pub fn import_new(name: &str) -> Manifest {
    let spec = json!({"note": "moved", "providerId": "linear", "value": token()});
    resource("AuthImport", name, spec)
}

/// An import of a text of the Secret `values` into an auth config of the namespace.
pub fn import_into(name: &str, auth_config: &str, key: &str) -> Manifest {
    let value = json!({"from": [part("/token", key)]});
    let spec = json!({"note": "rotation", "authConfigRef": {"name": auth_config}, "value": value});
    resource("AuthImport", name, spec)
}

/// An export of an auth config of the namespace into a Secret.
pub fn export(name: &str, auth_config: &str, secret: &str) -> Manifest {
    let (from, to) = (json!({"name": auth_config}), json!({"name": secret}));
    let spec = json!({"note": "for a worker", "authConfigRef": from, "secret": to});
    resource("AuthExport", name, spec)
}

/// The same JSON with other values: objects are merged, null removes.
pub fn with(json: impl Into<Value>, change: Value) -> Value {
    let mut json = json.into();
    merge(&mut json, change);
    json
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
