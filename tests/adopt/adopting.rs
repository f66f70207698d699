//! An object that is there already is taken over by name, once it is sure that it is meant.

use crate::support::{Environment, Kind, Manifest, PATIENCE, credentials, keys, with};
use metorial_operator::resources::FINALIZER;
use metorial_simulator::{Quirk, Stored};
use serde_json::json;

fn adopting(id: &str) -> Manifest {
    credentials("github").adopting(id)
}

/// The object has our values, and what others put into its metadata.
fn check_taken_over(env: &Environment, before: &Stored) {
    let now = env.only(Kind::Credentials);
    assert_eq!(now.id, before.id);
    assert_eq!(now.write_only["client_id"], "Iv1.0123456789");
    assert_eq!(now.write_only["client_secret"], env.client_secret);
    assert_eq!(keys(&now.readable["metadata"]), ["kubernetes", "theirs"]);
}

#[tokio::test]
async fn an_object_that_matches_is_adopted_by_one_patch_and_deleted_like_any_other() {
    let env = Environment::running().await;
    let theirs = env
        .create_by_hand(json!({"metadata": {"theirs": true}}))
        .await;
    let object = env.create(adopting(&theirs.id)).await;

    assert_eq!(object.status().id.as_ref(), Some(&theirs.id));
    assert!(object.finalizers().iter().any(|f| f == FINALIZER));
    check_taken_over(&env, &theirs);
    assert_eq!(env.writes().len(), 1);
    assert_eq!(
        keys(&env.patches()[0]),
        ["client_id", "client_secret", "metadata"]
    );
    let note = env.credentials("github").wait_event("Adopted").await;
    assert!(note.contains(&theirs.id), "{note}");
    env.check_oracles().await;

    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn an_object_that_differs_is_refused_with_the_names_of_the_fields_until_the_spec_fits() {
    let env = Environment::running().await;
    let theirs = env
        .create_by_hand(json!({
            "name": "their name",
            "description": "their description",
            "metadata": {"theirs": true, "team": "b"},
            "config": {"scopes": ["admin"]}
        }))
        .await;
    let manifest = adopting(&theirs.id).spec(json!({"metadata": {"team": "a"}}));
    env.apply(manifest).await;
    let refused = env
        .credentials("github")
        .wait_reason("AdoptionMismatch")
        .await;
    let (is_ready, message) = (refused.ready().status, refused.message());
    assert_eq!(is_ready, "False");
    for field in ["name", "description", "oauth.scopes", "metadata.team"] {
        assert!(message.contains(field), "{field} in {message}");
    }
    assert!(message.contains("Override") && !message.contains("clientSecret"));
    env.check_quiet().await;
    assert!(env.attempts().is_empty());

    let fitting = json!({
        "name": "their name",
        "description": "their description",
        "metadata": null,
        "oauth": {"scopes": ["admin"]}
    });
    env.credentials("github").edit(fitting).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.writes().len(), 1);
    assert_eq!(
        env.only(Kind::Credentials).readable["metadata"]["team"],
        "b"
    );
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_that_was_refused_an_object_is_deleted_without_touching_it() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "their name"})).await;
    env.apply(adopting(&theirs.id)).await;
    env.credentials("github")
        .wait_reason("AdoptionMismatch")
        .await;
    env.credentials("github").remove().await;
    assert!(env.attempts().is_empty());
    assert_eq!(env.only(Kind::Credentials).id, theirs.id);
}

#[tokio::test]
async fn override_adopts_an_object_that_differs_and_corrects_it() {
    let env = Environment::running().await;
    let fields =
        json!({"name": "their name", "description": "theirs", "metadata": {"theirs": true}});
    let theirs = env.create_by_hand(fields).await;
    let adopt = json!({"spec": {"adopt": {"policy": "Override"}}});
    env.create(with(adopting(&theirs.id), adopt)).await;

    check_taken_over(&env, &theirs);
    let now = env.only(Kind::Credentials);
    assert_eq!(now.readable["name"], "github");
    assert_eq!(now.readable["description"], "");
    assert_eq!(env.writes().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_id_that_does_not_exist_is_reported_and_another_may_be_named() {
    let env = Environment::running().await;
    let (archived, purged) = (
        env.create_by_hand(json!({})).await,
        env.create_by_hand(json!({})).await,
    );
    for theirs in [&archived, &purged] {
        assert!(env.sim.archive(&theirs.id));
    }
    assert!(env.sim.purge(&purged.id));

    for id in [archived.id.as_str(), &purged.id, "par_never_there"] {
        env.apply(adopting(id)).await;
        let missed = env.credentials("github").wait_reason("RemoteMissing").await;
        let message = missed.message();
        assert!(message.contains(id), "{message}");
        assert_eq!(missed.status().id, None);
    }
    env.check_quiet().await;
    assert!(env.attempts().is_empty(), "nothing is made instead");

    let theirs = env.create_by_hand(json!({})).await;
    env.create(adopting(&theirs.id)).await;
    assert_eq!(env.only(Kind::Credentials).id, theirs.id);
    env.check_oracles().await;
}

#[tokio::test]
async fn what_metorial_itself_manages_is_refused_by_metorial_and_left() {
    // Newer builds let texts and scopes of such credentials be edited, but neither their id nor their secret.
    for editable in [false, true] {
        let env = Environment::running().await;
        env.sim
            .set_quirk(Quirk::ManagedCredentialsEditable, editable);
        let all = env
            .sim
            .objects(&env.instance, Kind::Credentials.collection());
        let is_managed = |object: &Stored| object.readable["is_managed"] == true;
        let managed = all.into_iter().find(is_managed).unwrap();
        let oauth = json!({"scopes": managed.readable["scopes"]});
        let spec = json!({"providerId": "google-calendar", "adopt": {"policy": "Override"}, "oauth": oauth});
        env.apply(adopting(&managed.id).spec(spec)).await;
        let github = env.credentials("github");
        let message = github.wait_reason("RemoteRejected").await.message();
        for part in ["managed_credentials_readonly", "spec.mode: Observe"] {
            assert!(message.contains(part), "{message}");
        }
        let untouched = env.sim.object(&managed.id).unwrap();
        assert_eq!(untouched.updated_at, managed.updated_at);
        github.remove().await;
        assert!(env.writes().is_empty());
    }
}

#[tokio::test]
async fn an_operator_that_is_killed_during_an_adoption_does_not_write_twice() {
    let mut env = Environment::new().await;
    let theirs = env
        .create_by_hand(json!({"metadata": {"theirs": true}}))
        .await;
    let gate = env.hold_after("PATCH", Kind::Credentials.path());
    env.start_operator();
    env.apply(adopting(&theirs.id)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.restart_operator();
    env.credentials("github").wait_ready().await;
    env.credentials("github").wait_recorded().await;
    check_taken_over(&env, &theirs);
    env.check_oracles().await;
    assert_eq!(env.attempts().len(), 1);
}

#[tokio::test]
async fn adopt_has_no_effect_on_a_resource_that_has_its_object() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "another"})).await;
    let made = env.create(credentials("github")).await;
    let override_ = json!({"adopt": {"id": theirs.id, "policy": "Override"}});
    env.credentials("github").edit(override_).await;
    let object = env.credentials("github").wait_ready().await;
    env.check_quiet().await;
    assert_eq!(object.status().id, made.status().id);
    assert_eq!(env.writes().len(), 1);
    let untouched = env.sim.object(&theirs.id).unwrap();
    assert_eq!(untouched.updated_at, theirs.updated_at);
}
