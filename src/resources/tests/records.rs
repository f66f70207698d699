//! Cases for the rules of imports and exports.

use super::case::{Case, created};
use crate::resources::ExportSecret;
use crate::resources::schema::{RESERVED_KEY, RESERVED_TYPE};
use serde_json::{Value, json};

/// Returns the cases.
pub(super) fn cases() -> Vec<Case> {
    let (target, alone, turned, record) = (
        &["set exactly one of authConfigRef, authConfigId and providerId"],
        &[
            "deploymentRef, deploymentId and authMethodId can only be set with providerId: an existing auth config already has its own",
        ],
        &[
            "providerId can't be changed: create a new resource for another provider",
            "providerId can't be added or removed: create a new resource for another target",
        ],
        &[
            "an AuthImport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan",
        ],
    );
    let imports = vec![
        (json!({"providerId": "p", "deploymentId": "d"}), &[][..]),
        (json!({}), target),
        (json!({"authConfigId": "c", "deploymentId": "d"}), alone),
        (
            json!({"authConfigId": "c", "adopt": {"id": "pac_1"}}),
            record,
        ),
    ];
    let (into, new) = (json!({"authConfigId": "c"}), json!({"providerId": "p"}));
    let turns: Case = ("AuthImport", into, Some(new), turned);
    let (target, record, when) = (
        &["set exactly one of authConfigRef and authConfigId"],
        &[
            "an AuthExport can't adopt or observe an object: remove adopt and set mode to Enforce or Plan",
        ],
        &["must be Once, OnChange or a duration of at least 15m"],
    );
    let (budget, once, renew_before) = (
        &["when is shorter than 1h: set a maxPerDay that lasts for 24 hours, such as 96 for 15m"],
        &["renewBefore has no effect with when: Once: remove one of them"],
        &["must be between 1m and 720h"],
    );
    let exports = vec![
        (json!({"authConfigId": "c", "when": "2h"}), &[][..]),
        (json!({}), target),
        (
            json!({"authConfigId": "c", "adopt": {"id": "pac_1"}}),
            record,
        ),
        (
            json!({"authConfigId": "c", "when": "14m59s", "maxPerDay": 1000}),
            when,
        ),
        (json!({"authConfigId": "c", "when": "59m"}), budget),
        (
            json!({"authConfigId": "c", "when": "15m", "maxPerDay": 95}),
            budget,
        ),
        (
            json!({"authConfigId": "c", "when": "15m", "maxPerDay": 96}),
            &[],
        ),
        (
            json!({"authConfigId": "c", "when": "Once", "renewBefore": "1h"}),
            once,
        ),
        (json!({"authConfigId": "c", "renewBefore": "1h"}), &[]),
        (
            json!({"authConfigId": "c", "renewBefore": "59s"}),
            renew_before,
        ),
        (
            json!({"authConfigId": "c", "renewBefore": "721h"}),
            renew_before,
        ),
    ];
    [
        created("AuthImport", imports),
        vec![turns],
        changes_of_targets(),
        created("AuthExport", exports),
        created("AuthExport", secrets()),
    ]
    .concat()
}

/// Returns cases of Secrets that are exported to.
fn secrets() -> Vec<(Value, &'static [&'static str])> {
    let with = |field: &str, value: Value| {
        let secret = json!({"name": "s", field: value});
        json!({"authConfigId": "c", "secret": secret})
    };
    let types = TYPES.map(|(type_, admitted)| {
        let messages: &[&str] = if admitted { &[] } else { &[RESERVED_TYPE] };
        (with("type", json!(type_)), messages)
    });
    let keys = KEYS.iter().flat_map(|&(key, admitted)| {
        let messages: &[&str] = if admitted { &[] } else { &[RESERVED_KEY] };
        ["labels", "annotations"].map(|field| (with(field, json!({key: "x"})), messages))
    });
    types.into_iter().chain(keys).collect()
}

/// Types of Secrets, and whether an AuthExport may ask for them.
const TYPES: [(&str, bool); 16] = [
    ("Opaque", true),
    ("kubernetes.io/basic-auth", true),
    ("kubernetes.io/tls", true),
    ("kubernetes.io/ssh-auth", true),
    ("kubernetes.io/dockerconfigjson", true),
    ("example.com/token", true),
    ("mykubernetes.io/token", true),
    ("kubernetes.io/service-account-token", false),
    ("kubernetes.io/dockercfg", false),
    ("bootstrap.kubernetes.io/token", false),
    ("cluster.k8s.io/secret", false),
    ("helm.sh/release.v1", false),
    ("argocd.argoproj.io/cluster", false),
    ("metorial.com/key", false),
    ("token", false),
    ("example.com/", false),
];

/// Keys of labels and annotations, and whether an AuthExport may ask for them.
const KEYS: [(&str, bool); 10] = [
    ("app", true),
    ("example.com/team", true),
    ("reloader.stakater.com/match", true),
    ("mykubernetes.io/team", true),
    ("kubernetes.io/service-account.name", false),
    ("app.kubernetes.io/name", false),
    ("node-role.k8s.io/x", false),
    ("meta.helm.sh/release-name", false),
    ("argocd.argoproj.io/secret-type", false),
    ("metorial.com/export", false),
];

#[test]
fn the_code_refuses_the_same_secrets_as_admission() {
    for (spec, messages) in secrets() {
        let secret: ExportSecret = serde_json::from_value(spec["secret"].clone()).unwrap();
        let refusal = secret.reserved();
        let (refused, expected) = (refusal.is_some(), !messages.is_empty());
        assert_eq!(refused, expected, "{spec}: {refusal:?}");
        let field = spec["secret"]
            .as_object()
            .unwrap()
            .keys()
            .find(|key| *key != "name");
        let named = refusal.is_none_or(|text| {
            text.starts_with(&format!("spec.secret.{}", field.unwrap()))
                && text.ends_with(messages[0])
        });
        assert!(named, "{spec}");
    }
}

/// Returns cases that change the target of an import.
fn changes_of_targets() -> Vec<Case> {
    let (provider, method) = (
        &["providerId can't be changed: create a new resource for another provider"],
        &["authMethodId can't be changed: create a new resource for another method"],
    );
    let all = json!({"providerId": "p", "deploymentId": "d", "authMethodId": "m"});
    let changes = [
        (
            json!({"providerId": "p"}),
            json!({"providerId": "p"}),
            &[][..],
        ),
        (
            json!({"authConfigId": "c"}),
            json!({"authConfigId": "e"}),
            &[],
        ),
        (
            json!({"authConfigId": "c"}),
            json!({"authConfigRef": {"name": "c"}}),
            &[],
        ),
        (
            json!({"providerId": "p"}),
            json!({"providerId": "q"}),
            provider,
        ),
        (
            json!({"providerId": "p"}),
            json!({"providerId": "p", "authMethodId": "m"}),
            method,
        ),
        (
            all.clone(),
            json!({"providerId": "p", "deploymentId": "d"}),
            method,
        ),
        (
            all,
            json!({"providerId": "p", "deploymentId": "d", "authMethodId": "n"}),
            method,
        ),
    ];
    let case = |(from, to, messages): (Value, Value, _)| ("AuthImport", to, Some(from), messages);
    changes.map(case).to_vec()
}
