//! Of two that claim one object the first has it, and nobody is fought with.

use crate::support::{World, credentials, ready, with};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::Stored;
use serde_json::{Value, json};

fn adopting(name: &str, id: &str) -> Value {
    let spec = json!({"spec": {"name": "shared", "adopt": {"id": id}}});
    with(credentials(name), spec)
}

fn owner(remote: &Stored) -> Value {
    remote.readable["metadata"]["kubernetes"]["name"].clone()
}

/// Two resources that ask for the same object at once: the one that has it, and the other.
async fn rivals(world: &World, id: &str) -> (String, String) {
    let (one, two) = (adopting("one", id), adopting("two", id));
    tokio::join!(world.apply(one), world.apply(two));
    world
        .until("one has it, the other says so", async || {
            let reason = async |name: &str| ready(&world.credentials(name).await).map(|is| is.1);
            match (
                reason("one").await.as_deref(),
                reason("two").await.as_deref(),
            ) {
                (Some("Synced"), Some("OwnershipConflict")) => Some(("one", "two")),
                (Some("OwnershipConflict"), Some("Synced")) => Some(("two", "one")),
                _ => None,
            }
        })
        .await;
    let first = owner(&world.only_remote()).as_str().unwrap().to_owned();
    let second = if first == "one" { "two" } else { "one" };
    (first, second.to_owned())
}

#[tokio::test]
async fn of_two_resources_that_adopt_one_object_the_first_wins_and_there_is_no_fight() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&world, &theirs.id).await;

    let (is_ready, _, message) = ready(&world.credentials(&second).await).unwrap();
    assert_eq!(is_ready, "False");
    assert!(
        message.contains(&theirs.id) && message.contains(&format!("/{first}")),
        "{message}"
    );
    for name in [&first, &second, &first, &second] {
        world.look_again(name).await;
    }
    world.check_quiet().await;
    assert_eq!(world.attempts().len(), 1);

    let override_ = json!({"adopt": {"policy": "Override"}});
    world.edit_spec(&second, override_).await;
    world.wait_reason(&second, "OwnershipConflict").await;
    world.check_quiet().await;
    assert_eq!(world.attempts().len(), 1, "not by force either");
}

#[tokio::test]
async fn the_second_takes_over_what_the_first_leaves_behind() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&world, &theirs.id).await;

    world
        .edit_spec(&first, json!({"deletionPolicy": "Orphan"}))
        .await;
    world.delete::<ProviderAuthCredentials>(&first).await;
    world.wait_gone::<ProviderAuthCredentials>(&first).await;
    world.look_again(&second).await;
    world.wait_ready(&second).await;
    assert_eq!(owner(&world.only_remote()), second.as_str());
    world.check_oracles().await;
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test]
async fn the_second_goes_without_taking_the_object_of_the_first_along() {
    let world = World::running().await;
    let theirs = world.make_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&world, &theirs.id).await;
    world.delete::<ProviderAuthCredentials>(&second).await;
    world.wait_gone::<ProviderAuthCredentials>(&second).await;
    assert_eq!(owner(&world.only_remote()), first.as_str());
    world.check_oracles().await;
}

/// The marker of a resource in another cluster.
fn of_another_cluster() -> Value {
    json!({"kubernetes": {
        "cluster": "00000000-0000-0000-0000-000000000000",
        "namespace": "elsewhere",
        "name": "github",
        "kind": "ProviderAuthCredentials",
        "uid": "11111111-1111-1111-1111-111111111111",
        "fingerprint": "v1:00000000:00000000000000000000000000000000"
    }})
}

#[tokio::test]
async fn what_belongs_to_another_cluster_is_left_alone_unless_it_is_taken_by_override() {
    let world = World::running().await;
    let fields = json!({"name": "shared", "metadata": of_another_cluster()});
    let theirs = world.make_by_hand(fields).await;
    world.apply(adopting("github", &theirs.id)).await;

    let refused = world.wait_reason("github", "OwnershipConflict").await;
    let (_, _, message) = ready(&refused).unwrap();
    for part in ["elsewhere/github", "another cluster", "Override"] {
        assert!(message.contains(part), "{message}");
    }
    world.check_quiet().await;
    assert!(world.attempts().is_empty());

    world
        .edit_spec("github", json!({"adopt": {"policy": "Override"}}))
        .await;
    world.wait_ready("github").await;
    world.wait_recorded("github").await;
    assert_eq!(world.writes().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn an_object_that_another_cluster_took_from_us_is_not_taken_back_nor_deleted() {
    let world = World::running().await;
    let manifest = with(credentials("github"), json!({"spec": {"name": "shared"}}));
    world.make(manifest).await;
    let ours = world.only_remote();
    let mut metadata = ours.readable["metadata"].clone();
    metadata["kubernetes"] = of_another_cluster()["kubernetes"].clone();
    world.sim.edit(&ours.id, json!({"metadata": metadata}));

    world.look_again("github").await;
    world.wait_reason("github", "OwnershipConflict").await;
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world.look_again("github").await;
    world.check_quiet().await;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert_eq!(world.only_remote().id, ours.id);
    assert_eq!(world.attempts().len(), 1, "nothing after the create");
    let told = world.wait_event("github", "Orphaned").await;
    assert!(told.contains(&ours.id), "{told}");
}
