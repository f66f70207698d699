//! Objects that are gone at Metorial: made again, told, or not believed.

use crate::support::{World, credentials, ready, status, with};
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use metorial_simulator::Stored;
use serde_json::json;

fn archive(world: &World, remote: &Stored) {
    assert!(world.sim.archive(&remote.id));
}

/// As 14 days later.
fn purge(world: &World, remote: &Stored) {
    archive(world, remote);
    assert!(world.sim.purge(&remote.id));
}

#[tokio::test]
async fn a_deleted_object_is_made_again_with_all_its_values_and_the_new_id_is_told() {
    for remove in [archive, purge] {
        let world = World::running().await;
        world.make(credentials("github")).await;
        let lost = world.only_remote();
        remove(&world, &lost);
        world.look_again("github").await;

        let remade = world
            .wait_remote("another object", |o| o.id != lost.id)
            .await;
        assert_eq!(remade.write_only, lost.write_only);
        assert_eq!(remade.readable["name"], "github");
        let object = world.wait_recorded("github").await;
        assert_eq!(status(&object).id.as_ref(), Some(&remade.id));
        let former = status(&object).previous_ids.unwrap_or_default();
        assert_eq!(former.len(), 1);
        assert_eq!(former[0].id, lost.id);
        let told = world.wait_event("github", "RemoteRecreated").await;
        assert!(told.contains(&lost.id), "{told}");
        assert_eq!(
            world.writes(),
            ["POST /provider-auth-credentials"; 2],
            "nothing but the two creates"
        );
        world.check_oracles().await;
    }
}

#[tokio::test]
async fn under_report_a_deleted_object_is_missed_and_made_again_only_when_the_policy_says_so() {
    for remove in [archive, purge] {
        let world = World::running().await;
        world
            .make(with(
                credentials("github"),
                json!({"spec": {"drift": "Report"}}),
            ))
            .await;
        let lost = world.only_remote();
        remove(&world, &lost);
        world.look_again("github").await;

        let object = world.wait_reason("github", "RemoteMissing").await;
        let (_, _, message) = ready(&object).unwrap();
        assert!(
            message.contains(&lost.id) && message.contains("Correct"),
            "{message}"
        );
        world.check_quiet().await;
        assert_eq!(world.attempts().len(), 1);

        let correct = json!({"spec": {"drift": "Correct"}});
        world
            .patch::<ProviderAuthCredentials>("github", correct)
            .await;
        world.wait_ready("github").await;
        assert_ne!(world.only_remote().id, lost.id);
        world.check_oracles().await;
    }
}

#[tokio::test]
async fn most_objects_gone_at_once_is_not_believed_until_a_person_approves() {
    let world = World::running().await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        world.make(credentials(name)).await;
    }
    let (kept, lost) = (world.remote().remove(3), &world.remote()[..3]);
    lost.iter().for_each(|remote| archive(&world, remote));
    for name in names {
        world.look_again(name).await;
    }
    for name in &names[..3] {
        world.wait_reason(name, "SuspiciousLoss").await;
    }
    let connection = world.wait_connection("SuspiciousLoss").await;
    let conditions = connection.status.unwrap().conditions.unwrap();
    assert!(
        conditions[0]
            .message
            .contains("metorial.com/approve=recreate")
    );
    assert_eq!(ready(&world.credentials("d").await).unwrap().0, "True");
    world.check_quiet().await;
    assert_eq!(world.attempts().len(), 4, "nothing is made again");

    let approve = json!({"metadata": {"annotations": {"metorial.com/approve": "recreate"}}});
    world.patch::<Connection>("default", approve).await;
    for name in names {
        world.wait_ready(name).await;
        world.wait_recorded(name).await;
    }
    world.wait_connection("Synced").await;
    assert_eq!(world.remote().len(), 4);
    assert!(world.remote().iter().any(|remote| remote.id == kept.id));
    assert_eq!(world.writes().len(), 7);
    world.check_oracles().await;
}

#[tokio::test]
async fn two_of_four_gone_is_believed() {
    let world = World::running().await;
    for name in ["a", "b", "c", "d"] {
        world.make(credentials(name)).await;
    }
    for remote in &world.remote()[..2] {
        archive(&world, remote);
    }
    for name in ["a", "b"] {
        world.look_again(name).await;
    }
    world
        .until("there are four again", async || {
            (world.remote().len() == 4).then_some(())
        })
        .await;
    for name in ["a", "b"] {
        world.wait_recorded(name).await;
    }
    world.check_oracles().await;
}

#[tokio::test]
async fn an_object_that_is_deleted_here_while_it_is_gone_there_just_goes() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    purge(&world, &world.only_remote());
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.attempts().len(), 1);
}
