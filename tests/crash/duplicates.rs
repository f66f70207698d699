//! Several objects with the marker of one resource: the oldest stays, and no other marker is touched.

use crate::support::{Environment, Kind, Snapshot, credentials, with};
use metorial_simulator::{Action, Stored};
use serde_json::{Value, json};

/// Credentials that lost their status while no operator runs.
async fn without_status() -> (Environment, Stored) {
    let mut env = Environment::running().await;
    env.apply(credentials("github")).await;
    let remote = env.credentials("github").wait_synced().await;
    env.stop_operator().await;
    env.credentials("github").lose_status().await;
    env.sim.clear_journal();
    (env, remote)
}

/// The marker of the object with these entries in it instead.
fn marked(remote: &Stored, entries: &Value) -> Value {
    let metadata = remote.readable["metadata"].clone();
    with(metadata, json!({"kubernetes": entries}))
}

fn readable(env: &Environment, ids: &[String]) -> Vec<Value> {
    let object = |id: &String| env.sim.object(id).unwrap().readable;
    ids.iter().map(object).collect()
}

#[tokio::test]
async fn of_two_objects_with_one_marker_the_oldest_stays_and_no_other_marker_is_touched() {
    let (mut env, oldest) = without_status().await;
    let same = marked(&oldest, &json!({}));
    let younger = [
        env.create_with_metadata(same.clone()).await,
        env.create_with_metadata(same).await,
    ];
    let (uid, cluster) = (
        json!({"uid": "another", "name": "another"}),
        json!({"cluster": "another"}),
    );
    let mut strangers = Vec::new();
    for metadata in [
        json!({}),
        json!({"kubernetes": "a text"}),
        marked(&oldest, &cluster),
        marked(&oldest, &uid),
    ] {
        strangers.push(env.create_with_metadata(metadata).await);
    }
    let before = readable(&env, &strangers);
    env.sim.clear_journal();
    env.start_operator();
    let bound = env.credentials("github").wait_reason("Synced").await;
    assert_eq!(bound.id(), oldest.id);
    let released = |object: &Snapshot| object.field("pendingDeletion").is_null();
    env.credentials("github")
        .wait("the others are deleted", released)
        .await;
    let deleted = younger.map(|id| format!("DELETE /provider-auth-credentials/{id}"));
    assert_eq!(env.writes(), deleted);
    assert_eq!(before, readable(&env, &strangers));
    for stranger in &strangers {
        assert!(env.sim.archive(stranger));
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn a_duplicate_that_could_not_be_deleted_at_once_is_not_forgotten() {
    let (mut env, oldest) = without_status().await;
    let same = marked(&oldest, &json!({}));
    let younger = env.create_with_metadata(same).await;
    env.sim.clear_journal();
    let fails = Action::error(500, "internal_server_error");
    env.next("DELETE", Kind::Credentials.path(), fails);
    env.start_operator();
    env.wait_only(Kind::Credentials, "the younger is gone", |remote| {
        remote.id == oldest.id
    })
    .await;
    env.credentials("github").wait_synced().await;
    let deleted = format!("DELETE /provider-auth-credentials/{younger}");
    assert_eq!(env.writes(), [deleted]);
    env.check_oracles().await;
}
