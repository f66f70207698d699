//! Fingerprints that a status shows: they tell nobody whether a guess equals a secret.

use super::fixture::{Fixture, bound, mac, owner, recorded};
use crate::kinds::{Inputs, Kind};
use crate::plan::desired::Desired;
use crate::plan::facts::{Answer, Query};
use crate::plan::observed::ListedImport;
use crate::plan::steps::Step;
use crate::resources::{AuthImport, ProviderAuthConfig, ProviderConfigVault, Reason};
use serde_json::{Value, json};

/// A vault, or an import, whose `pin` comes from this source.
fn with_pin<K: Kind>(kind: &str, spec: &Value, value: &Value, secret: (&str, &str)) -> Desired {
    let mut spec = spec.clone();
    spec["value"] = value.clone();
    let resource: K = serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": kind,
        "metadata": {"name": "github", "namespace": "team"},
        "spec": spec,
    }))
    .unwrap();
    let mut inputs = Inputs::default();
    for reference in resource.references() {
        let (text, uid) = secret;
        inputs
            .insert(reference, text.as_bytes().to_vec(), uid)
            .unwrap();
    }
    resource.desired(&inputs, &owner("uid"), &mac()).unwrap()
}

fn vault(value: &Value, secret: (&str, &str)) -> Desired {
    let spec = json!({"providerId": "postgres"});
    with_pin::<ProviderConfigVault>("ProviderConfigVault", &spec, value, secret)
}

fn import(value: &Value, secret: (&str, &str)) -> Desired {
    let spec = json!({"note": "n", "authConfigId": "pac_1"});
    with_pin::<AuthImport>("AuthImport", &spec, value, secret)
}

fn from(name: &str) -> Value {
    let key = json!({"name": name, "key": "pin"});
    json!({"from": [{"pointer": "/pin", "secretKeyRef": key}]})
}

#[test]
fn a_literal_or_another_secret_with_the_same_value_has_other_fingerprints_in_the_status() {
    let literal = json!({"literal": {"pin": "1234"}});
    let secret = vault(&from("bank"), ("1234", "a"));
    for guess in [
        vault(&literal, ("", "")),
        vault(&from("mine"), ("1234", "b")),
        vault(&from("bank"), ("1234", "created-again")),
    ] {
        assert_ne!(guess.revision, secret.revision);
        let fingerprint =
            |desired: &Desired| desired.value_fingerprint().cloned().expect("a fingerprint");
        assert_ne!(fingerprint(&guess), fingerprint(&secret));
        // The API compares values, wherever they come from.
        assert_eq!(guess.marker.fingerprint, secret.marker.fingerprint);
    }
}

#[test]
fn a_value_that_only_serves_to_create_an_object_can_t_be_guessed_from_the_status_either() {
    let spec = json!({"authMethodId": "token", "valuePolicy": "Initial"});
    let config = |value: &Value, secret| {
        with_pin::<ProviderAuthConfig>("ProviderAuthConfig", &spec, value, secret)
    };
    let literal = json!({"literal": {"pin": "1234"}});
    let secret = config(&from("bank"), ("1234", "a"));
    for guess in [
        config(&literal, ("", "")),
        config(&from("mine"), ("1234", "b")),
        config(&from("bank"), ("1234", "created-again")),
    ] {
        assert_ne!(guess.revision, secret.revision);
    }
    let same = config(&from("bank"), ("1234", "a"));
    assert_eq!(same.revision, secret.revision);
    let changed = config(&from("bank"), ("4321", "a"));
    assert_ne!(changed.revision, secret.revision);
    assert_eq!(secret.all_inputs().count(), 0, "the status shows none");
    let managed = json!({"authMethodId": "token"});
    let pin = from("bank");
    let managed =
        with_pin::<ProviderAuthConfig>("ProviderAuthConfig", &managed, &pin, ("1234", "a"));
    assert_ne!(managed.revision, secret.revision, "another policy");
}

#[test]
fn the_same_value_from_another_secret_sends_nothing() {
    let (before, now) = (
        vault(&from("bank"), ("1234", "a")),
        vault(&from("bank"), ("1234", "created-again")),
    );
    let remote = super::fixture::created(&before, "pcvt_1", 9);
    let fixture = Fixture::of(&now, recorded(&before, "pcvt_1"));
    let plan = fixture.observes(remote).plan();
    assert_eq!(plan.verdict.reason, Reason::Synced);
    assert_eq!(bound(&plan), Some("pcvt_1"));
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn the_same_value_from_another_secret_is_not_imported_again() {
    let before = import(&from("bank"), ("1234", "a"));
    let now = import(&from("bank"), ("1234", "created-again"));
    let other = import(&from("bank"), ("4321", "a"));
    let mut record = recorded(&before, "pac_1");
    record.imports = vec!["paci_1".to_owned()];
    let imported = ListedImport {
        id: "paci_1".to_owned(),
        tag: Some(before.import_tag(None)),
        of_create: false,
        created_at: super::fixture::second(9),
        expires_at: None,
    };
    let mut remote = super::fixture::created(&before, "pac_1", 9);
    remote.marker = None;
    for (desired, imports) in [(&now, false), (&other, true)] {
        let fixture = Fixture::of(desired, record.clone()).observes(remote.clone());
        let fixture = fixture.lists_imports("pac_1", vec![imported.clone()]);
        let schema = crate::plan::schema::ValueSchema::AuthConfig {
            id: "pac_1".to_owned(),
            method: None,
        };
        let plan = fixture
            .fact(Query::Violations(schema), Answer::Violations(None))
            .plan();
        let sends = plan.has(|step| matches!(step, Step::Import { .. }));
        assert_eq!(sends, imports, "{:?}", plan.steps);
    }
}
