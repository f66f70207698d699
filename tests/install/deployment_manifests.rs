//! Manifests of deployments and of what belongs to one: good ones, and such that break one rule each.

use crate::support::{deployment, resource, with};
use serde_json::{Value, json};

/// The deployment of a resource, by its name.
fn by_name() -> Value {
    json!({"deploymentRef": {"namespace": "b", "name": "a"}})
}

/// The deployment of a resource, by its id.
fn by_id() -> Value {
    json!({"deploymentId": "pde_1"})
}

/// A manifest of each kind whose objects can belong to a deployment, with these fields.
fn deployed(change: &Value) -> [Value; 4] {
    let literal = json!({"literal": {"token": "a"}});
    [
        ("ProviderConfig", json!({"providerId": "a"})),
        ("ProviderConfigVault", json!({"providerId": "a"})),
        ("ProviderAuthConfig", json!({"authMethodId": "a"})),
        ("AuthImport", json!({"note": "moved", "providerId": "a"})),
    ]
    .map(|(kind, spec)| {
        let valued = with(spec, json!({"value": literal}));
        resource(kind, "it", with(valued, change.clone())).into()
    })
}

/// Good manifests that together fill every field; `common` fills what all kinds share.
pub fn filled(common: &Value) -> Vec<Value> {
    let of = |filter: Value, change: Value| {
        let more = json!({"toolFilters": [filter], "lockedVersionId": "pv_1"});
        let spec = json!({"spec": with(more, change)});
        with(with(deployment("it"), common.clone()), spec)
    };
    let mut all = vec![
        of(
            json!({"type": "tool_keys", "keys": ["a"]}),
            json!({"defaultConfigRef": {"namespace": "b", "name": "a"}}),
        ),
        of(
            json!({"type": "tool_regex", "pattern": "a"}),
            json!({"defaultConfigId": "pcf_1"}),
        ),
        of(json!({"type": "resource_uris", "uris": ["a"]}), json!({})),
    ];
    all.extend(deployed(&by_name()));
    all
}

/// What admission says, and a manifest that it says it about.
pub fn wrong() -> Vec<(&'static str, Value)> {
    let both = json!({"spec": {"defaultConfigRef": {"name": "a"}, "defaultConfigId": "pcf_1"}});
    let mut all = vec![(
        "set at most one of defaultConfigRef and defaultConfigId",
        with(deployment("it"), both),
    )];
    let both = deployed(&with(by_name(), by_id()));
    let message = "set at most one of deploymentRef and deploymentId";
    all.extend(both.map(|manifest| (message, manifest)));
    all
}

/// What admission says about a change: the manifest before it, and the one after it.
pub fn changed() -> Vec<(&'static str, Value, Value)> {
    let provider = json!({"spec": {"providerId": "github"}});
    let mut all = vec![(
        "providerId can't be changed: create a new resource for another provider",
        deployment("it").into(),
        with(deployment("it"), provider),
    )];
    let message = "the deployment can't be changed: create a new resource for another deployment";
    let changes = [
        (json!({}), by_id()),
        (by_id(), json!({"deploymentId": "pde_2"})),
        (by_name(), json!({"deploymentRef": {"name": "other"}})),
    ];
    for (number, (from, to)) in changes.into_iter().enumerate() {
        let name = json!({"metadata": {"name": format!("deployed-{number}")}});
        // A config or vault is replaced instead.
        let changes = deployed(&from).into_iter().zip(deployed(&to)).skip(2);
        let named = |manifest: Value| with(manifest, name.clone());
        all.extend(changes.map(|(from, to)| (message, named(from), named(to))));
    }
    all
}
