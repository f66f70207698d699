//! The first story of the product: an OAuth app is declared, and it is there; the Secret changes, and the change is
//! there; the resource goes, and the app is gone.
#![allow(clippy::unwrap_used, reason = "a story that can't go on fails here")]

mod support;

use crate::support::{Environment, Kind, credentials};
use kube::ResourceExt;
use metorial_operator::resources::FINALIZER;

#[tokio::test]
async fn an_oauth_app_is_made_changed_and_deleted_as_it_is_declared() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;

    let made = env.credentials("github").wait_ready().await;
    let remote = env.only(Kind::Credentials);
    assert_eq!(made.status().id.as_ref(), Some(&remote.id));
    assert_eq!(remote.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(remote.write_only["client_secret"], env.client_secret);
    assert_eq!(remote.readable["name"], "github");
    assert!(
        made.finalizers()
            .iter()
            .any(|finalizer| finalizer == FINALIZER)
    );
    assert_eq!(env.writes(), ["POST /provider-auth-credentials"]);

    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.wait_only(Kind::Credentials, "the new secret is there", |o| {
        o.write_only["client_secret"] == "rotated-0123456789"
    })
    .await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;

    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}
