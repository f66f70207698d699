//! `mode: Observe`: an object is read and never written.

use crate::support::{Environment, Kind, Manifest, credentials, each};
use metorial_simulator::{Action, Gate, Stored};
use serde_json::json;

fn observing(id: &str) -> Manifest {
    credentials("github").observing(id)
}

#[tokio::test]
async fn an_observed_object_is_reported_and_never_written_not_even_by_a_deletion() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"metadata": {"a": 1}})).await;
    env.apply(observing(&theirs.id)).await;
    let observed = env.credentials("github").wait_reason("Observed").await;
    assert_eq!(observed.ready().status, "True");
    assert_eq!(observed.status().id.as_ref(), Some(&theirs.id));
    assert_eq!(observed.drifted(), Vec::<String>::new());
    assert!(observed.finalizers().is_empty(), "nothing holds it");

    env.sim
        .edit(&theirs.id, json!({"name": "renamed", "scopes": ["admin"]}));
    let seen = env.credentials("github").reconcile_now().await;
    assert_eq!(seen.drifted(), ["name", "oauth.scopes"]);
    assert_eq!(seen.condition("Drifted").unwrap().status, "True");
    assert_eq!(seen.ready().status, "True");

    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.credentials("github").reconcile_now().await;
    env.check_quiet().await;
    env.sim.set_down(true);
    env.credentials("github").remove().await;
    env.sim.set_down(false);
    assert!(env.attempts().is_empty());
    assert_eq!(env.only(Kind::Credentials).readable["name"], "renamed");
}

#[tokio::test]
async fn an_observed_object_that_is_deleted_is_reported_and_not_created_again() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({})).await;
    env.apply(observing(&theirs.id)).await;
    env.credentials("github").wait_reason("Observed").await;
    env.sim.archive(&theirs.id);
    env.credentials("github").reconcile_now().await;
    env.credentials("github").wait_reason("RemoteMissing").await;
    env.check_quiet().await;
    assert!(env.attempts().is_empty());
}

#[tokio::test]
async fn an_observed_object_is_adopted_by_the_rules_once_the_mode_says_so() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "their name"})).await;
    env.apply(observing(&theirs.id)).await;
    env.credentials("github").wait_reason("Observed").await;

    env.credentials("github")
        .edit(json!({"mode": "Enforce"}))
        .await;
    let refused = env
        .credentials("github")
        .wait_reason("AdoptionMismatch")
        .await;
    assert!(refused.ready().message.contains("name"));
    env.check_quiet().await;
    assert!(env.attempts().is_empty());

    let override_ = json!({"adopt": {"policy": "Override"}});
    env.credentials("github").edit(override_).await;
    env.credentials("github").wait_ready().await;
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.only(Kind::Credentials).readable["name"], "github");
    assert_eq!(env.writes().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_observed_object_of_another_cluster_may_be_adopted_by_override_too() {
    let env = Environment::running().await;
    let marker = json!({"cluster": "c", "namespace": "n", "name": "x", "kind": "ProviderAuthCredentials", "uid": "u"});
    let theirs = env
        .create_by_hand(json!({"metadata": {"kubernetes": marker}}))
        .await;
    env.apply(observing(&theirs.id)).await;
    env.credentials("github").wait_reason("Observed").await;
    env.credentials("github")
        .edit(json!({"mode": "Enforce"}))
        .await;
    env.credentials("github")
        .wait_reason("OwnershipConflict")
        .await;
    env.connection("default")
        .edit(json!({"adoptFrom": ["c"]}))
        .await;
    let override_ = json!({"adopt": {"policy": "Override"}});
    env.credentials("github").edit(override_).await;
    env.credentials("github").wait_ready().await;
    env.credentials("github").wait_recorded().await;
    env.check_oracles().await;
    assert_eq!(env.writes().len(), 1);
}

#[tokio::test]
async fn an_object_of_ours_that_is_only_observed_from_now_on_is_left_as_it_is_for_good() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let ours = env.only(Kind::Credentials);
    let observe = json!({"mode": "Observe", "adopt": {"id": ours.id}});
    env.credentials("github").edit(observe).await;
    env.credentials("github").wait_reason("Observed").await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.credentials("github")
        .edit(json!({"name": "renamed"}))
        .await;
    let seen = env.credentials("github").reconcile_now().await;
    assert!(seen.drifted().contains(&"name".to_owned()));
    env.credentials("github").remove().await;
    assert_eq!(env.attempts().len(), 1);
    assert_eq!(env.only(Kind::Credentials).updated_at, ours.updated_at);
    let note = env.credentials("github").wait_event("Orphaned").await;
    assert!(note.contains(&ours.id), "{note}");
}

#[tokio::test]
async fn an_object_that_is_no_longer_observed_is_left_as_it_is_and_another_is_created() {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({"name": "theirs"})).await;
    for (name, edit) in [
        ("enforced", json!({"mode": null, "adopt": null})),
        // The id of nothing: an object is adopted by name or not at all.
        (
            "other",
            json!({"mode": "Enforce", "adopt": {"id": "par_unknown"}}),
        ),
    ] {
        env.apply(credentials(name).observing(&theirs.id)).await;
        env.credentials(name).wait_reason("Observed").await;
        env.credentials(name).edit(edit).await;
    }
    let ready = env.credentials("enforced").wait_ready().await;
    let id = ready.status().id.unwrap();
    assert_ne!(id, theirs.id);
    env.credentials("other").wait_reason("RemoteMissing").await;
    env.credentials("enforced").remove().await;
    env.credentials("other").remove().await;
    let left = env.only(Kind::Credentials);
    assert_eq!((&left.id, left.updated_at), (&theirs.id, theirs.updated_at));
    let path = Kind::Credentials.path();
    let create = format!("POST {path}");
    assert_eq!(env.attempts(), [create, format!("DELETE {path}/{id}")]);
}

#[tokio::test]
async fn another_object_is_observed_once_the_spec_names_it() {
    let env = Environment::running().await;
    let first = env.create_by_hand(json!({})).await;
    let second = env.create_by_hand(json!({})).await;
    env.apply(observing(&first.id)).await;
    env.credentials("github").wait_reason("Observed").await;
    for (gone, id) in [(false, &second.id), (true, &first.id)] {
        if gone {
            env.sim.archive(&second.id);
        }
        env.credentials("github")
            .edit(json!({"adopt": {"id": id}}))
            .await;
        let observed = env.credentials("github").wait_reason("Observed").await;
        assert_eq!(observed.status().id.as_ref(), Some(id));
    }
    assert!(env.attempts().is_empty());
}

#[tokio::test]
async fn what_a_create_with_a_lost_answer_made_is_found_although_another_object_is_observed_first()
{
    each([false, true], async |restarts| {
        let mut env = Environment::running().await;
        let theirs = env.create_by_hand(json!({})).await;
        let answer = Gate::new();
        let lost = Action::CloseAfterHold(answer.clone());
        env.next("POST", Kind::Credentials.path(), lost);
        env.apply(credentials("github")).await;
        let is_ours = |remote: &Stored| remote.id != theirs.id;
        let ours = env
            .until("the credentials are created", async || {
                env.live(Kind::Credentials).into_iter().find(is_ours)
            })
            .await;
        let observe = json!({"mode": "Observe", "adopt": {"id": theirs.id}});
        env.credentials("github").edit(observe).await;
        answer.open();
        let observed = env.credentials("github").wait_reason("Observed").await;
        assert_eq!(observed.status().id.as_ref(), Some(&theirs.id));
        if restarts {
            env.restart_operator();
        }
        env.credentials("github")
            .edit(json!({"mode": "Enforce"}))
            .await;
        let ready = env.credentials("github").wait_ready().await;
        assert_eq!(ready.status().id.as_ref(), Some(&ours.id));
        env.credentials("github").remove().await;
        let left = env.only(Kind::Credentials);
        assert_eq!((&left.id, left.updated_at), (&theirs.id, theirs.updated_at));
    })
    .await;
}

#[tokio::test]
async fn an_observed_object_whose_adoption_has_a_lost_answer_is_kept_if_the_spec_no_longer_names_it()
 {
    let env = Environment::running().await;
    let theirs = env.create_by_hand(json!({})).await;
    let path = Kind::Credentials.path();
    env.next("POST", path, Action::error(400, "invalid_data"));
    env.apply(credentials("github")).await;
    env.credentials("github")
        .wait_reason("RemoteRejected")
        .await;
    let observe = json!({"mode": "Observe", "adopt": {"id": theirs.id}});
    env.credentials("github").edit(observe).await;
    env.credentials("github").wait_reason("Observed").await;

    let answer = Gate::new();
    env.next("PATCH", path, Action::CloseAfterHold(answer.clone()));
    env.credentials("github").edit(json!({"mode": null})).await;
    env.until("the adoption is sent", async || {
        (answer.arrived() > 0).then_some(())
    })
    .await;
    env.credentials("github").edit(json!({"adopt": null})).await;
    answer.open();
    let ready = env.credentials("github").wait_ready().await;
    assert_eq!(ready.status().id.as_ref(), Some(&theirs.id));
    assert_eq!(env.only(Kind::Credentials).id, theirs.id);
    env.check_oracles().await;
}

#[tokio::test]
async fn what_a_deleted_resource_of_the_same_name_left_does_not_become_its_own_by_being_observed() {
    let env = Environment::running().await;
    let orphaning = credentials("github").spec(json!({"deletionPolicy": "Orphan"}));
    env.create(orphaning).await;
    env.credentials("github").remove().await;
    let left = env.only(Kind::Credentials);

    env.apply(observing(&left.id)).await;
    let observed = env.credentials("github").wait_reason("Observed").await;
    assert_eq!(observed.field("observed"), true);
    env.credentials("github")
        .edit(json!({"mode": null, "adopt": null}))
        .await;
    let ready = env.credentials("github").wait_ready().await;
    assert_ne!(ready.id(), left.id);
    env.credentials("github").remove().await;
    let now = env.only(Kind::Credentials);
    assert_eq!((&now.id, now.updated_at), (&left.id, left.updated_at));
}

#[tokio::test]
async fn a_resource_that_is_created_again_does_not_get_the_status_of_the_one_before() {
    let env = Environment::running().await;
    let (before, after) = (
        env.create_by_hand(json!({})).await,
        env.create_by_hand(json!({})).await,
    );
    let path = format!("{}/{}", Kind::Credentials.path(), before.id);
    let answer = env.hold_before("GET", &path);
    env.apply(observing(&before.id)).await;
    env.until("the first object is read", async || {
        (answer.arrived() > 0).then_some(())
    })
    .await;
    env.credentials("github").remove().await;
    let history = env.history_of(Kind::Credentials).await;
    env.apply(observing(&after.id)).await;
    answer.open();
    let observed = env.credentials("github").wait_reason("Observed").await;
    assert_eq!(observed.status().id.as_ref(), Some(&after.id));
    for version in history.of("github") {
        assert_ne!(version["status"]["id"], before.id);
    }
    assert!(!history.had("github", "ClusterUnavailable"));
}
