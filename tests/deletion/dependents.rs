//! What Metorial would take along: the auth configs that people authorised with credentials.

use crate::support::{World, condition_of, credentials, message, status};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Collection, Fault, Stored};
use serde_json::json;

impl World {
    /// The auth configs of people that still are there.
    fn consents(&self) -> Vec<Stored> {
        let mut all = self.sim.objects(&self.instance, Collection::AuthConfigs);
        all.retain(|object| object.readable["status"] == "active");
        all
    }
}

/// Ready credentials that so many people authorised, and a sibling that one more did.
async fn authorised(people: usize) -> (World, String, Vec<String>) {
    let world = World::running().await;
    let id = status(&world.make(credentials("github")).await).id.unwrap();
    let other = status(&world.make(credentials("sibling")).await)
        .id
        .unwrap();
    let consent = |number: usize| {
        let name = json!({"name": format!("person-{number}")});
        world.sim.add_auth_config(&world.instance, &id, name)
    };
    let consents = (0..people).map(consent).collect();
    world
        .sim
        .add_auth_config(&world.instance, &other, json!({"name": "somebody else"}));
    (world, id, consents)
}

#[tokio::test]
async fn credentials_that_people_authorised_wait_and_name_them_until_cascade_accepts_the_loss() {
    let (world, id, consents) = authorised(2).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    let blocked = world.wait_reason("github", "DeletionBlocked").await;
    assert_eq!(condition_of(&blocked, "Stalled").unwrap().0, "True");
    let says = message(&blocked);
    for part in ["2 object(s)", "person-0", "person-1", "Cascade", "Orphan"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    for consent in &consents {
        assert!(says.contains(consent.as_str()), "{says}");
    }
    assert!(!says.contains("somebody else"), "{says}");
    world.check_quiet().await;
    assert_eq!((world.remote().len(), world.consents().len()), (2, 3));

    world
        .edit_spec("github", json!({"deletionPolicy": "Cascade"}))
        .await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    world.sim.settled().await;
    assert_eq!(
        world.sim.object(&id).unwrap().readable["status"],
        "archived"
    );
    assert_eq!(world.consents().len(), 1, "the sibling's is untouched");
    world.check_oracles().await;
}

#[tokio::test]
async fn credentials_go_by_themselves_when_the_last_that_needs_them_is_gone() {
    let (world, _, consents) = authorised(2).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world
        .wait_says("github", "DeletionBlocked", "2 object(s)")
        .await;
    world.sim.archive(&consents[0]);
    world
        .wait_says("github", "DeletionBlocked", "1 object(s)")
        .await;
    world.sim.archive(&consents[1]);
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.consents().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn blocked_credentials_may_be_orphaned() {
    let (world, id, _) = authorised(1).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_reason("github", "DeletionBlocked").await;
    world
        .edit_spec("github", json!({"deletionPolicy": "Orphan"}))
        .await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.sim.object(&id).unwrap().readable["status"], "active");
    assert_eq!(world.consents().len(), 2);
}

#[tokio::test]
async fn a_crowd_of_dependents_is_counted_in_full_and_named_in_part() {
    let (world, id, _) = authorised(130).await;
    world.delete::<ProviderAuthCredentials>("github").await;
    let blocked = world.wait_reason("github", "DeletionBlocked").await;
    let says = message(&blocked);
    for part in ["130 object(s)", "person-0", "person-9", "and 120 more"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    assert!(says.len() < 2000 && !says.contains("person-42"), "{says}");
    assert_eq!(world.sim.object(&id).unwrap().readable["status"], "active");
}

#[tokio::test]
async fn nothing_is_deleted_while_it_is_not_known_who_depends_on_it() {
    let (world, id, _) = authorised(1).await;
    let broken = [
        Action::error(503, "internal_server_error"),
        Action::no_such_route(),
        Action::html(200),
    ];
    for (number, action) in broken.into_iter().enumerate() {
        let list = Fault::on("GET", "/provider-auth-configs");
        let fault = world.sim.faults().add(list, action);
        if number == 0 {
            world.delete::<ProviderAuthCredentials>("github").await;
        } else {
            world.request::<ProviderAuthCredentials>("github").await;
        }
        world
            .until("it was asked for them", async || {
                (world.sim.faults().happened(fault) > 0).then_some(())
            })
            .await;
        world.check_no_delete().await;
        world.sim.faults().clear();
    }
    world.request::<ProviderAuthCredentials>("github").await;
    world.wait_reason("github", "DeletionBlocked").await;
    assert_eq!(world.sim.object(&id).unwrap().readable["status"], "active");
}

impl World {
    async fn check_no_delete(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let writes = self.attempts();
        assert!(
            writes.iter().all(|write| !write.starts_with("DELETE")),
            "{writes:?}"
        );
    }
}
