//! Objects that are lost at Metorial: created again, reported, or held back for an approval.

use crate::support::{Environment, Kind, credentials, in_shard, literal_vault};
use metorial_simulator::Stored;
use serde_json::json;

fn archive(env: &Environment, remote: &Stored) {
    assert!(env.sim.archive(&remote.id));
}

/// As 14 days later.
fn purge(env: &Environment, remote: &Stored) {
    archive(env, remote);
    assert!(env.sim.purge(&remote.id));
}

/// Waits until the approval to create lost objects again is removed.
async fn approval_ended(env: &Environment) {
    env.until("the approval is removed", async || {
        let connection = env.connection("default").get().await;
        let annotations = connection.metadata.annotations.clone();
        (!annotations
            .unwrap_or_default()
            .contains_key("metorial.com/approve"))
        .then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lost_object_is_created_again_with_all_its_values_and_the_new_id_is_recorded() {
    for remove in [archive, purge] {
        let env = Environment::running().await;
        env.create(credentials("github")).await;
        let lost = env.only(Kind::Credentials);
        remove(&env, &lost);
        env.credentials("github").reconcile_now().await;

        let remade = env
            .wait_only(Kind::Credentials, "another object", |o| o.id != lost.id)
            .await;
        assert_eq!(remade.write_only, lost.write_only);
        assert_eq!(remade.readable["name"], "github");
        let object = env.credentials("github").wait_recorded().await;
        assert_eq!(object.status().id.as_ref(), Some(&remade.id));
        let former = object.status().previous_ids.unwrap_or_default();
        assert_eq!(former.len(), 1);
        assert_eq!(former[0].id, lost.id);
        let note = env
            .credentials("github")
            .wait_event("RemoteRecreated")
            .await;
        assert!(note.contains(&lost.id), "{note}");
        assert_eq!(
            env.writes(),
            ["POST /provider-auth-credentials"; 2],
            "nothing but the two creates"
        );
        env.check_oracles().await;
    }
}

#[tokio::test]
async fn under_report_a_lost_object_is_reported_and_created_again_only_when_the_policy_says_so() {
    for remove in [archive, purge] {
        let env = Environment::running().await;
        env.create(credentials("github").reporting_drift()).await;
        let lost = env.only(Kind::Credentials);
        remove(&env, &lost);
        env.credentials("github").reconcile_now().await;

        let object = env.credentials("github").wait_reason("RemoteMissing").await;
        let message = object.message();
        assert!(
            message.contains(&lost.id) && message.contains("Correct"),
            "{message}"
        );
        env.check_quiet().await;
        assert_eq!(env.attempts().len(), 1);

        env.credentials("github")
            .edit(json!({"drift": "Correct"}))
            .await;
        env.credentials("github").wait_ready().await;
        assert_ne!(env.only(Kind::Credentials).id, lost.id);
        env.check_oracles().await;
    }
}

#[tokio::test]
async fn the_loss_of_most_objects_at_once_waits_for_an_approval() {
    let env = Environment::running().await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        env.create(credentials(name)).await;
    }
    let (kept, lost) = (
        env.live(Kind::Credentials).remove(3),
        &env.live(Kind::Credentials)[..3],
    );
    lost.iter().for_each(|remote| archive(&env, remote));
    for name in names {
        env.credentials(name).reconcile_now().await;
    }
    for name in &names[..3] {
        env.credentials(name).wait_reason("SuspiciousLoss").await;
    }
    let connection = env
        .connection("default")
        .wait_reason("SuspiciousLoss")
        .await;
    let message = connection.message();
    assert!(
        message.contains("metorial.com/approve=recreate"),
        "{message}"
    );
    assert_eq!(env.credentials("d").get().await.ready().status, "True");
    env.check_quiet().await;
    assert_eq!(env.attempts().len(), 4, "nothing is made again");

    env.connection("default").approve("recreate").await;
    for name in names {
        env.credentials(name).wait_ready().await;
        env.credentials(name).wait_recorded().await;
    }
    env.connection("default").wait_reason("Synced").await;
    assert_eq!(env.live(Kind::Credentials).len(), 4);
    assert!(
        env.live(Kind::Credentials)
            .iter()
            .any(|remote| remote.id == kept.id)
    );
    assert_eq!(env.writes().len(), 7);

    // The approval was for this loss alone.
    approval_ended(&env).await;
    env.check_oracles().await;
    assert_eq!(env.connection("default").get().await.reason(), "Synced");
    for remote in &env.live(Kind::Credentials)[..3] {
        archive(&env, remote);
    }
    for name in names {
        env.credentials(name).reconcile_now().await;
    }
    env.connection("default")
        .wait_reason("SuspiciousLoss")
        .await;
    env.check_quiet().await;
    assert_eq!(env.writes().len(), 7, "nothing is created again");
}

#[tokio::test]
async fn the_loss_of_two_of_four_objects_needs_no_approval() {
    let env = Environment::running().await;
    for name in ["a", "b", "c", "d"] {
        env.create(credentials(name)).await;
    }
    for remote in &env.live(Kind::Credentials)[..2] {
        archive(&env, remote);
    }
    for name in ["a", "b"] {
        env.credentials(name).reconcile_now().await;
    }
    env.until("there are four again", async || {
        (env.live(Kind::Credentials).len() == 4).then_some(())
    })
    .await;
    for name in ["a", "b"] {
        env.credentials(name).wait_recorded().await;
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn the_losses_of_several_objects_are_counted_once() {
    let env = Environment::running().await;
    let names = ["a", "b", "c", "d", "e", "f"];
    for name in names {
        env.create(credentials(name)).await;
    }
    env.create(literal_vault("vault")).await;
    for remote in &env.live(Kind::Credentials)[..3] {
        archive(&env, remote);
    }
    env.sim.clear_journal();
    for name in names {
        env.credentials(name).reconcile_now().await;
    }
    env.until("there are six again", async || {
        (env.live(Kind::Credentials).len() == names.len()).then_some(())
    })
    .await;
    for name in names {
        env.credentials(name).wait_recorded().await;
    }
    // Nothing but a count reads the vault now.
    let requests = env.requests();
    let counts = requests.iter().filter(|it| it.contains("vaults")).count();
    assert_eq!(counts, 1, "{requests:?}");
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_of_a_resource_whose_object_is_lost_sends_nothing() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    purge(&env, &env.only(Kind::Credentials));
    env.credentials("github").remove().await;
    assert_eq!(env.attempts().len(), 1);
}

#[tokio::test]
async fn an_approval_holds_until_every_shard_has_created_its_lost_objects_again() {
    let env = Environment::new().await;
    let _rest = env.start_another_operator(env.shard_settings(None));
    let shard = env.start_another_operator(env.shard_settings(Some("one")));
    let names = ["a", "b", "c"];
    for name in names {
        env.create(in_shard(credentials(name), "one")).await;
    }
    let lost = env.live(Kind::Credentials);
    lost.iter().for_each(|remote| archive(&env, remote));
    for name in names {
        env.credentials(name).reconcile_now().await;
        env.credentials(name).wait_reason("SuspiciousLoss").await;
    }
    shard.kill();
    env.sim.clear_journal();
    env.connection("default").approve("recreate").await;
    env.until("the owner of the connection counts again", async || {
        let requests = env.requests();
        let reads = requests.iter().filter(|it| it.contains("credentials"));
        (reads.count() > 0).then_some(())
    })
    .await;

    let _shard = env.start_another_operator(env.shard_settings(Some("one")));
    for name in names {
        env.credentials(name).wait_ready().await;
    }
    approval_ended(&env).await;
    assert_eq!(env.live(Kind::Credentials).len(), 3);
}
