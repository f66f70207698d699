//! The first story of the product: an OAuth app is declared, and it is there; the Secret changes, and the change is
//! there; the resource goes, and the app is gone.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

mod support;

use kube::ResourceExt;
use metorial_operator::resources::{FINALIZER, ProviderAuthCredentials};
use support::{World, credentials};

#[tokio::test]
async fn an_oauth_app_is_made_changed_and_deleted_as_it_is_declared() {
    let world = World::running().await;
    world.apply(credentials("github")).await;

    let made = world.wait_ready("github").await;
    let remote = world.only_remote();
    assert_eq!(
        made.status.as_ref().unwrap().common.id.as_ref(),
        Some(&remote.id)
    );
    assert_eq!(remote.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(remote.write_only["client_secret"], world.client_secret);
    assert_eq!(remote.readable["name"], "github");
    assert!(
        made.finalizers()
            .iter()
            .any(|finalizer| finalizer == FINALIZER)
    );
    assert_eq!(world.writes(), ["POST /provider-auth-credentials"]);

    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    world
        .wait_remote("the new secret is there", |o| {
            o.write_only["client_secret"] == "rotated-0123456789"
        })
        .await;
    world.wait_ready("github").await;
    world.check_oracles().await;

    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}
