//! People take away our finalizer or edit a status: what can be known again is known again.

use crate::support::{Environment, Kind, Snapshot, credentials};
use metorial_operator::resources::FINALIZER;
use serde_json::{Value, json};

async fn wait_finalizer(env: &Environment) -> Snapshot {
    env.credentials("github")
        .wait("the finalizer is back", |object| {
            object.finalizers().iter().any(|f| f == FINALIZER)
        })
        .await
}

#[tokio::test]
async fn a_finalizer_that_is_removed_is_added_again_and_still_works() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.credentials("github").drop_finalizers().await;
    wait_finalizer(&env).await;
    env.check_oracles().await;
    assert_eq!(env.writes().len(), 1);

    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_status_that_is_wiped_or_falsified_is_corrected_without_a_second_object() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let remote = env.only(Kind::Credentials);
    let forged = json!([{
        "type": "Ready", "status": "False", "reason": "Forged", "message": "",
        "lastTransitionTime": "2020-01-01T00:00:00Z"
    }]);
    for edit in [
        Value::Null,
        json!({"id": null}),
        json!({"id": null, "instanceId": null}),
        json!({"id": "par_never_there"}),
        json!({"remoteUpdatedAt": "2001-01-01T00:00:00Z"}),
        json!({"remoteUpdatedAt": "no time at all"}),
        json!({"lastAppliedRevision": "v1:no:fingerprint"}),
        json!({"inputs": null, "metadataKeys": ["kubernetes"]}),
        json!({"connection": "Nonsense/x"}),
        json!({"connection": "Connection/other"}),
        json!({"conditions": []}),
        json!({"observedGeneration": 99}),
        json!({"conditions": forged, "observedGeneration": 99}),
    ] {
        env.credentials("github").edit_status(edit.clone()).await;
        let asked = env.credentials("github").reconcile_now().await;
        let object = env.credentials("github").wait_recorded().await;
        assert_eq!(object.status().id.as_ref(), Some(&remote.id), "{edit}");
        assert_eq!(object.status().instance_id, Some(env.instance.to_string()));
        assert_eq!(asked.ready().reason, "Synced", "{edit}");
        let status = object.status();
        assert_eq!(status.connection.as_deref(), Some("Connection/default"));
        assert!(object.is_current(), "{edit}");
    }
    let posts = env.writes().into_iter().filter(|w| w.starts_with("POST"));
    assert_eq!(posts.count(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn without_status_and_finalizer_the_operator_still_finds_its_object() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let remote = env.only(Kind::Credentials);
    env.credentials("github").lose_status().await;
    env.credentials("github").drop_finalizers().await;
    wait_finalizer(&env).await;
    let object = env.credentials("github").wait_recorded().await;
    assert_eq!(object.status().id.as_ref(), Some(&remote.id));
    env.check_oracles().await;
    assert_eq!(env.writes().len(), 1);
}

#[tokio::test]
async fn a_wiped_status_does_not_keep_a_deletion_from_finding_the_object() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.credentials("github").lose_status().await;
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_status_that_names_an_object_of_another_resource_does_not_lead_to_it() {
    let env = Environment::running().await;
    env.create(credentials("other")).await;
    let other = env.only(Kind::Credentials);
    env.create(credentials("github")).await;
    env.credentials("github")
        .edit_status(json!({"id": other.id}))
        .await;
    env.credentials("github").reconcile_now().await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.until("the other one has its new value", async || {
        let now = env.sim.object(&other.id).unwrap();
        (now.write_only["client_secret"] == "rotated").then_some(())
    })
    .await;
    env.credentials("github").remove().await;
    let now = env.sim.object(&other.id).unwrap();
    assert_eq!(now.readable["status"], "active");
    assert_eq!(now.readable["metadata"]["kubernetes"]["name"], "other");
    assert_eq!(now.readable["name"], "other");
}
