//! Deletions that end: whatever the spec says by then, and whatever is left at Metorial.

use crate::support::{World, credentials, status, with};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use metorial_operator::resources::{FINALIZER, ProviderAuthCredentials};
use serde_json::json;

#[tokio::test]
async fn a_deleted_resource_is_deleted_at_metorial_once_and_only_then_gone_here() {
    let world = World::running().await;
    let made = world.make(credentials("github")).await;
    world.make(credentials("sibling")).await;
    let id = status(&made).id.unwrap();
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(
        world.sim.object(&id).unwrap().readable["status"],
        "archived"
    );
    let deletes: Vec<_> = world
        .attempts()
        .into_iter()
        .filter(|a| a.starts_with("DELETE"))
        .collect();
    assert_eq!(deletes, [format!("DELETE /provider-auth-credentials/{id}")]);
    world.check_oracles().await;
}

#[tokio::test]
async fn what_is_gone_at_metorial_already_is_as_good_as_deleted() {
    let world = World::running().await;
    for (name, purged) in [("archived", false), ("purged", true)] {
        let made = world.make(credentials(name)).await;
        let id = status(&made).id.unwrap();
        world.sim.archive(&id);
        if purged {
            world.sim.purge(&id);
        }
        world.delete::<ProviderAuthCredentials>(name).await;
        world.wait_gone::<ProviderAuthCredentials>(name).await;
    }
    assert!(world.remote().is_empty());
    let writes = world.attempts();
    assert!(
        writes.iter().all(|write| write.starts_with("POST")),
        "{writes:?}"
    );
}

#[tokio::test]
async fn a_broken_spec_deletes_as_well_as_a_good_one() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    world.make(credentials("other")).await;
    world.delete::<Secret>("oauth-app").await;
    world.wait_reason("github", "SecretNotFound").await;
    let through = json!({"connectionRef": {"name": "no-such-connection"}});
    world.edit_spec("other", through).await;
    for name in ["github", "other"] {
        world.delete::<ProviderAuthCredentials>(name).await;
        world.wait_gone::<ProviderAuthCredentials>(name).await;
    }
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn finalizers_of_others_are_left_to_them_and_our_part_is_done_once() {
    let world = World::running().await;
    let theirs = "example.com/archive-first";
    let held = json!({"metadata": {"finalizers": [theirs]}});
    let made = world.make(with(credentials("github"), held)).await;
    assert_eq!(made.finalizers(), [theirs, FINALIZER]);
    world.delete::<ProviderAuthCredentials>("github").await;
    world
        .wait_for(
            "github",
            "free of us",
            |object: &ProviderAuthCredentials| object.finalizers() == [theirs],
        )
        .await;
    assert!(world.remote().is_empty());
    let asked = world.requests();
    world.request::<ProviderAuthCredentials>("github").await;
    world.check_quiet().await;
    assert_eq!(world.requests(), asked, "nothing is left to be asked");

    let free = json!({"metadata": {"finalizers": null}});
    world.patch::<ProviderAuthCredentials>("github", free).await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
}

#[tokio::test]
async fn what_belongs_to_somebody_else_by_now_is_not_deleted() {
    let world = World::running().await;
    let made = world.make(credentials("github")).await;
    let id = status(&made).id.unwrap();
    let mut metadata = world.only_remote().readable["metadata"].clone();
    metadata["kubernetes"]["cluster"] = "another-cluster".into();
    metadata["kubernetes"]["uid"] = "another-uid".into();
    world.sim.edit(&id, json!({"metadata": metadata}));
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.only_remote().id, id);
    assert!(
        world
            .events("github")
            .await
            .contains(&"Orphaned".to_owned())
    );
}

#[tokio::test]
async fn a_deletion_that_metorial_refuses_waits_and_says_why() {
    let world = World::running().await;
    let made = world.make(credentials("github")).await;
    let id = status(&made).id.unwrap();
    world.sim.set_in_use(&id, true);
    world.delete::<ProviderAuthCredentials>("github").await;
    world
        .wait_says("github", "RemoteRejected", "archive_not_allowed")
        .await;
    world.check_quiet().await;
    assert_eq!(world.only_remote().id, id);
    world.sim.set_in_use(&id, false);
    world.request::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}
