//! Entries of resources.

use super::*;
use crate::resources::{ConnectionKind, ProviderAuthConfig, ProviderConfig, ProviderDeployment};
use serde_json::{Value, json};

fn read(spec: &Value, status: &Value) -> Entry {
    let resource = json!({
        "metadata": {"name": "r", "namespace": "apps", "finalizers": [FINALIZER]},
        "spec": spec,
        "status": status,
    });
    Entry::read::<ProviderAuthConfig>(&resource.to_string()).unwrap()
}

/// Returns what of a deployment with this status depends on any of these objects.
fn depending(status: &Value, terminating: bool) -> Vec<(String, Relation)> {
    let mut resource = json!({
        "metadata": {"name": "d", "namespace": "apps"},
        "spec": {"providerId": "postgres"},
        "status": status,
    });
    if terminating {
        resource["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    }
    let entry = Entry::read::<ProviderDeployment>(&resource.to_string()).unwrap();
    let ids = ["pcf_1", "pcf_2", "pde_1"].map(str::to_owned);
    let of = ResourceKey::new("ProviderConfig", "apps", "c");
    let found = entry.depending_on(&of, &ids).into_iter();
    found.map(|it| (it.of, it.relation)).collect()
}

#[test]
fn a_deployment_depends_on_the_default_config_that_its_status_shows() {
    let shows = json!({"id": "pde_1", "deploymentId": "pde_1", "defaultConfigId": "pcf_1"});
    for terminating in [true, false] {
        let relation = Relation::DefaultConfig { terminating };
        let found = depending(&shows, terminating);
        assert_eq!(found, [("pcf_1".to_owned(), relation)]);
    }
    let without = json!({"id": "pde_1", "deploymentId": "pde_1"});
    assert!(depending(&without, false).is_empty());
    assert!(depending(&json!({}), false).is_empty());
}

#[test]
fn a_deployment_that_may_exist_unrecorded_may_depend_on_what_its_spec_refers_to() {
    let ids = ["pcf_1", "pcf_2"].map(str::to_owned);
    let key = |namespace, name| ResourceKey::new("ProviderConfig", namespace, name);
    let (referred, other) = (key("shared", "settings"), key("apps", "settings"));
    let may_depend = |finalizers: &Value, status: &Value| {
        let reference = json!({"name": "settings", "namespace": "shared"});
        let resource = json!({
            "metadata": {"name": "d", "namespace": "apps", "finalizers": finalizers},
            "spec": {"providerId": "postgres", "defaultConfigRef": reference},
            "status": status,
        });
        let entry = Entry::read::<ProviderDeployment>(&resource.to_string()).unwrap();
        assert!(entry.may_depend_on(&other, &ids).is_empty());
        let found = entry.may_depend_on(&referred, &ids).into_iter();
        found.map(|it| (it.of, it.id)).collect::<Vec<_>>()
    };
    let (kept, id) = (json!([FINALIZER]), "ProviderDeployment/apps/d");
    let expected = ids.clone().map(|of| (of, id.to_owned()));
    let sent = json!({"instanceId": "ins_1"});
    assert_eq!(may_depend(&kept, &sent), expected);
    assert!(may_depend(&json!([]), &sent).is_empty(), "never sent");
    let recorded = json!({"id": "pde_1", "defaultConfigId": "pcf_1"});
    assert!(may_depend(&kept, &recorded).is_empty(), "it is known");
    let observed = json!({"id": "pde_1", "observed": true, "instanceId": "ins_1"});
    assert_eq!(may_depend(&kept, &observed), expected, "it has another");
    assert!(
        may_depend(&kept, &json!({})).is_empty(),
        "anybody can write that"
    );
}

#[test]
fn a_deployment_of_the_same_namespace_may_depend_on_a_config_even_if_it_cannot_be_read() {
    let ids = ["pcf_1".to_owned()];
    let count = |spec: &Value, status: &Value, namespace: &str| {
        let resource = json!({
            "metadata": {"name": "d", "namespace": "apps", "finalizers": [FINALIZER]},
            "spec": spec,
            "status": status,
        });
        let entry = Entry::read::<ProviderDeployment>(&resource.to_string()).unwrap();
        let of = ResourceKey::new("ProviderConfig", namespace, "settings");
        entry.may_depend_on(&of, &ids).len()
    };
    let refers = json!({"providerId": "postgres", "defaultConfigRef": {"name": "settings"}});
    assert_eq!(count(&refers, &json!({}), "apps"), 1, "its status is lost");
    assert_eq!(count(&refers, &json!(7), "apps"), 1);
    assert_eq!(
        count(&json!({"providerId": "postgres"}), &json!(7), "apps"),
        1
    );
    assert_eq!(count(&refers, &json!(7), "other"), 0);
    let metadata = r#"{"metadata": {"name": "d", "namespace": "apps", "finalizers": ["metorial.com/remote"], "labels": 7}}"#;
    let entry = Entry::read::<ProviderDeployment>(metadata).unwrap();
    assert!(entry.unreadable && entry.may_depend_on_any(&ids));
}

#[test]
fn a_replaced_object_depends_on_the_former_objects_of_what_its_resource_has_to_do_with() {
    let status = json!({
        "id": "pcf_1", "vaultId": "pcvt_1",
        "pendingDeletion": [{"id": "pcf_0", "since": "2026-01-01T00:00:00Z"}],
    });
    let resource = json!({
        "metadata": {"name": "c", "namespace": "apps", "finalizers": [FINALIZER]},
        "spec": {"providerId": "postgres", "vaultRef": {"name": "main"}},
        "status": status,
    });
    let entry = Entry::read::<ProviderConfig>(&resource.to_string()).unwrap();
    assert!(!entry.unreadable && entry.pending_deletion == ["pcf_0"]);
    let depending = |kind, name: &str, ids: &[&str]| {
        let of = ResourceKey::new(kind, "apps", name);
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let found = entry.depending_on(&of, &ids).into_iter();
        found.map(|it| (it.of, it.id)).collect::<Vec<_>>()
    };
    let pair = |of: &str, id: &str| (of.to_owned(), id.to_owned());
    let unrelated = depending("ProviderDeployment", "other", &["pde_unrelated"]);
    assert!(unrelated.is_empty(), "{unrelated:?}");
    assert_eq!(
        depending("ProviderConfigVault", "renamed", &["pcvt_1", "pcvt_0"]),
        [pair("pcvt_1", "pcf_1"), pair("pcvt_0", "pcf_0")],
        "the vault was replaced as well"
    );
    assert_eq!(
        depending("ProviderConfigVault", "main", &["pcvt_0"]),
        [pair("pcvt_0", "pcf_0")],
        "the vault that the spec names"
    );
}

#[test]
fn an_object_that_is_missing_for_more_than_a_day_is_not_lost_with_those_of_today() {
    let counts = |reason: &str, hours: i64| {
        let since = Timestamp::UNIX_EPOCH;
        let ready = json!([{"type": "Ready", "status": "False", "reason": reason, "message": "", "lastTransitionTime": since}]);
        let status = json!({"id": "pac_1", "instanceId": "ins_1", "conditions": ready});
        let now = since + SignedDuration::from_hours(hours);
        read(&json!({}), &status).counted_in("ins_1", now).is_some()
    };
    assert!(counts("RemoteMissing", 23), "with the others, perhaps");
    assert!(!counts("RemoteMissing", 25));
    assert!(counts("SuspiciousLoss", 25));
}

fn connection(text: &str, namespace: &str) -> ConnectionKey {
    ConnectionKey::parse(text, namespace).unwrap()
}

#[test]
fn a_resource_that_cannot_be_read_is_not_taken_for_absent() {
    let [main, other, shared, elsewhere] = [
        connection("Connection/main", "apps"),
        connection("Connection/other", "apps"),
        connection("ClusterConnection/shared", ""),
        connection("Connection/main", "elsewhere"),
    ];
    let status = json!({"id": "pac_1", "instanceId": "ins_1", "connection": "Connection/main"});
    let entry = read(&json!(7), &status);
    assert_eq!(entry.key.to_string(), "ProviderAuthConfig/apps/r");
    let now = Timestamp::UNIX_EPOCH;
    let counted = entry.counted_in("ins_1", now).map(String::as_str);
    assert_eq!(counted, Some("pac_1"));
    assert!(entry.uses(&main) && !entry.uses(&other) && !entry.uses(&shared));
    let sent = json!({"instanceId": "ins_1", "connection": "Connection/main"});
    let may_exist = read(&json!({}), &sent);
    assert!(may_exist.uses(&main) && may_exist.counted_in("ins_1", now).is_none());

    let entry = read(&json!(7), &json!(7));
    assert!(entry.unreadable && entry.id.is_none());
    assert!(entry.uses(&main) && entry.uses(&other) && entry.uses(&shared));
    assert!(!entry.uses(&elsewhere), "out of reach");
    let free = Entry {
        finalizer: false,
        ..entry
    };
    assert!(!free.uses(&main), "nothing of it is left to delete");
    assert!(Entry::read::<ProviderAuthConfig>(r#"{"metadata": 7}"#).is_none());
}

#[test]
fn a_resource_uses_a_connection_if_it_is_recorded_and_the_resource_has_our_finalizer() {
    let key = ConnectionKey::new(ConnectionKind::Connection, "apps", "main");
    let recorded = Some("Connection/main");
    for (id, connection, namespace, finalizer, uses) in [
        (Some("pac_1"), recorded, "apps", true, true),
        (Some("pac_1"), recorded, "other", true, false),
        (
            Some("pac_1"),
            Some("ClusterConnection/main"),
            "apps",
            true,
            false,
        ),
        (Some("pac_1"), Some("main"), "apps", true, false),
        // A create may have been applied.
        (None, recorded, "apps", true, true),
        (Some("pac_1"), None, "apps", true, false),
        (Some("pac_1"), recorded, "apps", false, false),
    ] {
        let finalizers = if finalizer {
            vec![FINALIZER]
        } else {
            Vec::new()
        };
        let resource = json!({
            "metadata": {"name": "r", "namespace": namespace, "finalizers": finalizers},
            "status": {"id": id, "connection": connection},
        });
        let entry = Entry::read::<ProviderAuthConfig>(&resource.to_string()).unwrap();
        assert!(!entry.unreadable);
        assert_eq!(
            entry.uses(&key),
            uses,
            "{id:?} {connection:?} in {namespace}"
        );
    }
}
