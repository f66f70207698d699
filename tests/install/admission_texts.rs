//! Manifests with a text that does not match its pattern, and the sentence that admission says about each pattern.

use crate::admission_manifests::resource;
use crate::support::{connection, credentials, with};
use serde_json::{Value, json};

pub fn wrong_texts() -> Vec<(&'static str, Value)> {
    let connecting = |change: Value| with(connection("default", ""), json!({"spec": change}));
    let key = |name: &str, key: &str| {
        let source = json!({"secretKeyRef": {"name": name, "key": key}});
        connecting(json!({"baseUrl": null, "apiKey": source}))
    };
    let exporting = |change: Value| {
        let spec = json!({"note": "used", "authConfigId": "pac_1", "secret": {"name": "a"}});
        with(resource("AuthExport", spec), json!({"spec": change}))
    };
    let credentials = |change: Value| with(credentials("github"), json!({"spec": change}));
    let part = json!({"pointer": "password", "secretKeyRef": {"name": "a", "key": "b"}});
    let vault = json!({"providerId": "postgres", "value": {"from": [part]}});
    let wide = json!({
        "apiKey": {"secretKeyRef": {"namespace": "a", "name": "a", "key": "b"}},
        "allowedNamespaces": {"names": ["Team_A"]}
    });
    let selecting = |selector: Value| {
        let change = json!({"spec": {"allowedNamespaces": {"names": null, "selector": selector}}});
        with(resource("ClusterConnection", wide.clone()), change)
    };
    vec![
        (
            "must be the name of an object: lower-case letters, digits, '-' and '.', such as my-app",
            key("A_b", "b"),
        ),
        (
            "must be a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.', such as client-secret",
            key("a", "the key"),
        ),
        (
            "must be the name of a namespace: lower-case letters, digits and '-', such as team-a",
            resource("ClusterConnection", wide.clone()),
        ),
        (
            "must be the key of a label, such as team or example.com/team",
            selecting(json!({"matchExpressions": [{"key": "a b", "operator": "Exists"}]})),
        ),
        (
            "must be the value of a label: letters, digits, '-', '_' and '.', such as team-a",
            selecting(json!({"matchLabels": {"team": "team a"}})),
        ),
        (
            "must be an id of Metorial: letters, digits, '-' and '_'",
            exporting(json!({"deploymentId": "a/b"})),
        ),
        (
            "must be a uid: letters, digits and '-'",
            connecting(json!({"baseUrl": null, "adoptFrom": ["a b"]})),
        ),
        (
            "must be an id or alias of Metorial, such as github: letters, digits and '@._~:+-/'",
            credentials(json!({"providerId": "../x"})),
        ),
        (
            "must be a duration: use h, m and s, as in 24h or 1h30m",
            credentials(json!({"interval": "1d"})),
        ),
        (
            "must be Once, OnChange or a duration: use h, m and s, as in 24h or 1h30m",
            exporting(json!({"when": "1d"})),
        ),
        (
            "must be a JSON pointer, such as /password or /database/password",
            resource("ProviderConfigVault", vault),
        ),
        (
            "must be an http or https URL without user info, such as https://api.metorial.com",
            connecting(json!({"baseUrl": "api.metorial.com"})),
        ),
    ]
}
