//! Manifests that are good and fill every field, and manifests that break one rule each.

use crate::deployment_manifests;
use crate::support::{connection, credentials, with};
use crate::{admission_secrets, admission_texts};
use serde_json::{Value, json};

#[allow(
    clippy::needless_pass_by_value,
    reason = "a manifest is written where it is used"
)]
pub fn resource(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": "it"},
        "spec": spec
    })
}

/// Good manifests that together fill every field of every kind.
pub fn filled() -> Vec<Value> {
    let deployments = deployment_manifests::filled(&common());
    [
        connections(),
        of_credentials(),
        valued(),
        records(),
        deployments,
    ]
    .concat()
}

fn key() -> Value {
    json!({"name": "a", "key": "b"})
}

fn selector() -> Value {
    json!({
        "matchLabels": {"team": "a"},
        "matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]
    })
}

fn connections() -> Vec<Value> {
    let foreign = json!({"namespace": "a", "name": "a", "key": "b"});
    let common = json!({"spec": {
        "baseUrl": "https://api.metorial.com",
        "instance": {"id": "ins_1", "type": "production"},
        "rateLimit": {"requests": 100, "per": "10m"},
        "defaults": {"interval": "10m", "deletionPolicy": "Orphan", "drift": "Report"},
        "onUnreachable": {"policy": "OrphanAfter", "after": "1h"},
        "adoptFrom": ["6f0c2b1e-0000-4000-8000-000000000000"]
    }});
    let wide = json!({
        "apiKey": {"secretKeyRef": foreign},
        "caBundle": {"configMapKeyRef": foreign},
        "allowedNamespaces": {"names": ["a"], "selector": selector()},
        "externalIds": "Allow"
    });
    let own = connection("default", "");
    let own = with(
        own,
        json!({"spec": {"caBundle": {"configMapKeyRef": key()}}}),
    );
    vec![
        with(own, common.clone()),
        with(resource("ClusterConnection", wide), common),
    ]
}

fn common() -> Value {
    json!({"spec": {
        "connectionRef": {"kind": "ClusterConnection", "name": "default"},
        "name": "GitHub",
        "description": "Our app",
        "metadata": {"team": "a"},
        "mode": "Observe",
        "deletionPolicy": "Cascade",
        "drift": "Report",
        "interval": "10m",
        "suspend": true,
        "adopt": {"id": "par_1", "policy": "Override"},
        "publish": {"configMap": {"name": "github"}},
        "allowedNamespaces": {"names": ["a"], "selector": selector()}
    }})
}

fn of_credentials() -> Vec<Value> {
    let credentials = with(credentials("github"), common());
    let credentials = with(credentials, json!({"spec": {"replace": "Allow"}}));
    let id = |source: &Value| {
        let mut manifest = credentials.clone();
        manifest["spec"]["oauth"]["clientId"] = source.clone();
        manifest
    };
    vec![
        id(&json!({"value": "Iv1.1"})),
        id(&json!({"configMapKeyRef": key()})),
        credentials.clone(),
    ]
}

/// The kinds that stand for a value.
fn valued() -> Vec<Value> {
    let part = |kind: &str| json!({"pointer": "/a/b", kind: key(), "format": "Text"});
    let value = |kind: &str| json!({"literal": {"c": 1}, "from": [part(kind)]});
    let config = |source: &str, filter: Value| {
        with(
            resource(
                "ProviderAuthConfig",
                json!({
                    "authMethodId": "linear-token",
                    "deploymentId": "pde_1",
                    "value": value(source),
                    "valuePolicy": "Initial",
                    "toolFilters": [filter],
                    "validation": "None"
                }),
            ),
            common(),
        )
    };
    let replaced = |kind: &str, of: &str, value: Value| {
        let spec = json!({
            "providerId": "github",
            "deploymentId": "pde_1",
            "replace": "Never",
            "replaceGrace": "10m",
            of: value
        });
        with(resource(kind, spec), common())
    };
    let filter = |spec: Value| json!({"spec": {"validation": "None", "toolFilters": [spec]}});
    let keys = json!({"type": "tool_keys", "keys": ["a"]});
    let regex = json!({"type": "tool_regex", "pattern": "a.*"});
    let uris = json!({"type": "resource_uris", "uris": ["file:///a"]});
    let more = filter(keys.clone());
    vec![
        config("secretKeyRef", keys),
        config("configMapKeyRef", regex),
        config("secretKeyRef", uris),
        with(
            replaced("ProviderConfigVault", "value", value("configMapKeyRef")),
            json!({"spec": {"validation": "None"}}),
        ),
        with(
            replaced("ProviderConfig", "value", value("secretKeyRef")),
            more,
        ),
        replaced(
            "ProviderConfig",
            "vaultRef",
            json!({"namespace": "b", "name": "a"}),
        ),
        replaced("ProviderConfig", "vaultId", json!("pcvt_1")),
    ]
}

/// Imports and exports. They can't be adopted or observed.
fn records() -> Vec<Value> {
    let spec = |change: Value| {
        let adopted =
            json!({"spec": {"mode": null, "adopt": null, "name": null, "description": null}});
        let common = with(common(), adopted);
        with(common, json!({"spec": change}))
    };
    let import = |target: Value| {
        let value = json!({"literal": {"token": "a"}});
        let more = json!({"note": "moved", "value": value, "when": "Once", "validation": "None"});
        let manifest = with(resource("AuthImport", json!({})), spec(more));
        with(manifest, json!({"spec": target}))
    };
    let export = |target: Value| {
        let secret = json!({
            "name": "a", "format": "Json", "type": "Opaque",
            "labels": {"team": "a"}, "annotations": {"team": "a"}
        });
        let workload = json!({"kind": "Deployment", "name": "a"});
        let more = json!({
            "note": "used", "secret": secret, "when": "OnChange", "renewBefore": "10m",
            "maxPerDay": 2, "rolloutRestart": [workload]
        });
        let manifest = with(resource("AuthExport", json!({})), spec(more));
        with(manifest, json!({"spec": target}))
    };
    let made = json!({"providerId": "a", "deploymentId": "pde_1", "authMethodId": "pam_1"});
    vec![
        import(json!({"authConfigRef": {"namespace": "b", "name": "a"}})),
        import(json!({"authConfigId": "pac_1"})),
        import(made),
        export(json!({"authConfigRef": {"namespace": "b", "name": "a"}})),
        export(json!({"authConfigId": "pac_1", "deploymentId": "pde_1"})),
    ]
}

/// What admission says, and a manifest that it says it about.
pub fn wrong() -> Vec<(&'static str, Value)> {
    [
        wrong_everywhere(),
        wrong_values(),
        wrong_records(),
        admission_secrets::wrong_secrets(),
        admission_texts::wrong_texts(),
        deployment_manifests::wrong(),
    ]
    .concat()
}

fn wrong_everywhere() -> Vec<(&'static str, Value)> {
    let spec = |change: Value| with(credentials("github"), json!({"spec": change}));
    let mut unset = Value::from(credentials("github"));
    unset["spec"]["oauth"]["clientId"] = json!({});
    let cascade = json!({"spec": {"defaults": {"deletionPolicy": "Cascade"}}});
    let source = "set exactly one of value, configMapKeyRef and secretKeyRef";
    let values = "values must be set for In and NotIn, and only for them";
    let selecting = |requirement: Value| {
        let allowed = json!({"selector": {"matchExpressions": [requirement]}});
        spec(json!({"allowedNamespaces": allowed}))
    };
    vec![
        (
            values,
            selecting(json!({"key": "tier", "operator": "NotIn", "values": []})),
        ),
        (values, selecting(json!({"key": "tier", "operator": "In"}))),
        (
            values,
            selecting(json!({"key": "tier", "operator": "Exists", "values": ["a"]})),
        ),
        (source, spec(json!({"oauth": {"clientId": {"value": "a"}}}))),
        (source, unset),
        (
            "mode Observe needs an existing object: set adopt.id",
            spec(json!({"mode": "Observe"})),
        ),
        (
            "metadata.kubernetes is reserved for the operator: use another key",
            spec(json!({"metadata": {"kubernetes": {"uid": "mine"}}})),
        ),
        (
            "must be between 1m and 24h",
            spec(json!({"interval": "59s"})),
        ),
        (
            "must be between 1m and 24h",
            spec(json!({"interval": "25h"})),
        ),
        (
            "defaults.deletionPolicy must be Delete or Orphan: set Cascade on a single resource instead",
            with(connection("default", "https://a.example"), cascade),
        ),
    ]
}

fn wrong_values() -> Vec<(&'static str, Value)> {
    let vault = |change: Value| {
        let spec = json!({"providerId": "a", "value": {"literal": {}}});
        with(
            resource("ProviderConfigVault", spec),
            json!({"spec": change}),
        )
    };
    let from = |part: Value| vault(json!({"value": {"literal": null, "from": [part]}}));
    let config = |change: Value| {
        let spec = json!({"providerId": "a", "vaultId": "pcvt_1"});
        with(resource("ProviderConfig", spec), json!({"spec": change}))
    };
    let filter = |filter: Value| config(json!({"toolFilters": [filter]}));
    vec![
        (
            "set literal, from, or both",
            vault(json!({"value": {"literal": null}})),
        ),
        (
            "set literal, from, or both",
            vault(json!({"value": {"literal": null, "from": []}})),
        ),
        (
            "set exactly one of secretKeyRef and configMapKeyRef",
            from(json!({"pointer": "/a"})),
        ),
        (
            "pointer '' sets the whole value: set format to Json, or name a field in pointer",
            from(json!({"pointer": "", "secretKeyRef": key()})),
        ),
        ("must be at most 24h", vault(json!({"replaceGrace": "25h"}))),
        (
            "set exactly one of value, vaultRef and vaultId",
            config(json!({"value": {"literal": {}}})),
        ),
        (
            "keys must be set for the types tool_keys and prompt_keys, and only for them",
            filter(json!({"type": "tool_keys"})),
        ),
        (
            "pattern must be set for the types tool_regex, resource_regex and prompt_regex, and only for them",
            filter(json!({"type": "resource_regex", "uris": ["a"]})),
        ),
        (
            "uris must be set for the type resource_uris, and only for it",
            filter(json!({"type": "prompt_keys", "keys": ["a"], "uris": ["a"]})),
        ),
    ]
}

fn wrong_records() -> Vec<(&'static str, Value)> {
    let import = |change: Value| {
        let spec = json!({"note": "moved", "value": {"literal": {}}});
        with(resource("AuthImport", spec), json!({"spec": change}))
    };
    let export = |change: Value| {
        let spec = json!({"note": "used", "secret": {"name": "a"}});
        with(resource("AuthExport", spec), json!({"spec": change}))
    };
    let (id, adopt) = (json!({"authConfigId": "pac_1"}), json!({"id": "pac_2"}));
    vec![
        (
            "set exactly one of authConfigRef, authConfigId and providerId",
            import(json!({})),
        ),
        (
            "deploymentRef, deploymentId and authMethodId can only be set with providerId: an existing auth config already has its own",
            import(with(id.clone(), json!({"authMethodId": "pam_1"}))),
        ),
        (
            "an AuthImport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan",
            import(with(id.clone(), json!({"adopt": adopt}))),
        ),
        (
            "set exactly one of authConfigRef and authConfigId",
            export(json!({})),
        ),
        (
            "an AuthExport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan",
            export(with(id.clone(), json!({"mode": "Observe"}))),
        ),
        (
            "must be Once, OnChange or a duration of at least 15m",
            export(with(id.clone(), json!({"when": "14m", "maxPerDay": 200}))),
        ),
        (
            "when is shorter than 1h: set a maxPerDay that lasts for 24 hours, such as 96 for 15m",
            export(with(id.clone(), json!({"when": "15m"}))),
        ),
        (
            "renewBefore has no effect with when: Once: remove one of them",
            export(with(
                id.clone(),
                json!({"when": "Once", "renewBefore": "1h"}),
            )),
        ),
        (
            "must be between 1m and 720h",
            export(with(id, json!({"renewBefore": "59s"}))),
        ),
    ]
}

/// What admission says about a change: the manifest before it, and the one after it.
pub fn changed() -> Vec<(&'static str, Value, Value)> {
    let one = json!({"literal": {}});
    let auth_config = resource(
        "ProviderAuthConfig",
        json!({"authMethodId": "a", "value": one}),
    );
    let to = |manifest: &Value, spec: Value| with(manifest.clone(), json!({"spec": spec}));
    let import = resource(
        "AuthImport",
        json!({"note": "moved", "value": one, "providerId": "a"}),
    );
    let existing = json!({"providerId": null, "authConfigId": "pac_1"});
    let mut all = deployment_manifests::changed();
    all.extend([
        (
            "providerId can't be changed: create a new resource for another provider",
            credentials("github").into(),
            to(
                &credentials("github").into(),
                json!({"providerId": "linear"}),
            ),
        ),
        (
            "authMethodId can't be changed: create a new resource for another method",
            auth_config.clone(),
            to(&auth_config, json!({"authMethodId": "b"})),
        ),
        (
            "providerId can't be added or removed: create a new resource for another target",
            import.clone(),
            to(&import, existing),
        ),
        (
            "providerId can't be changed: create a new resource for another provider",
            import.clone(),
            to(&import, json!({"providerId": "b"})),
        ),
        (
            "authMethodId can't be changed: create a new resource for another method",
            import.clone(),
            to(&import, json!({"authMethodId": "pam_1"})),
        ),
    ]);
    all
}
