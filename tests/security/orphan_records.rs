//! The record of orphans takes everybody's entries, whatever one tenant does.

use crate::support::{Environment, config_map, record_orphan};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NAME: &str = "metorial-orphans";

fn entry(namespace: &str, name: &str) -> String {
    let at = jiff::Timestamp::now().to_string();
    json!({"namespace": namespace, "name": name, "recordedAt": at}).to_string()
}

async fn entries(env: &Environment) -> BTreeMap<String, String> {
    let record = env.config_map(NAME).await.unwrap();
    record.data.unwrap_or_default()
}

#[tokio::test]
async fn a_tenant_that_orphans_many_objects_loses_its_own_oldest_entries_and_nobody_elses() {
    let env = Environment::bare(Default::default()).await;
    let victim = entry("victim", "old");
    record_orphan(&env, "victim-old", &victim).await.unwrap();
    for number in 0..105 {
        let entry = entry("attacker", &format!("r{number}"));
        let uid = format!("attacker-{number:03}");
        record_orphan(&env, &uid, &entry).await.unwrap();
    }
    let entries = entries(&env).await;
    assert_eq!(entries.get("victim-old"), Some(&victim));
    let expected = (5..105).map(|number| format!("attacker-{number:03}"));
    let attackers = entries.keys().filter(|key| key.starts_with("attacker"));
    assert!(attackers.cloned().eq(expected), "{:?}", entries.keys());
}

#[tokio::test]
async fn a_record_that_is_full_to_the_last_byte_takes_the_next_entry() {
    let env = Environment::bare(Default::default()).await;
    let full: Value = config_map(NAME, "junk", &"x".repeat(1024 * 1024 - 4));
    env.apply(full).await;
    let victim = entry("victim", "new");
    record_orphan(&env, "victim-new", &victim).await.unwrap();
    let expected = BTreeMap::from([("victim-new".to_owned(), victim)]);
    assert_eq!(entries(&env).await, expected);
}

#[tokio::test]
async fn entries_that_are_recorded_at_the_same_time_are_all_there() {
    let env = Environment::bare(Default::default()).await;
    // Each by an operator of its own, so that only the API server keeps them apart.
    let uids: Vec<String> = (0..4).map(|number| format!("uid-{number}")).collect();
    let entry = entry("team", "r");
    let recorded = uids.iter().map(|uid| record_orphan(&env, uid, &entry));
    for recorded in join_all(recorded).await {
        recorded.unwrap();
    }
    assert!(entries(&env).await.into_keys().eq(uids));
}
