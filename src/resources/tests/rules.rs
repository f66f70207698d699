//! The rules that admission checks, without an API server.

use super::case::{Case, created};
use super::deployments;
use super::records;
use super::schemas::{everywhere, of_wholes, schema};
use kube::core::cel::Validator;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const OBSERVE: &str = "mode Observe needs an existing object: set adopt.id";
pub(super) const PROVIDER: &str =
    "providerId can't be changed: create a new resource for another provider";
const METADATA: &str = "metadata.kubernetes is reserved for the operator: use another key";
const SOURCE: &str = "set exactly one of value, configMapKeyRef and secretKeyRef";
const CASCADE: &str =
    "defaults.deletionPolicy must be Delete or Orphan: set Cascade on a single resource instead";
const INTERVAL: &str = "must be between 1m and 24h";

pub(super) fn with(change: Value) -> Value {
    merged(&json!({"providerId": "github"}), change)
}

pub(super) fn merged(spec: &Value, change: Value) -> Value {
    let mut spec = spec.clone();
    if let (Value::Object(spec), Value::Object(change)) = (&mut spec, change) {
        spec.extend(change);
    }
    spec
}

fn cases() -> Vec<Case> {
    [
        of_credentials(),
        of_intervals(),
        of_connections(),
        of_values(),
        of_configs(),
        of_texts(),
        deployments::cases(),
        records::cases(),
    ]
    .concat()
}

fn of_credentials() -> Vec<Case> {
    let key = json!({"name": "a", "key": "b"});
    let id = |source: Value| json!({"oauth": {"clientId": source}});
    let adopt = json!({"id": "par_1"});
    let cases = [
        (with(json!({})), None, &[][..]),
        (with(json!({"mode": "Enforce"})), None, &[]),
        (with(json!({"mode": "Observe"})), None, &[OBSERVE]),
        (with(json!({"mode": "Observe", "adopt": adopt})), None, &[]),
        (with(json!({"name": "x"})), Some(with(json!({}))), &[]),
        (
            with(json!({"providerId": "x"})),
            Some(with(json!({}))),
            &[PROVIDER],
        ),
        (with(json!({"metadata": {"team": "a"}})), None, &[]),
        (
            with(json!({"metadata": {"kubernetes": {}}})),
            None,
            &[METADATA],
        ),
        (id(json!({"value": "a"})), None, &[]),
        (id(json!({"secretKeyRef": key})), None, &[]),
        (id(json!({"configMapKeyRef": key})), None, &[]),
        (id(json!({})), None, &[SOURCE]),
        (
            id(json!({"value": "a", "secretKeyRef": key})),
            None,
            &[SOURCE],
        ),
        (
            id(json!({"configMapKeyRef": key, "secretKeyRef": key})),
            None,
            &[SOURCE],
        ),
    ];
    let of = |(spec, before, messages)| ("ProviderAuthCredentials", spec, before, messages);
    cases.into_iter().map(of).collect()
}

fn of_intervals() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for (text, messages) in [
        ("1m", &[][..]),
        ("24h", &[]),
        ("1h30m", &[]),
        ("90s", &[]),
        ("59s", &[INTERVAL]),
        ("24h1s", &[INTERVAL]),
        ("0s", &[INTERVAL]),
    ] {
        let of = |kind, spec| (kind, spec, None, messages);
        let (defaults, after) = (json!({"interval": text}), json!({"after": text}));
        cases.push(of(
            "ProviderAuthCredentials",
            with(json!({"interval": text})),
        ));
        cases.push(of("Connection", json!({"defaults": defaults})));
        cases.push(of("ClusterConnection", json!({"onUnreachable": after})));
        cases.push(of("Connection", json!({"rateLimit": {"per": text}})));
    }
    cases
}

fn of_connections() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for kind in ["Connection", "ClusterConnection"] {
        let of = |policy: &str, messages| {
            let spec = json!({"defaults": {"deletionPolicy": policy}});
            (kind, spec, None, messages)
        };
        cases.push(of("Delete", &[][..]));
        cases.push(of("Orphan", &[]));
        cases.push(of("Cascade", &[CASCADE]));
    }
    cases.extend(of_selectors());
    cases
}

fn of_selectors() -> Vec<Case> {
    let selecting = |selector: Value| json!({"allowedNamespaces": {"selector": selector}});
    let requiring = |requirement: Value| selecting(json!({"matchExpressions": [requirement]}));
    let label =
        &["must be the value of a label: letters, digits, '-', '_' and '.', such as team-a"];
    let key = &["must be the key of a label, such as team or example.com/team"];
    let values = &["values must be set for In and NotIn, and only for them"];
    let of = |operator: &str| json!({"key": "example.com/tier", "operator": operator});
    let with_values =
        |operator: &str, values: Value| merged(&of(operator), json!({"values": values}));
    created(
        "ClusterConnection",
        vec![
            (selecting(json!({})), &[][..]),
            (
                selecting(json!({"matchLabels": {"team": "team-a", "of": ""}})),
                &[],
            ),
            (selecting(json!({"matchLabels": {"team": "team a"}})), label),
            (requiring(json!({"key": "a b", "operator": "Exists"})), key),
            (requiring(of("Exists")), &[]),
            (requiring(with_values("NotIn", json!(["a"]))), &[]),
            (requiring(with_values("In", json!(["-a"]))), label),
            (requiring(of("In")), values),
            (requiring(with_values("NotIn", json!([]))), values),
            (requiring(with_values("Exists", json!(["a"]))), values),
        ],
    )
}

fn of_values() -> Vec<Case> {
    let key = json!({"name": "a", "key": "b"});
    let part = |part: Value| json!({"value": {"from": [part]}});
    let (method, part_of, whole) = (
        &["authMethodId can't be changed: create a new resource for another method"],
        &["set exactly one of secretKeyRef and configMapKeyRef"],
        &["pointer '' sets the whole value: set format to Json, or name a field in pointer"],
    );
    let of = |id: &str| json!({"authMethodId": id});
    let kind = "ProviderAuthConfig";
    let changes: [Case; 2] = [
        (kind, of("m"), Some(of("m")), &[]),
        (kind, of("n"), Some(of("m")), method),
    ];
    let vaults = vec![
        (json!({"value": {"literal": {}}}), &[][..]),
        (json!({"value": {}}), &["set literal, from, or both"]),
        (part(json!({"pointer": "/a", "secretKeyRef": key})), &[]),
        (part(json!({"pointer": "/a"})), part_of),
        (part(json!({"pointer": "", "secretKeyRef": key})), whole),
        (json!({"replaceGrace": "0s"}), &[]),
        (json!({"replaceGrace": "25h"}), &["must be at most 24h"]),
    ];
    [changes.to_vec(), created("ProviderConfigVault", vaults)].concat()
}

fn of_configs() -> Vec<Case> {
    let filter = |filter: Value| json!({"toolFilters": [filter], "vaultId": "v"});
    let (one, keys, pattern, uris) = (
        &["set exactly one of value, vaultRef and vaultId"],
        &["keys must be set for the types tool_keys and prompt_keys, and only for them"],
        &[
            "pattern must be set for the types tool_regex, resource_regex and prompt_regex, and only for them",
        ],
        &["uris must be set for the type resource_uris, and only for it"],
    );
    let both = json!({"vaultId": "v", "value": {"literal": {}}});
    let cases = vec![
        (json!({"vaultId": "v"}), &[][..]),
        (both, one),
        (filter(json!({"type": "tool_keys", "keys": ["a"]})), &[]),
        (filter(json!({"type": "tool_keys"})), keys),
        (filter(json!({"type": "tool_regex"})), pattern),
        (filter(json!({"type": "resource_uris"})), uris),
    ];
    created("ProviderConfig", cases)
}

/// Texts that don't match their pattern.
fn of_texts() -> Vec<Case> {
    let secret =
        |name: &str, key: &str| json!({"apiKey": {"secretKeyRef": {"name": name, "key": key}}});
    let exported = |when: &str| json!({"authConfigId": "a", "when": when, "secret": {"name": "s"}});
    let key = json!({"name": "a", "key": "b"});
    let part = json!({"pointer": "password", "secretKeyRef": key});
    let duration = &["must be a duration: use h, m and s, as in 24h or 1h30m"];
    let connections = vec![
        (
            secret("A_b", "key"),
            &[
                "must be the name of an object: lower-case letters, digits, '-' and '.', such as my-app",
            ][..],
        ),
        (
            secret("a", "the key"),
            &[
                "must be a key of a Secret or ConfigMap: letters, digits, '-', '_' and '.', such as client-secret",
            ],
        ),
        (
            json!({"baseUrl": "api.metorial.com"}),
            &["must be an http or https URL without user info, such as https://api.metorial.com"],
        ),
        (
            json!({"adoptFrom": ["a b"]}),
            &["must be a uid: letters, digits and '-'"],
        ),
    ];
    let credentials = vec![
        (
            json!({"providerId": "../x"}),
            &["must be an id or alias of Metorial, such as github: letters, digits and '@._~:+-/'"]
                [..],
        ),
        (with(json!({"interval": "1d"})), duration),
        (with(json!({"interval": "1h30m"})), &[]),
    ];
    let others = [
        created(
            "ClusterConnection",
            vec![(
                json!({"allowedNamespaces": {"names": ["Team_A"]}}),
                &[
                    "must be the name of a namespace: lower-case letters, digits and '-', such as team-a",
                ][..],
            )],
        ),
        created(
            "ProviderAuthConfig",
            vec![(
                json!({"authMethodId": "m", "deploymentId": "a/b"}),
                &["must be an id of Metorial: letters, digits, '-' and '_'"][..],
            )],
        ),
        created(
            "AuthExport",
            vec![(
                exported("1d"),
                &["must be Once, OnChange or a duration: use h, m and s, as in 24h or 1h30m"][..],
            )],
        ),
        created(
            "ProviderConfigVault",
            vec![(
                json!({"value": {"from": [part]}}),
                &["must be a JSON pointer, such as /password or /database/password"][..],
            )],
        ),
    ];
    let first = [
        created("Connection", connections),
        created("ProviderAuthCredentials", credentials),
    ];
    [first.concat(), others.concat()].concat()
}

#[test]
fn every_rule_admits_valid_specs_and_explains_how_to_correct_others() {
    let validator = Validator::new();
    for (kind, spec, before, expected) in cases() {
        // Its object exists.
        let of = |spec: &Value| json!({"spec": spec, "status": {"id": "x"}});
        let (before, object) = (before.as_ref().map(of), of(&spec));
        let result = validator.validate(schema(kind), &object, before.as_ref());
        let errors = result.err().map(|errors| errors.into_vec());
        let messages: Vec<String> = errors.into_iter().flatten().map(|it| it.message).collect();
        assert_eq!(messages, expected, "{kind} {spec}");
    }
}

#[test]
fn an_id_can_be_corrected_until_an_object_exists_or_may_exist() {
    let validator = Validator::new();
    let ambiguous = json!({"conditions": [{"type": "Ready", "reason": "AmbiguousCreate"}]});
    let refused = json!({"conditions": [{"type": "Ready", "reason": "InvalidSpec"}]});
    for (status, admitted) in [
        (json!({}), true),
        (json!({"observedGeneration": -1}), true),
        (refused, true),
        (ambiguous, false),
        (json!({"id": "par_1"}), false),
    ] {
        let of = |provider: &str| json!({"spec": {"providerId": provider}, "status": status});
        let kind = schema("ProviderAuthCredentials");
        let result = validator.validate(kind, &of("github"), Some(&of("githubb")));
        assert_eq!(result.is_ok(), admitted, "{status}");
        let unchanged = validator.validate(kind, &of("github"), Some(&of("github")));
        assert!(unchanged.is_ok(), "{status}");
    }
}

#[test]
fn every_rule_has_a_message_and_a_case() {
    let mut messages = BTreeSet::new();
    let mut collect = |path: &str, schema: &Value| {
        let rules = schema["x-kubernetes-validations"].as_array();
        for rule in rules.into_iter().flatten() {
            let message = rule["message"].as_str();
            messages.insert(
                message
                    .unwrap_or_else(|| panic!("{path}: {rule}"))
                    .to_owned(),
            );
        }
    };
    everywhere("spec", &mut collect);
    of_wholes(&mut collect);
    let tested = cases().into_iter().flat_map(|case| case.3.iter());
    assert_eq!(
        messages,
        tested.map(|&message| message.to_owned()).collect()
    );
}
