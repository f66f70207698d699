//! Cases for the rules of imports and exports.

use super::case::{Case, created};
use serde_json::{Value, json};

/// Returns the cases.
pub(super) fn cases() -> Vec<Case> {
    let (target, alone, turned, record) = (
        &["set exactly one of authConfigRef, authConfigId and providerId"],
        &[
            "deploymentId and authMethodId can only be set with providerId: an existing auth config already has its own",
        ],
        &["providerId can't be added or removed: create a new resource for another target"],
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
        &["must be Once, OnChange or a duration of at least 1h"],
    );
    let exports = vec![
        (json!({"authConfigId": "c", "when": "2h"}), &[][..]),
        (json!({}), target),
        (
            json!({"authConfigId": "c", "adopt": {"id": "pac_1"}}),
            record,
        ),
        (json!({"authConfigId": "c", "when": "59m"}), when),
    ];
    [
        created("AuthImport", imports),
        vec![turns],
        changes_of_targets(),
        created("AuthExport", exports),
    ]
    .concat()
}

/// Returns cases that change the target of an import.
fn changes_of_targets() -> Vec<Case> {
    let (provider, deployment, method) = (
        &["providerId can't be changed: create a new resource for another provider"],
        &["deploymentId can't be changed: create a new resource for another deployment"],
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
            json!({"providerId": "p", "deploymentId": "d"}),
            deployment,
        ),
        (
            all.clone(),
            json!({"providerId": "p", "authMethodId": "m"}),
            deployment,
        ),
        (
            all.clone(),
            json!({"providerId": "p", "deploymentId": "e", "authMethodId": "m"}),
            deployment,
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
