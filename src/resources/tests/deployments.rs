//! Cases for the rules of deployments and of what belongs to one.

use super::case::{Case, created};
use super::rules::{OBSERVE, PROVIDER, merged, with};
use serde_json::{Value, json};

/// Returns the cases.
pub(super) fn cases() -> Vec<Case> {
    let both = &["set at most one of deploymentRef and deploymentId"];
    let mut cases: Vec<Case> = Vec::new();
    for (kind, spec) in [
        ("ProviderConfig", json!({"vaultId": "v"})),
        ("ProviderConfigVault", json!({})),
        ("ProviderAuthConfig", json!({"authMethodId": "m"})),
        ("AuthImport", json!({"providerId": "p"})),
    ] {
        let by = |deployment: Value| merged(&spec, deployment);
        let (id, named) = (json!("d"), json!({"name": "d"}));
        cases.push((kind, by(json!({"deploymentId": id})), None, &[]));
        cases.push((kind, by(json!({"deploymentRef": named})), None, &[]));
        let ambiguous = by(json!({"deploymentId": id, "deploymentRef": named}));
        cases.push((kind, ambiguous, None, both));
        if kind == "ProviderAuthConfig" || kind == "AuthImport" {
            let changes = changes_of_deployments().into_iter();
            let case = |(from, to, messages)| (kind, by(to), Some(by(from)), messages);
            cases.extend(changes.map(case));
        }
    }
    let one = &["set at most one of defaultConfigRef and defaultConfigId"];
    let both = json!({"defaultConfigRef": {"name": "c"}, "defaultConfigId": "c"});
    let deployments = vec![
        (with(json!({})), &[][..]),
        (with(json!({"mode": "Observe"})), &[OBSERVE]),
        (with(json!({"defaultConfigRef": {"name": "c"}})), &[]),
        (with(both), one),
    ];
    cases.extend(created("ProviderDeployment", deployments));
    let (other, before) = (with(json!({"providerId": "x"})), Some(with(json!({}))));
    cases.push(("ProviderDeployment", other, before, &[PROVIDER]));
    cases
}

/// A change of the deployment of a resource, and the messages of the rules that refuse it.
type Change = (Value, Value, &'static [&'static str]);

fn changes_of_deployments() -> [Change; 8] {
    let refused =
        &["the deployment can't be changed: create a new resource for another deployment"];
    let by_id = |id: &str| json!({"deploymentId": id});
    let by_name = |name: &str| json!({"deploymentRef": {"name": name}});
    [
        (json!({}), by_id("d"), refused),
        (json!({}), by_name("d"), refused),
        (by_id("d"), json!({}), refused),
        (by_name("d"), json!({}), refused),
        (by_id("d"), by_id("e"), refused),
        (by_name("d"), by_name("e"), refused),
        (by_id("d"), by_name("d"), &[]),
        (by_name("d"), by_id("d"), &[]),
    ]
}
