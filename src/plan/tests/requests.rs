//! What a PATCH contains: what changed, and nothing that is known to be there.

use super::fixture::{Fixture, bound, created, mac, owner, recorded, second};
use crate::kinds::{Inputs, Kind};
use crate::plan::desired::Desired;
use crate::plan::fingerprint::MacKey;
use crate::plan::observed::RemoteView;
use crate::plan::record::Record;
use crate::plan::request;
use crate::plan::steps::Step;
use crate::resources::ProviderAuthCredentials;
use serde_json::{Value, json};
use std::sync::Arc;

/// Credentials with this client id and secret.
fn app(id: &str, secret: &str, key: &Arc<MacKey>) -> Desired {
    let spec = json!({
        "providerId": "github",
        "name": "github",
        "oauth": {
            "clientId": {"secretKeyRef": {"name": "app", "key": "id"}},
            "clientSecret": {"secretKeyRef": {"name": "app", "key": "secret"}},
            "scopes": ["repo"]
        }
    });
    let resource: ProviderAuthCredentials = serde_json::from_value(json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": "github", "namespace": "team"},
        "spec": spec,
    }))
    .unwrap();
    let mut inputs = Inputs::default();
    for reference in resource.references() {
        let text = if reference.key == "id" { id } else { secret };
        let bytes = text.as_bytes().to_vec();
        inputs.insert(reference, bytes, "secret-uid").unwrap();
    }
    resource.desired(&inputs, &owner("uid"), key).unwrap()
}

/// The members of the PATCH that brings an object to what is desired; none where nothing is sent.
fn sent(desired: &Desired, record: Record, remote: RemoteView) -> Vec<String> {
    let plan = Fixture::of(desired, record).observes(remote).plan();
    let bodies = plan.steps.iter().filter_map(|step| match step {
        Step::Update {
            remote,
            differences,
        } => Some(request::update(desired, differences, remote, &[])),
        _ => None,
    });
    let bodies: Vec<Value> = bodies.collect();
    assert!(bodies.len() <= 1);
    let members = bodies.iter().filter_map(Value::as_object);
    members.flat_map(|body| body.keys().cloned()).collect()
}

#[test]
fn a_rotation_sends_the_value_that_changed_and_the_marker_with_its_digest() {
    let key = mac();
    let before = app("id", "secret", &key);
    let object = || created(&before, "par_1", 9);
    let record = || recorded(&before, "par_1");
    for (after, members) in [
        (
            app("id", "rotated", &key),
            &["client_secret", "metadata"][..],
        ),
        (app("other", "secret", &key), &["client_id", "metadata"]),
        (
            app("other", "rotated", &key),
            &["client_id", "client_secret", "metadata"],
        ),
        (app("id", "secret", &key), &[]),
    ] {
        assert_eq!(sent(&after, record(), object()), members);
    }
}

#[test]
fn every_value_is_sent_where_it_is_not_certain_which_ones_are_there() {
    let key = mac();
    let (before, after) = (app("id", "secret", &key), app("id", "rotated", &key));
    let both = ["client_id", "client_secret", "metadata"];
    let record = || recorded(&before, "par_1");
    // Somebody wrote after us, or our own last write was not recorded.
    let mut written = created(&before, "par_1", 9);
    written.updated_at = second(10);
    assert_eq!(sent(&after, record(), written), both);
    // Nothing is recorded of this object.
    let unrecorded = Record {
        inputs: Vec::new(),
        ..record()
    };
    let object = || created(&before, "par_1", 9);
    assert_eq!(sent(&after, unrecorded, object()), both);
    let unknown = Record {
        remote_updated_at: None,
        ..record()
    };
    assert_eq!(sent(&after, unknown, object()), both);
    // The digests are of a key that was lost.
    let other = Arc::new(MacKey::new(vec![8; 32]).unwrap());
    assert_eq!(sent(&app("id", "secret", &other), record(), object()), both);
}

#[test]
fn an_adoption_that_changes_nothing_sends_nothing() {
    let desired = super::fixture::auth_config("a");
    let record = Record {
        id: None,
        revision: None,
        inputs: Vec::new(),
        ..recorded(&desired, "pac_1")
    };
    let remote = created(&desired, "pac_1", 9);
    let fixture = Fixture::of(&desired, record).observes(remote.clone());
    let mut fixture = fixture.finds(vec![remote]);
    fixture.policy.adopt = Some(crate::resources::Adopt {
        id: "pac_1".to_owned(),
        policy: None,
    });
    let plan = fixture.plan();
    assert_eq!(bound(&plan), Some("pac_1"), "{:?}", plan.steps);
    assert!(!plan.asks_api(), "{:?}", plan.steps);
}
