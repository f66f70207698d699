//! Deletions that end: whatever the spec says by then, and whatever is left at Metorial.

use crate::support::{Environment, Form, Given, Kind, Snapshot, credentials, each, with};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::FINALIZER;
use metorial_simulator::UsedBy;
use serde_json::json;

#[tokio::test]
async fn a_deleted_resource_is_deleted_at_metorial_once_before_it_is_gone_here() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    env.create(credentials("sibling")).await;
    let id = made.id();
    env.credentials("github").remove().await;
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "archived");
    let deletes: Vec<_> = env
        .attempts()
        .into_iter()
        .filter(|a| a.starts_with("DELETE"))
        .collect();
    assert_eq!(deletes, [format!("DELETE /provider-auth-credentials/{id}")]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_that_was_deleted_while_no_operator_ran_is_gone_as_soon_as_one_starts() {
    each(Form::ALL, async |form| {
        let mut scenario = Given::form(form).settled().await;
        scenario.stop_operator().await;
        scenario.tested().delete().await;
        scenario.start_operator_that_waits();
        scenario.tested().wait_gone().await;
    })
    .await;
}

#[tokio::test]
async fn an_object_that_is_gone_at_metorial_already_counts_as_deleted() {
    let env = Environment::running().await;
    for (name, purged) in [("archived", false), ("purged", true)] {
        let made = env.create(credentials(name)).await;
        let id = made.id();
        env.sim.archive(&id);
        if purged {
            env.sim.purge(&id);
        }
        env.credentials(name).remove().await;
    }
    assert!(env.live(Kind::Credentials).is_empty());
    let writes = env.attempts();
    assert!(
        writes.iter().all(|write| write.starts_with("POST")),
        "{writes:?}"
    );
}

#[tokio::test]
async fn a_broken_spec_deletes_as_well_as_a_good_one() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    env.create(credentials("other")).await;
    env.delete::<Secret>("oauth-app").await;
    env.credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    let through = json!({"connectionRef": {"name": "no-such-connection"}});
    env.credentials("other").edit(through).await;
    for name in ["github", "other"] {
        env.credentials(name).remove().await;
    }
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn finalizers_of_others_are_left_to_them_and_our_part_is_done_once() {
    let env = Environment::running().await;
    let theirs = "example.com/archive-first";
    let held = json!({"metadata": {"finalizers": [theirs]}});
    let made = env.create(with(credentials("github"), held)).await;
    assert_eq!(made.finalizers(), [theirs, FINALIZER]);
    env.credentials("github").delete().await;
    env.credentials("github")
        .wait("free of us", |object: &Snapshot| {
            object.finalizers() == [theirs]
        })
        .await;
    assert!(env.live(Kind::Credentials).is_empty());
    let asked = env.requests();
    env.credentials("github").request_reconcile().await;
    env.check_quiet().await;
    assert_eq!(env.requests(), asked, "nothing is left to be asked");

    let free = json!({"metadata": {"finalizers": null}});
    env.credentials("github").patch(free).await;
    env.credentials("github").wait_gone().await;
}

#[tokio::test]
async fn what_belongs_to_somebody_else_by_now_is_not_deleted() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    let id = made.id();
    let mut metadata = env.only(Kind::Credentials).readable["metadata"].clone();
    metadata["kubernetes"]["cluster"] = "another-cluster".into();
    metadata["kubernetes"]["uid"] = "another-uid".into();
    env.sim.edit(&id, json!({"metadata": metadata}));
    env.credentials("github").remove().await;
    assert_eq!(env.only(Kind::Credentials).id, id);
    env.credentials("github").wait_event("Orphaned").await;
}

#[tokio::test]
async fn a_deletion_that_metorial_refuses_waits_and_says_why() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    let id = made.id();
    let blockers = env.sim.use_object(&id, UsedBy::Identity);
    env.credentials("github").delete().await;
    let blocked = env
        .credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    let message = blocked.message();
    for blocker in &blockers {
        assert!(message.contains(blocker), "{message}");
    }
    env.check_quiet().await;
    assert_eq!(env.only(Kind::Credentials).id, id);
    env.sim.set_in_use(&id, false);
    env.credentials("github").request_reconcile().await;
    env.credentials("github").wait_gone().await;
    assert!(env.live(Kind::Credentials).is_empty());
}
