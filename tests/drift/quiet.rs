//! How often the API is asked.

use crate::support::{World, credentials, status, with};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_edit_there_is_found_when_the_interval_is_over_and_not_a_call_is_made_before() {
    let world = World::running().await;
    world
        .make(with(
            credentials("github"),
            json!({"spec": {"interval": "1m"}}),
        ))
        .await;
    let made = world.sim.journal().pop().unwrap();
    let remote = world.only_remote();
    world.sim.edit(&remote.id, json!({"name": "theirs"}));

    world
        .wait_remote("ours again", |o| o.readable["name"] == "github")
        .await;
    let looks = world.sim.journal().into_iter();
    let mut looks = looks.filter(|entry| entry.seq > made.seq);
    let first = looks.next().unwrap();
    assert_eq!(first.method, "GET");
    assert!(
        first.at.duration_since(made.at) >= Duration::from_secs(50),
        "the first look came after {:?}",
        first.at.duration_since(made.at)
    );
    world.wait_recorded("github").await;
    world.check_oracles().await;
    assert_eq!(looks.count(), 1, "one look, one PATCH");
}

#[tokio::test]
async fn a_request_to_look_is_one_read_and_its_text_is_echoed() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let calls = world.calls();
    for _ in 0..3 {
        world.look_again("github").await;
    }
    world.check_oracles().await;
    assert_eq!(world.calls(), calls + 3);
    let handled = status(&world.credentials("github").await).last_handled_reconcile_at;
    let annotations = world.credentials("github").await.metadata.annotations;
    let asked = annotations.unwrap()["metorial.com/reconcile-requested-at"].clone();
    assert_eq!(handled, Some(asked));
}
