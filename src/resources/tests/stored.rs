//! Objects that another version of the definition admitted.

use crate::resources::{
    Connection, DeletionPolicy, ProviderAuthCredentials, ResourceStatus, Stored,
};
use serde_json::{Value, json};

type Credentials = Stored<ProviderAuthCredentials>;

fn read(spec: &Value, status: &Value) -> Credentials {
    let mut good = json!({
        "providerId": "github",
        "oauth": {
            "clientId": {"value": "id"},
            "clientSecret": {"secretKeyRef": {"name": "a", "key": "b"}},
            "scopes": []
        }
    });
    match spec.as_object() {
        Some(members) => good.as_object_mut().unwrap().extend(members.clone()),
        None => good = spec.clone(),
    }
    let object = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "ProviderAuthCredentials",
        "metadata": {"name": "github"},
        "spec": good,
        "status": status,
    });
    serde_json::from_str(&object.to_string()).unwrap()
}

fn deletion_policy(read: &Credentials) -> Option<DeletionPolicy> {
    read.object().spec.common.deletion_policy
}

#[test]
fn an_object_that_follows_the_definition_is_read_as_it_is() {
    let stored = read(&json!({"suspend": true}), &json!({"id": "par_1"}));
    assert_eq!((stored.unreadable(), stored.lost_status()), (None, false));
    assert_eq!(stored.object().spec.common.suspend, Some(true));
    assert_eq!(deletion_policy(&stored), None);
}

#[test]
fn what_is_wrong_in_a_spec_is_named_without_its_value_and_the_rest_is_read() {
    let wrong = json!({"suspend": "canary", "deletionPolicy": "Cascade", "providerId": 7});
    let stored = read(&wrong, &json!({"id": "par_1"}));
    let message = stored.unreadable().unwrap();
    assert!(
        message.contains("spec.providerId, spec.suspend;"),
        "{message}"
    );
    assert!(!message.contains("canary"), "{message}");
    assert_eq!(deletion_policy(&stored), Some(DeletionPolicy::Cascade));
    let status = stored.object().status.as_ref().unwrap();
    assert_eq!(status.common().id.as_deref(), Some("par_1"));
    assert!(!stored.lost_status());
}

#[test]
fn where_it_is_not_known_whether_an_object_is_to_be_deleted_it_is_left() {
    for wrong in [
        json!({"deletionPolicy": "Archive"}),
        json!({"mode": 7}),
        json!(7),
        json!(null),
    ] {
        let stored = read(&wrong, &json!({}));
        assert!(stored.unreadable().is_some(), "{wrong}");
        let policy = deletion_policy(&stored);
        assert_eq!(policy, Some(DeletionPolicy::Orphan), "{wrong}");
    }
}

#[test]
fn a_part_of_a_status_that_can_not_be_read_is_lost_and_says_so() {
    let lost = json!({"id": "par_1", "instanceId": 7, "inputs": [{"field": "a"}]});
    let stored = read(&json!({}), &lost);
    assert_eq!((stored.unreadable(), stored.lost_status()), (None, true));
    // A text that is no time follows the schema as far as it is compared.
    let untimely = json!({"id": "par_1", "pendingDeletion": [{"id": "par_2", "since": "soon"}]});
    let stored = read(&json!({}), &untimely);
    assert_eq!((stored.unreadable(), stored.lost_status()), (None, true));
    assert!(stored.object().status.is_none());
}

#[test]
fn an_object_without_a_name_is_none() {
    let nameless = r#"{"metadata": 7, "spec": {}}"#;
    assert!(serde_json::from_str::<Credentials>(nameless).is_err());
}

fn connection(defaults: &Value) -> Stored<Connection> {
    let object = json!({
        "apiVersion": "metorial.com/v1alpha1",
        "kind": "Connection",
        "metadata": {"name": "default"},
        "spec": {"apiKey": {"secretKeyRef": {"name": "a", "key": "b"}}, "defaults": defaults},
    });
    serde_json::from_str(&object.to_string()).unwrap()
}

#[test]
fn where_the_default_of_a_connection_can_not_be_read_objects_are_left() {
    for (defaults, policy) in [
        (
            json!({"deletionPolicy": "Archive"}),
            Some(DeletionPolicy::Orphan),
        ),
        (json!("Orphan"), Some(DeletionPolicy::Orphan)),
        (
            json!({"interval": 7, "deletionPolicy": "Delete"}),
            Some(DeletionPolicy::Delete),
        ),
        (json!({"interval": 7}), None),
    ] {
        let stored = connection(&defaults);
        assert!(stored.unreadable().is_some(), "{defaults}");
        let read = stored.object().spec.common.defaults.as_ref();
        let read = read.and_then(|defaults| defaults.deletion_policy);
        assert_eq!(read, policy, "{defaults}");
    }
}

#[test]
fn allowed_namespaces_that_can_not_be_read_whole_allow_none() {
    let of = |allowed: Value| {
        let stored = read(&json!({"allowedNamespaces": allowed}), &json!({}));
        let allowed = stored.object().spec.common.allowed_namespaces.clone();
        (stored.unreadable().is_some(), allowed.is_some())
    };
    let selector = |selector: Value| json!({"selector": selector, "names": ["apps"]});
    assert_eq!(
        of(selector(json!({"matchLabels": {"a": "b"}}))),
        (false, true)
    );
    for wrong in [
        json!(7),
        json!({"names": "apps"}),
        selector(json!({"matchLabels": {"a": 7}})),
        selector(json!({"matchExpressions": [{"key": "a", "operator": 7}]})),
    ] {
        assert_eq!(of(wrong.clone()), (true, false), "{wrong}");
    }
}

#[test]
fn a_spec_beside_a_lost_status_is_read_as_it_is() {
    let spec = json!({"metadata": {"a": null, "b": 1}});
    let stored = read(&spec, &json!({"id": 7}));
    assert_eq!((stored.unreadable(), stored.lost_status()), (None, true));
    let metadata = serde_json::to_value(&stored.object().spec.common.metadata).unwrap();
    assert_eq!(metadata, spec["metadata"]);
}
