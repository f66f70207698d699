//! People take away our finalizer or edit a status: what can be known again is known again.

use crate::support::{World, credentials, ready, status};
use kube::ResourceExt;
use metorial_operator::resources::{FINALIZER, ProviderAuthCredentials};
use serde_json::{Value, json};

async fn take_finalizer(world: &World) {
    let none = json!({"metadata": {"finalizers": null}});
    world.patch::<ProviderAuthCredentials>("github", none).await;
}

async fn wait_finalizer(world: &World) -> ProviderAuthCredentials {
    world
        .wait_for(
            "github",
            "the finalizer is back",
            |object: &ProviderAuthCredentials| object.finalizers().iter().any(|f| f == FINALIZER),
        )
        .await
}

#[tokio::test]
async fn a_finalizer_that_is_taken_away_comes_back_and_still_does_its_work() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    take_finalizer(&world).await;
    wait_finalizer(&world).await;
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 1);

    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn a_status_that_is_wiped_or_falsified_is_put_right_without_a_second_object() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let remote = world.only_remote();
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
        json!({"lastAppliedRevision": "v1:no:digest"}),
        json!({"inputs": null, "metadataKeys": ["kubernetes"]}),
        json!({"connection": "Nonsense/x"}),
        json!({"conditions": forged, "observedGeneration": 99}),
    ] {
        world.edit_status("github", edit.clone()).await;
        let asked = world.look_again("github").await;
        let object = world.wait_recorded("github").await;
        assert_eq!(status(&object).id.as_ref(), Some(&remote.id), "{edit}");
        assert_eq!(
            status(&object).instance_id,
            Some(world.instance.to_string())
        );
        assert_eq!(ready(&asked).unwrap().1, "Synced", "{edit}");
    }
    let posts = world.writes().into_iter().filter(|w| w.starts_with("POST"));
    assert_eq!(posts.count(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_wiped_status_is_found_again_by_a_new_operator_too() {
    let mut world = World::running().await;
    world.make(credentials("github")).await;
    let remote = world.only_remote();
    world.kill_operator();
    world.edit_status("github", Value::Null).await;
    world.start_operator();
    let object = world.wait_recorded("github").await;
    assert_eq!(status(&object).id.as_ref(), Some(&remote.id));
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn with_status_and_finalizer_gone_the_operator_still_knows_that_it_made_an_object() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let remote = world.only_remote();
    world.edit_status("github", Value::Null).await;
    take_finalizer(&world).await;
    wait_finalizer(&world).await;
    let object = world.wait_recorded("github").await;
    assert_eq!(status(&object).id.as_ref(), Some(&remote.id));
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn a_wiped_status_does_not_keep_a_deletion_from_finding_the_object() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    world.edit_status("github", Value::Null).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn a_status_that_names_an_object_of_another_resource_does_not_lead_to_it() {
    let world = World::running().await;
    world.make(credentials("other")).await;
    let other = world.only_remote();
    world.make(credentials("github")).await;
    world.edit_status("github", json!({"id": other.id})).await;
    world.look_again("github").await;
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world
        .until("the other one has its new value", async || {
            let now = world.sim.object(&other.id).unwrap();
            (now.write_only["client_secret"] == "rotated").then_some(())
        })
        .await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    let now = world.sim.object(&other.id).unwrap();
    assert_eq!(now.readable["status"], "active");
    assert_eq!(now.readable["metadata"]["kubernetes"]["name"], "other");
    assert_eq!(now.readable["name"], "other");
}
