//! What is due after a minute: the shortest interval, window and patience that a spec may ask for.

use crate::support::{World, condition_of, credentials, status, with};
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

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
async fn a_limit_in_the_spec_is_never_exceeded() {
    let mut world = World::bare(Default::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    let limit = json!({"spec": {"rateLimit": {"requests": 4, "per": "1m"}}});
    world.apply(with(world.connection(), limit)).await;
    for number in 0..5 {
        world.apply(credentials(&format!("app-{number}"))).await;
    }
    world.start_operator();
    for number in 0..5 {
        world.wait_ready(&format!("app-{number}")).await;
    }
    let sent: Vec<Instant> = world.sim.journal().iter().map(|entry| entry.at).collect();
    for (first, fifth) in sent.iter().zip(&sent[4..]) {
        let gap = fifth.duration_since(*first);
        assert!(gap >= Duration::from_millis(59_900), "five within {gap:?}");
    }
    world.check_oracles().await;
}

#[tokio::test]
async fn orphan_after_gives_up_when_its_time_has_come_and_records_what_is_left_behind() {
    let mut world = World::bare(Default::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    let after = json!({"spec": {"onUnreachable": {"policy": "OrphanAfter", "after": "1m"}}});
    world.apply(with(world.connection(), after)).await;
    world.start_operator();
    let left = status(&world.make(credentials("left")).await).id.unwrap();
    world.make(credentials("saved")).await;
    world.wait_connection_of("default", "Synced").await;

    // A short outage is waited for.
    world.sim.set_down(true);
    world.delete::<ProviderAuthCredentials>("saved").await;
    world.wait_reason("saved", "RemoteUnavailable").await;
    world.sim.set_down(false);
    world.wait_gone::<ProviderAuthCredentials>("saved").await;
    assert_eq!(world.only_remote().id, left);

    world.sim.revoke_key(&world.key);
    let began = Instant::now();
    world.delete::<ProviderAuthCredentials>("left").await;
    let blocked = world
        .wait_says("left", "DeletionBlocked", "Unauthorized")
        .await;
    assert_eq!(condition_of(&blocked, "Stalled").unwrap().0, "True");
    world.wait_gone::<ProviderAuthCredentials>("left").await;
    assert!(
        began.elapsed() >= Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(world.only_remote().id, left, "it is left behind");
    let ledger = world.config_map("metorial-orphans").await.unwrap();
    let entries: Vec<Value> = ledger
        .data
        .unwrap()
        .values()
        .map(|entry| serde_json::from_str(entry).unwrap())
        .collect();
    let entry = json!({
        "kind": "ProviderAuthCredentials", "namespace": world.namespace, "name": "left",
        "id": left, "instanceId": world.instance.as_str(),
    });
    assert_eq!(entries, [entry]);
    assert!(world.events("left").await.contains(&"Orphaned".to_owned()));
}
