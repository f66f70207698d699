//! The longest name that Kubernetes takes.

use crate::support::{Environment, credentials};

#[tokio::test]
async fn a_resource_with_the_longest_name_is_served_and_its_events_are_recorded() {
    let env = Environment::running().await;
    let name = "n".repeat(253);
    let made = env.create(credentials(&name).orphaning()).await;
    let note = env.credentials(&name).wait_event("Created").await;
    let journal = env.sim.journal();
    let create = journal.iter().find(|entry| entry.method == "POST");
    let request = create.unwrap().request_id.clone().unwrap();
    assert_eq!(note, format!("created {} (request {request})", made.id()));
    env.credentials(&name).remove().await;
    let note = env.credentials(&name).wait_event("Orphaned").await;
    assert!(note.contains(&made.id()), "{note}");
}
