//! What is due after a minute: the shortest interval, window and patience that a spec may ask for.

use crate::support::{Environment, Kind, credentials, with};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn an_edit_at_metorial_is_found_when_the_interval_is_over_and_no_call_is_made_before() {
    let env = Environment::running().await;
    env.create(credentials("github").spec(json!({"interval": "1m"})))
        .await;
    let made = env.sim.journal().pop().unwrap();
    let remote = env.only(Kind::Credentials);
    env.sim.edit(&remote.id, json!({"name": "theirs"}));

    env.wait_only(Kind::Credentials, "ours again", |o| {
        o.readable["name"] == "github"
    })
    .await;
    let reads = env.sim.journal().into_iter();
    let mut reads = reads.filter(|entry| entry.seq > made.seq);
    let first = reads.next().unwrap();
    assert_eq!(first.method, "GET");
    assert!(
        first.at.duration_since(made.at) >= Duration::from_secs(50),
        "the first look came after {:?}",
        first.at.duration_since(made.at)
    );
    env.credentials("github").wait_recorded().await;
    env.check_oracles().await;
    // Somebody else may have written what can't be read as well, so it is sent along where the build takes it.
    let rest: Vec<String> = reads.map(|entry| entry.method).collect();
    assert_eq!(rest, ["GET", "PATCH"], "which fields a PATCH takes, and it");
}

#[tokio::test]
async fn a_limit_in_the_spec_is_never_exceeded() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    let limit = json!({"spec": {"rateLimit": {"requests": 4, "per": "1m"}}});
    env.apply(with(env.default_connection(), limit)).await;
    for number in 0..5 {
        env.apply(credentials(&format!("app-{number}"))).await;
    }
    env.start_operator();
    for number in 0..5 {
        env.credentials(&format!("app-{number}")).wait_ready().await;
    }
    let sent: Vec<Instant> = env.sim.journal().iter().map(|entry| entry.at).collect();
    for (first, fifth) in sent.iter().zip(&sent[4..]) {
        let gap = fifth.duration_since(*first);
        // A request may take longer to arrive than a later one; that none is sent too early is in the unit tests of the budget.
        assert!(gap >= Duration::from_secs(58), "five within {gap:?}");
    }
    // The status says until when the limit is spent.
    env.connection("default")
        .wait("requests are available again", |connection| {
            connection.field("rateLimit")["resetTime"].is_null()
        })
        .await;
    env.check_oracles().await;
}

#[tokio::test]
async fn orphan_after_gives_up_in_time_and_records_what_it_orphans() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    let after = json!({"spec": {"onUnreachable": {"policy": "OrphanAfter", "after": "1m"}}});
    env.apply(with(env.default_connection(), after)).await;
    env.start_operator();
    let left = env.create(credentials("left")).await.id();
    env.create(credentials("saved")).await;
    env.connection("default").wait_reason("Synced").await;

    // A short outage is waited for.
    env.sim.set_down(true);
    env.credentials("saved").delete().await;
    env.credentials("saved")
        .wait_reason("RemoteUnavailable")
        .await;
    env.sim.set_down(false);
    env.credentials("saved").wait_gone().await;
    assert_eq!(env.only(Kind::Credentials).id, left);

    env.sim.revoke_key(&env.key);
    let began = Instant::now();
    env.credentials("left").delete().await;
    let blocked = env
        .credentials("left")
        .wait_message("DeletionBlocked", "Unauthorized")
        .await;
    assert_eq!(blocked.condition("Stalled").unwrap().status, "True");
    env.credentials("left").wait_gone().await;
    assert!(
        began.elapsed() >= Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(env.only(Kind::Credentials).id, left, "it is left behind");
    let ledger = env.config_map("metorial-orphans").await.unwrap();
    let mut entries: Vec<Value> = ledger
        .data
        .unwrap()
        .values()
        .map(|entry| serde_json::from_str(entry).unwrap())
        .collect();
    let recorded = entries[0].as_object_mut().unwrap().remove("recordedAt");
    let recorded: jiff::Timestamp = recorded.unwrap().as_str().unwrap().parse().unwrap();
    assert!(recorded <= jiff::Timestamp::now());
    let entry = json!({
        "kind": "ProviderAuthCredentials", "namespace": env.namespace, "name": "left",
        "id": left, "instanceId": env.instance.as_str(),
    });
    assert_eq!(entries, [entry]);
    env.credentials("left").wait_event("Orphaned").await;
}
