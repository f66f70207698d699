//! An API that says no: to one object, to a collection, or in another version.

use crate::support::{World, condition_of, credentials, is_ready, message, ready, word_of};
use kube::ResourceExt;
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// One object is refused with this status, a sibling is not; once that ends, a request to look brings it in.
async fn refused(status: u16, code: &str, reason: &str) {
    let world = World::running().await;
    for name in ["github", "sibling"] {
        world.apply(credentials(name)).await;
        world.wait_ready(name).await;
    }
    let id = world
        .credentials("github")
        .await
        .status
        .unwrap()
        .common
        .id
        .unwrap();
    let path = format!("/provider-auth-credentials/{id}");
    world
        .sim
        .faults()
        .add(Fault::on("PATCH", &path), Action::error(status, code));
    world
        .rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;

    let stalled = world.wait_reason("github", reason).await;
    assert_eq!(condition_of(&stalled, "Stalled").unwrap().0, "True");
    assert!(message(&stalled).contains(code), "{}", message(&stalled));
    world
        .until("the sibling is rotated", async || {
            let rotated = world.remote().iter().any(|object| {
                object.id != id && object.write_only["client_secret"] == "rotated-0123456789"
            });
            rotated.then_some(())
        })
        .await;
    let sibling = world.wait_ready("sibling").await;
    assert!(is_ready(&sibling));
    world.wait_connection_of("default", "Synced").await;
    world.check_quiet().await;
    let tries = |world: &World| world.attempts().iter().filter(|a| a.contains(&id)).count();
    assert_eq!(tries(&world), 1, "a refusal is not repeated at once");

    world.sim.faults().clear();
    world.request::<ProviderAuthCredentials>("github").await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_402_for_one_object_stalls_it_alone() {
    refused(402, "payment_required", "PaymentRequired").await;
}

#[tokio::test]
async fn a_403_for_one_object_stalls_it_alone() {
    refused(403, "forbidden", "Forbidden").await;
}

#[tokio::test]
async fn a_key_without_the_right_to_write_stalls_what_must_be_written_and_nothing_else() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let converged = world.wait_ready("github").await;
    let scopes = ["instance:read", "provider-auth-credentials:read"];
    world.sim.restrict_key(&world.key, scopes);
    world.apply(credentials("late")).await;
    let late = world.wait_reason("late", "Forbidden").await;
    assert_eq!(condition_of(&late, "Stalled").unwrap().0, "True");
    world.check_unwritten(&converged).await;
    world.sim.restore_key(&world.key);
    world.look_again("late").await;
    world.wait_ready("late").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_server_without_the_route_makes_nobody_think_that_objects_are_gone() {
    let world = World::running().await;
    for number in 0..4 {
        world.apply(credentials(&format!("app-{number}"))).await;
        world.wait_ready(&format!("app-{number}")).await;
    }
    let before = world.credentials("app-0").await;
    world.sim.faults().add(
        Fault::on("*", "/provider-auth-credentials"),
        Action::no_such_route(),
    );
    for number in 1..4 {
        let object = world.look_again(&format!("app-{number}")).await;
        assert!(is_ready(&object), "nothing is to be brought in");
    }
    world.apply(credentials("late")).await;
    let late = world.wait_reason("late", "ApiVersionUnsupported").await;
    assert_eq!(condition_of(&late, "Stalled").unwrap().0, "True");
    assert!(message(&late).contains("route"), "{}", message(&late));
    world.delete::<ProviderAuthCredentials>("app-3").await;
    let held = world.wait_reason("app-3", "ApiVersionUnsupported").await;
    assert!(!held.finalizers().is_empty());
    world.check_unwritten(&before).await;
    assert_eq!(world.remote().len(), 4);

    world.sim.faults().clear();
    for name in ["late", "app-3"] {
        world.request::<ProviderAuthCredentials>(name).await;
    }
    world.wait_gone::<ProviderAuthCredentials>("app-3").await;
    world.wait_ready("late").await;
    assert_eq!(world.remote().len(), 4);
    world.check_oracles().await;
}

#[tokio::test]
async fn an_answer_in_another_version_of_the_api_stalls_the_connection() {
    let mut world = World::new().await;
    world.apply(credentials("github")).await;
    let old = Action::Answer {
        status: 200,
        headers: vec![("metorial-version".to_owned(), "2025-01-01".to_owned())],
        body: json!({"object": "organization.instance", "id": world.instance.as_str(), "type": "production"}).into(),
    };
    world.sim.faults().add(Fault::on("GET", "/instance"), old);
    world.start_operator();
    let connection = world
        .wait_connection_of("default", "ApiVersionUnsupported")
        .await;
    assert_eq!(word_of(&connection, "Stalled").unwrap().0, "True");
    let waiting = world
        .wait_says("github", "ConnectionNotReady", "ApiVersionUnsupported")
        .await;
    assert_eq!(ready(&waiting).unwrap().0, "False");
    assert!(world.attempts().is_empty());

    world.sim.faults().clear();
    world.look_at_connection("default").await;
    world.wait_ready("github").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_converged_object_that_is_answered_in_another_version_stays_as_it_is() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    let before = world.wait_ready("github").await;
    let old = Action::Answer {
        status: 404,
        headers: vec![("metorial-version".to_owned(), "2025-01-01".to_owned())],
        body: json!({"object": "error", "status": 404, "code": "not_found", "entity": "provider.auth_credentials", "id": before.status.as_ref().unwrap().common.id}).into(),
    };
    world.sim.faults().add(Fault::any(), old);
    let after = world.look_again("github").await;
    assert_eq!(ready(&after), ready(&before));
    world
        .wait_connection_of("default", "ApiVersionUnsupported")
        .await;
    world.sim.faults().clear();
    world.look_at_connection("default").await;
    world.wait_connection_of("default", "Synced").await;
    assert_eq!(world.writes().len(), 1);
    world.check_oracles().await;
}
