//! Of two resources that claim one object the first has it, and they do not fight.

use crate::support::{Environment, Kind, Manifest, credentials};
use metorial_simulator::Stored;
use serde_json::{Value, json};

fn adopting(name: &str, id: &str) -> Manifest {
    credentials(name).named("shared").adopting(id)
}

fn owner(remote: &Stored) -> Value {
    remote.readable["metadata"]["kubernetes"]["name"].clone()
}

/// Two resources that ask for the same object at once: the one that has it, and the other.
async fn rivals(env: &Environment, id: &str) -> (String, String) {
    let (one, two) = (adopting("one", id), adopting("two", id));
    tokio::join!(env.apply(one), env.apply(two));
    env.until("one has it, the other says so", async || {
        let reason = async |name: &str| env.credentials(name).get().await.reason();
        match (reason("one").await.as_str(), reason("two").await.as_str()) {
            ("Synced", "OwnershipConflict") => Some(("one", "two")),
            ("OwnershipConflict", "Synced") => Some(("two", "one")),
            _ => None,
        }
    })
    .await;
    let first = owner(&env.only(Kind::Credentials))
        .as_str()
        .unwrap()
        .to_owned();
    let second = if first == "one" { "two" } else { "one" };
    (first, second.to_owned())
}

#[tokio::test]
async fn of_two_resources_that_adopt_one_object_the_first_wins_and_there_is_no_fight() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&env, &theirs.id).await;

    let refused = env.credentials(&second).get().await;
    let (is_ready, message) = (refused.ready().status, refused.message());
    assert_eq!(is_ready, "False");
    assert!(
        message.contains(&theirs.id) && message.contains(&format!("Credentials {first}")),
        "{message}"
    );
    for name in [&first, &second, &first, &second] {
        env.credentials(name).reconcile_now().await;
    }
    env.check_quiet().await;
    assert_eq!(env.attempts().len(), 1);

    let override_ = json!({"adopt": {"policy": "Override"}});
    env.credentials(&second).edit(override_).await;
    env.credentials(&second)
        .wait_reason("OwnershipConflict")
        .await;
    env.check_quiet().await;
    assert_eq!(env.attempts().len(), 1, "not by force either");
}

#[tokio::test]
async fn the_second_adopts_what_the_first_orphaned() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&env, &theirs.id).await;

    env.credentials(&first)
        .edit(json!({"deletionPolicy": "Orphan"}))
        .await;
    env.credentials(&first).remove().await;
    env.credentials(&second).reconcile_now().await;
    env.credentials(&second).wait_ready().await;
    assert_eq!(owner(&env.only(Kind::Credentials)), second.as_str());
    env.check_oracles().await;
    assert_eq!(env.writes().len(), 2);
}

#[tokio::test]
async fn a_resource_that_waits_to_adopt_does_so_as_soon_as_the_former_owner_is_gone() {
    let env = Environment::running().await;
    let made = env
        .create(credentials("old").named("shared").orphaning())
        .await;
    env.apply(adopting("new", &made.id())).await;
    let waits = env
        .credentials("new")
        .wait_reason("OwnershipConflict")
        .await;
    let message = waits.message();
    let says = "belongs to ProviderAuthCredentials old; waiting for that resource to be deleted";
    assert!(message.contains(says), "{message}");
    assert!(!message.contains("adopt.id"), "{message}");
    env.sim.clear_journal();
    // What happens to the owner meanwhile costs no request, and is not worth another attempt.
    for touched in 0..60 {
        let label = json!({"example.com/touched": touched.to_string()});
        let labels = json!({"metadata": {"labels": label}});
        env.credentials("old").patch(labels).await;
    }
    env.credentials("old")
        .edit(json!({"interval": "20m"}))
        .await;
    env.credentials("old").wait_ready().await;
    env.check_quiet().await;
    assert!(env.calls() <= 3, "{:?}", env.requests());

    env.credentials("old").remove().await;
    env.credentials("new").wait_ready().await;
    assert_eq!(env.only(Kind::Credentials).id, made.id());
    assert_eq!(owner(&env.only(Kind::Credentials)), "new");
    env.check_oracles().await;
}

#[tokio::test]
async fn the_second_is_deleted_without_deleting_the_object_of_the_first() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "shared"})).await;
    let (first, second) = rivals(&env, &theirs.id).await;
    env.credentials(&second).remove().await;
    assert_eq!(owner(&env.only(Kind::Credentials)), first.as_str());
    env.check_oracles().await;
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
async fn an_object_of_another_installation_in_the_cluster_names_that_installation() {
    let env = Environment::running().await;
    let made = env.create(credentials("github")).await;
    let mut metadata = env.only(Kind::Credentials).readable["metadata"].clone();
    metadata["kubernetes"]["installation"] = "former".into();
    env.sim.edit(&made.id(), json!({"metadata": metadata}));
    let github = env.credentials("github");
    github.request_reconcile().await;
    let refused = github.wait_reason("OwnershipConflict").await;
    for part in ["installation former in this cluster", "installationId"] {
        assert!(refused.message().contains(part), "{}", refused.message());
    }
    assert!(!refused.message().contains("adoptFrom"));
}

#[tokio::test]
async fn an_object_of_another_cluster_is_left_alone_unless_it_is_adopted_by_override() {
    let env = Environment::running().await;
    let fields = json!({"name": "shared", "metadata": of_another_cluster()});
    let theirs = env.create_by_hand(fields).await;
    env.apply(adopting("github", &theirs.id)).await;

    let refused = env
        .credentials("github")
        .wait_reason("OwnershipConflict")
        .await;
    let message = refused.message();
    for part in [
        "a resource of cluster 00000000-",
        "spec.adoptFrom",
        "Override",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!message.contains("github"), "{message}");
    env.check_quiet().await;
    assert!(env.attempts().is_empty());

    // The owner of the connection has to name the cluster as well.
    env.credentials("github")
        .edit(json!({"adopt": {"policy": "Override"}}))
        .await;
    env.credentials("github")
        .wait_reason("OwnershipConflict")
        .await;
    env.check_quiet().await;
    assert!(env.attempts().is_empty());
    env.connection("default")
        .edit(json!({"adoptFrom": ["00000000-0000-0000-0000-000000000000"]}))
        .await;

    env.credentials("github").wait_ready().await;
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.writes().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_object_that_another_cluster_took_from_us_is_not_taken_back_nor_deleted() {
    let env = Environment::running().await;
    let manifest = credentials("github").named("shared");
    env.create(manifest).await;
    let ours = env.only(Kind::Credentials);
    let mut metadata = ours.readable["metadata"].clone();
    metadata["kubernetes"] = of_another_cluster()["kubernetes"].clone();
    env.sim.edit(&ours.id, json!({"metadata": metadata}));

    env.credentials("github").reconcile_now().await;
    env.credentials("github")
        .wait_reason("OwnershipConflict")
        .await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.credentials("github").reconcile_now().await;
    env.check_quiet().await;
    env.credentials("github").remove().await;
    assert_eq!(env.only(Kind::Credentials).id, ours.id);
    assert_eq!(env.attempts().len(), 1, "nothing after the create");
    let note = env.credentials("github").wait_event("Orphaned").await;
    assert!(note.contains(&ours.id), "{note}");
}
