//! An object that is there already is taken over by name, once it is sure that it is meant.

use crate::support::{PATIENCE, World, credentials, keys, ready, status, with};
use kube::ResourceExt;
use metorial_operator::resources::{FINALIZER, ProviderAuthCredentials};
use metorial_simulator::{Action, Fault, Gate, Stored};
use serde_json::{Value, json};

fn adopting(id: &str) -> Value {
    with(
        credentials("github"),
        json!({"spec": {"adopt": {"id": id}}}),
    )
}

/// The object has our values, and what others put into its metadata.
fn check_taken_over(world: &World, before: &Stored) {
    let now = world.only_remote();
    assert_eq!(now.id, before.id);
    assert_eq!(now.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(now.write_only["client_secret"], world.client_secret);
    assert_eq!(keys(&now.readable["metadata"]), ["kubernetes", "theirs"]);
}

#[tokio::test]
async fn an_object_that_matches_is_taken_over_by_one_patch_and_deleted_like_any_of_ours() {
    let world = World::running().await;
    let theirs = world
        .make_by_hand(json!({"metadata": {"theirs": true}}))
        .await;
    let object = world.make(adopting(&theirs.id)).await;

    assert_eq!(status(&object).id.as_ref(), Some(&theirs.id));
    assert!(object.finalizers().iter().any(|f| f == FINALIZER));
    check_taken_over(&world, &theirs);
    assert_eq!(world.writes().len(), 1);
    assert_eq!(
        keys(&world.patches()[0]),
        ["client_id", "client_secret", "metadata"]
    );
    let told = world.wait_event("github", "Adopted").await;
    assert!(told.contains(&theirs.id), "{told}");
    world.check_oracles().await;

    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
}

#[tokio::test]
async fn an_object_that_differs_is_refused_with_the_names_of_the_fields_until_the_spec_fits() {
    let world = World::running().await;
    let theirs = world
        .make_by_hand(json!({
            "name": "their name",
            "description": "their description",
            "metadata": {"theirs": true, "team": "b"},
            "config": {"scopes": ["admin"]}
        }))
        .await;
    let manifest = with(
        adopting(&theirs.id),
        json!({"spec": {"metadata": {"team": "a"}}}),
    );
    world.apply(manifest).await;
    let refused = world.wait_reason("github", "AdoptionMismatch").await;
    let (is_ready, _, message) = ready(&refused).unwrap();
    assert_eq!(is_ready, "False");
    for field in ["name", "description", "oauth.scopes", "metadata.team"] {
        assert!(message.contains(field), "{field} in {message}");
    }
    assert!(message.contains("Override") && !message.contains("clientSecret"));
    world.check_quiet().await;
    assert!(world.attempts().is_empty());

    let fitting = json!({
        "name": "their name",
        "description": "their description",
        "metadata": null,
        "oauth": {"scopes": ["admin"]}
    });
    world.edit_spec("github", fitting).await;
    world.wait_ready("github").await;
    assert_eq!(world.writes().len(), 1);
    assert_eq!(world.only_remote().readable["metadata"]["team"], "b");
    world.check_oracles().await;
}

#[tokio::test]
async fn a_resource_that_was_refused_an_object_goes_without_touching_it() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "their name"})).await;
    world.apply(adopting(&theirs.id)).await;
    world.wait_reason("github", "AdoptionMismatch").await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.attempts().is_empty());
    assert_eq!(world.only_remote().id, theirs.id);
}

#[tokio::test]
async fn override_brings_an_object_in_line_that_differs() {
    let world = World::running().await;
    let fields =
        json!({"name": "their name", "description": "theirs", "metadata": {"theirs": true}});
    let theirs = world.make_by_hand(fields).await;
    let adopt = json!({"spec": {"adopt": {"policy": "Override"}}});
    world.make(with(adopting(&theirs.id), adopt)).await;

    check_taken_over(&world, &theirs);
    let now = world.only_remote();
    assert_eq!(now.readable["name"], "github");
    assert_eq!(now.readable["description"], "");
    assert_eq!(world.writes().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn an_id_that_is_gone_or_was_never_there_is_missed_and_another_may_be_named() {
    let world = World::running().await;
    let (archived, purged) = (
        world.make_by_hand(json!({})).await,
        world.make_by_hand(json!({})).await,
    );
    for theirs in [&archived, &purged] {
        assert!(world.sim.archive(&theirs.id));
    }
    assert!(world.sim.purge(&purged.id));

    for id in [archived.id.as_str(), &purged.id, "par_never_there"] {
        world.apply(adopting(id)).await;
        let missed = world.wait_reason("github", "RemoteMissing").await;
        let (_, _, message) = ready(&missed).unwrap();
        assert!(message.contains(id), "{message}");
        assert_eq!(status(&missed).id, None);
    }
    world.check_quiet().await;
    assert!(world.attempts().is_empty(), "nothing is made instead");

    let theirs = world.make_by_hand(json!({})).await;
    world.make(adopting(&theirs.id)).await;
    assert_eq!(world.only_remote().id, theirs.id);
    world.check_oracles().await;
}

#[tokio::test]
async fn what_metorial_itself_manages_is_refused_by_metorial_and_left() {
    let world = World::running().await;
    let managed = world
        .sim
        .objects(
            &world.instance,
            metorial_simulator::Collection::AuthCredentials,
        )
        .into_iter()
        .find(|object| object.readable["is_managed"] == true)
        .unwrap();
    let spec = json!({"spec": {"providerId": "google-calendar", "adopt": {"policy": "Override"}}});
    world.apply(with(adopting(&managed.id), spec)).await;
    let refused = world.wait_reason("github", "RemoteRejected").await;
    let (_, _, message) = ready(&refused).unwrap();
    assert!(
        message.contains("managed_credentials_readonly"),
        "{message}"
    );
    assert_eq!(
        world.sim.object(&managed.id).unwrap().updated_at,
        managed.updated_at
    );
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.writes().is_empty());
}

#[tokio::test]
async fn an_operator_that_dies_while_it_takes_over_does_not_write_twice() {
    let mut world = World::new().await;
    let theirs = world
        .make_by_hand(json!({"metadata": {"theirs": true}}))
        .await;
    let gate = Gate::new();
    let push = Fault::on("PATCH", "/provider-auth-credentials").times(1);
    world
        .sim
        .faults()
        .add(push, Action::HoldAfterApply(gate.clone()));
    world.start_operator();
    world.apply(adopting(&theirs.id)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.kill_operator();

    world.start_operator();
    world.wait_ready("github").await;
    world.wait_recorded("github").await;
    check_taken_over(&world, &theirs);
    world.check_oracles().await;
    assert_eq!(world.attempts().len(), 1);
}

#[tokio::test]
async fn adopt_says_nothing_about_a_resource_that_has_its_object() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "another"})).await;
    let made = world.make(credentials("github")).await;
    let override_ = json!({"adopt": {"id": theirs.id, "policy": "Override"}});
    world.edit_spec("github", override_).await;
    let object = world.wait_ready("github").await;
    world.check_quiet().await;
    assert_eq!(status(&object).id, status(&made).id);
    assert_eq!(world.writes().len(), 1);
    let untouched = world.sim.object(&theirs.id).unwrap();
    assert_eq!(untouched.updated_at, theirs.updated_at);
}
