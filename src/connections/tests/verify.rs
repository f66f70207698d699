//! The checks that a connection has to pass.

use super::settings;
use crate::connections::verify;
use crate::kinds::Inputs;
use crate::plan::fingerprint::MacKey;
use crate::remote::RemoteError;
use crate::remote::budget::Spent;
use crate::remote::testing::{proxy_refusal, refusal, unreachable_error};
use crate::resources::{ConnectionKey, ConnectionKind, InstanceStatus, Reason};
use crate::settings::AllowedAccounts;
use metorial::Method::Get;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn a_base_url_must_lie_below_an_allowed_one() {
    let allowed = [
        url("https://api.metorial.com"),
        url("http://simulator:8080/v1/"),
    ];
    for (text, is_allowed) in [
        (None, true),
        (Some("https://api.metorial.com"), true),
        (Some("https://api.metorial.com/"), true),
        (Some("https://api.metorial.com/eu"), true),
        (Some("https://api.metorial.com:443/"), true),
        (Some("http://simulator:8080/v1"), true),
        (Some("http://simulator:8080/v1/x"), true),
        (Some("http://api.metorial.com"), false),
        (Some("https://api.metorial.com:8443"), false),
        (Some("https://api.metorial.com.evil.example"), false),
        (Some("https://api.metorial.com@evil.example"), false),
        (Some("https://user:password@api.metorial.com"), false),
        (Some("https://evil.example/https://api.metorial.com"), false),
        (Some("http://simulator:8080/v10"), false),
        (Some("http://simulator:8080/v1/../admin"), false),
        (Some("http://simulator:8080"), false),
        (Some("no url"), false),
    ] {
        let result = verify::base_url(text, &allowed);
        assert_eq!(result.is_ok(), is_allowed, "{text:?}");
        if let Err(not_ready) = result {
            assert_eq!(not_ready.reason, Reason::UrlNotAllowed);
            assert!(!not_ready.transient, "{text:?}");
        }
    }
    let refused = verify::base_url(Some("http://secret@evil.example"), &allowed).unwrap_err();
    let message = refused.message;
    let listed = "the operator calls https://api.metorial.com/, http://simulator:8080/v1/ only";
    assert!(
        message.contains(listed) && message.contains("allowedBaseUrls"),
        "{message}"
    );
    assert!(!message.contains("secret@"), "{message}");
    assert!(verify::base_url(None, &[]).is_err());
    let with_user = "https://user@a.example";
    assert!(verify::base_url(Some(with_user), &[url(with_user)]).is_err());
}

/// Returns what a key of the production instance `ins_1` does not match.
fn mismatch(spec: &Value, status: &Value, opened_before: Option<&str>) -> Option<String> {
    let found = InstanceStatus {
        id: "ins_1".to_owned(),
        type_: Some("production".to_owned()),
        ..InstanceStatus::default()
    };
    let result = verify::check_instance(&settings(spec, status), opened_before, &found);
    let not_ready = result.err()?;
    assert_eq!(not_ready.reason, Reason::InstanceMismatch);
    assert!(!not_ready.transient);
    let expected = not_ready.message.split_once(", but ")?.1;
    Some(expected.split_once(':')?.0.to_owned())
}

#[test]
fn a_key_must_open_the_instance_that_the_spec_names() {
    for (guard, expected) in [
        (json!({}), None),
        (json!({"id": "ins_1"}), None),
        (json!({"type": "production"}), None),
        (json!({"id": "ins_1", "type": "production"}), None),
        (json!({"id": "ins_2"}), Some("spec.instance.id is ins_2")),
        (
            json!({"type": "development"}),
            Some("spec.instance.type is development"),
        ),
        (
            json!({"id": "ins_1", "type": "development"}),
            Some("spec.instance.type is development"),
        ),
    ] {
        let spec = json!({"instance": guard});
        let found = mismatch(&spec, &json!({}), None);
        assert_eq!(found.as_deref(), expected, "{spec}");
    }
    assert_eq!(mismatch(&json!({}), &json!({}), None), None);
}

#[test]
fn a_key_must_open_the_instance_that_was_pinned() {
    let id = |id: &str| json!({"instance": {"id": id}});
    let none = || json!({});
    let pinned = |id: &str| Some(format!("this connection is pinned to {id}"));
    let named = Some("spec.instance.id is ins_2".to_owned());
    for (spec, status, opened_before, expected) in [
        (none(), id("ins_1"), None, None),
        (none(), id("ins_2"), None, pinned("ins_2")),
        (none(), none(), Some("ins_1"), None),
        (none(), none(), Some("ins_2"), pinned("ins_2")),
        // The status outlives the process, so it comes before what the process remembers.
        (none(), id("ins_1"), Some("ins_2"), None),
        (none(), id("ins_3"), Some("ins_1"), pinned("ins_3")),
        // A spec that names the new instance does not lift the pin.
        (id("ins_1"), id("ins_2"), None, pinned("ins_2")),
        (id("ins_2"), id("ins_3"), None, named),
    ] {
        let found = mismatch(&spec, &status, opened_before);
        assert_eq!(found, expected, "{spec}, {status}, {opened_before:?}");
    }
}

#[test]
fn an_instance_does_not_move_to_another_organization() {
    let recorded = json!({"instance": {"id": "ins_1", "organizationId": "org_1"}});
    let recorded = settings(&json!({}), &recorded);
    for (organization, same) in [(Some("org_1"), true), (None, true), (Some("org_2"), false)] {
        let found = InstanceStatus {
            id: "ins_1".to_owned(),
            organization_id: organization.map(str::to_owned),
            ..InstanceStatus::default()
        };
        let result = verify::check_instance(&recorded, None, &found);
        assert_eq!(result.is_ok(), same, "{organization:?}");
    }
}

#[test]
fn only_a_listed_account_may_be_sent_anything() {
    let found = |organization: Option<&str>| InstanceStatus {
        id: "ins_1".to_owned(),
        organization_id: organization.map(str::to_owned),
        ..InstanceStatus::default()
    };
    for (organizations, instances, organization, allowed) in [
        (&[][..], &[][..], Some("org_1"), true),
        (&[], &[], None, true),
        (&["org_1"], &[], Some("org_1"), true),
        (&["org_2"], &[], Some("org_1"), false),
        // One that the server does not name may be any.
        (&["org_1"], &[], None, false),
        (&[], &["ins_1"], None, true),
        (&["org_1"], &["ins_2"], Some("org_1"), false),
        (&["org_2"], &["ins_1"], Some("org_1"), false),
    ] {
        let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let accounts = AllowedAccounts {
            organizations: texts(organizations),
            instances: texts(instances),
        };
        let result = verify::check_account(&accounts, &found(organization));
        assert_eq!(result.is_ok(), allowed, "{accounts:?} {organization:?}");
        let reason = result.err().map(|not_ready| not_ready.reason);
        assert_eq!(reason, (!allowed).then_some(Reason::InstanceMismatch));
    }
}

#[test]
fn an_instance_of_unknown_type_is_not_the_one_that_a_guard_asks_for() {
    let found = InstanceStatus {
        id: "ins_1".to_owned(),
        ..InstanceStatus::default()
    };
    let guarded = settings(&json!({"instance": {"type": "production"}}), &json!({}));
    assert!(verify::check_instance(&guarded, None, &found).is_err());
}

#[test]
fn only_namespaces_that_are_named_or_selected_may_use_a_cluster_connection() {
    let key = ConnectionKey::new(ConnectionKind::ClusterConnection, "apps", "shared");
    let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
    for (allowed, admitted) in [
        (json!({}), false),
        (json!({"names": []}), false),
        (json!({"names": ["other"]}), false),
        (json!({"names": ["other", "apps"]}), true),
        (json!({"selector": {}}), true),
        (json!({"selector": {"matchLabels": {"team": "a"}}}), true),
        (json!({"selector": {"matchLabels": {"team": "b"}}}), false),
        (
            json!({"names": ["apps"], "selector": {"matchLabels": {"team": "b"}}}),
            true,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}}),
            true,
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}),
            false,
        ),
        // An operator that does not exist: nobody is admitted by mistake.
        (
            json!({"selector": {"matchExpressions": [{"key": "team", "operator": "Like", "values": ["a"]}]}}),
            false,
        ),
    ] {
        let rule = serde_json::from_value(allowed.clone()).unwrap();
        let result = verify::check_namespace(&key, &rule, "apps", &labels);
        assert_eq!(result.is_ok(), admitted, "{allowed}");
        if let Err(not_ready) = result {
            assert_eq!(not_ready.reason, Reason::NamespaceNotAllowed);
        }
    }
}

#[tokio::test]
async fn each_failure_of_the_api_has_one_meaning_for_a_connection() {
    use Reason::{ApiVersionUnsupported, Forbidden, PaymentRequired, RateLimited};
    let seven = Some(Duration::from_secs(7));
    for (status, code, reason, transient, wait) in [
        (400, "bad_request", Reason::RemoteRejected, false, None),
        (401, "unauthorized", Reason::Unauthorized, false, None),
        (402, "payment_required", PaymentRequired, false, None),
        (403, "forbidden", Forbidden, false, None),
        (406, "bad_version", ApiVersionUnsupported, false, None),
        (429, "rate_limit_exceeded", RateLimited, true, seven),
        (500, "internal", Reason::RemoteUnavailable, true, None),
    ] {
        let error = refusal(Get, status, code, json!({})).await;
        check(&error, reason, transient, wait);
    }
    let refused = refusal(Get, 401, "unauthorized", json!({})).await;
    let of = settings(&json!({}), &json!({}));
    let message = verify::of_error(&refused, &of, &url("https://api.metorial.com")).message;
    let place = format!("Secret {}, key {} (401", of.key.name, of.key.key);
    assert!(message.contains(&place), "{message}");
    assert!(
        message.contains("allow this cluster's address"),
        "{message}"
    );
    let route = refusal(Get, 404, "not_found", json!({"entity": "endpoint"})).await;
    check(&route, ApiVersionUnsupported, false, None);
    let unreachable = RemoteError::Api(unreachable_error().await);
    check(&unreachable, Reason::RemoteUnavailable, true, None);
    let spent = RemoteError::BudgetSpent(Spent {
        wait: Duration::from_secs(7),
        message: "rate limit reached".to_owned(),
    });
    check(&spent, RateLimited, true, seven);
}

#[tokio::test]
async fn only_the_apis_own_rejection_is_about_the_instance_of_the_spec() {
    use Reason::{InvalidSpec, RemoteRejected, RemoteUnavailable};
    let named = || json!({"code": "not_found", "entity": "organization.instance", "id": "ins_1"});
    let code = |code: &str| Some(json!({"code": code}));
    let of_organization = Some("set spec.instance.id");
    let unknown = Some("the key reaches no instance \"ins_1\"");
    // A null takes the code away.
    let without_code = Some(json!({"code": null}));
    for (status, body, with_id, reason, part) in [
        (
            400,
            code("bad_request"),
            false,
            InvalidSpec,
            of_organization,
        ),
        (400, code("bad_request"), true, InvalidSpec, unknown),
        (404, Some(named()), true, InvalidSpec, unknown),
        (404, Some(named()), false, RemoteRejected, None),
        (422, code("invalid_data"), false, RemoteRejected, None),
        (400, without_code, false, RemoteUnavailable, None),
        (400, None, false, RemoteUnavailable, None),
        (400, None, true, RemoteUnavailable, None),
        (421, None, false, RemoteUnavailable, None),
        (431, None, true, RemoteUnavailable, None),
    ] {
        let error = match &body {
            Some(body) => refusal(Get, status, "", body.clone()).await,
            None => proxy_refusal(status).await,
        };
        let spec = match with_id {
            true => json!({"instance": {"id": "ins_1"}}),
            false => json!({}),
        };
        let of = settings(&spec, &json!({}));
        let not_ready = verify::of_instance(&error, &of, &url("https://api.metorial.com"));
        let case = format!("{status} {body:?} {with_id}: {}", not_ready.message);
        assert_eq!(not_ready.reason, reason, "{case}");
        assert_eq!(not_ready.transient, reason == RemoteUnavailable, "{case}");
        let about_spec = not_ready.message.contains("spec.instance.id");
        assert_eq!(about_spec, part.is_some(), "{case}");
        assert!(
            not_ready.message.contains(part.unwrap_or_default()),
            "{case}"
        );
    }
}

fn check(error: &RemoteError, reason: Reason, transient: bool, wait: Option<Duration>) {
    let of = settings(&json!({}), &json!({}));
    let not_ready = verify::of_error(error, &of, &url("https://api.metorial.com"));
    let found = (not_ready.reason, not_ready.transient, not_ready.wait);
    assert_eq!(found, (reason, transient, wait), "{}", not_ready.message);
}

#[test]
fn the_fingerprint_of_a_session_changes_with_its_address_key_and_certificates() {
    let mac = MacKey::new(vec![1; 32]).unwrap();
    let with_roots = json!({"caBundle": {"configMapKeyRef": {"name": "ca", "key": "ca"}}});
    let fingerprint = |address: &str, key: &str, roots: Option<&str>| {
        let spec = roots.map_or(json!({}), |_| with_roots.clone());
        let settings = settings(&spec, &json!({}));
        let mut inputs = Inputs::default();
        let key = key.as_bytes().to_vec();
        inputs.insert(settings.key.clone(), key, "uid").unwrap();
        if let (Some(reference), Some(roots)) = (&settings.ca_bundle, roots) {
            let roots = roots.as_bytes().to_vec();
            inputs.insert(reference.clone(), roots, "uid").unwrap();
        }
        verify::fingerprint(&mac, &url(address), &settings, &inputs).unwrap()
    };
    let first = fingerprint("https://a.example", "key", None);
    assert_eq!(first, fingerprint("https://a.example", "key", None));
    for other in [
        fingerprint("https://b.example", "key", None),
        fingerprint("https://a.example", "other", None),
        fingerprint("https://a.example", "key", Some("roots")),
    ] {
        assert_ne!(first, other);
    }
}
