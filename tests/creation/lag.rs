//! Reads that lag behind writes are no sign that anything is missing or was changed by others.

use crate::support::{PATIENCE, World, is_ready};
use metorial_operator::resources::ProviderAuthCredentials;
use metorial_simulator::{Action, Entry, Fault};
use std::time::Duration;

const LAG: Duration = Duration::from_secs(2);
/// What the operator is told to reckon with.
const SETTLE: Duration = Duration::from_secs(3);
const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";

/// A world whose reads show what was there a while ago.
async fn lagging() -> World {
    let world = World::new().await;
    world.sim.set_read_lag(LAG);
    world
}

/// Waits until reads show every write so far.
async fn caught_up(world: &World) {
    let last = world
        .sim
        .journal()
        .into_iter()
        .rev()
        .find(|entry| entry.applied);
    let last = last.expect("something was written");
    let since = last.answered_at.unwrap_or(last.at);
    world
        .until("reads have caught up", async || {
            (since.elapsed() > LAG).then_some(())
        })
        .await;
}

/// Nobody was blamed for what only a lag showed.
async fn check_nobody_was_blamed(world: &World) {
    let events = world.events("github").await;
    for blame in [
        "DriftCorrected",
        "DriftDetected",
        "RemoteRecreated",
        "RemoteMissing",
    ] {
        assert!(!events.iter().any(|event| event == blame), "{events:?}");
    }
}

#[tokio::test]
async fn reads_behind_a_create_and_an_update_lead_to_no_second_write() {
    let mut world = lagging().await;
    world.start_operator_settling(SETTLE);
    world.apply(world.github()).await;
    let id = world.wait_in_step("github").await.id;
    assert!(is_ready(&world.look_again("github").await));
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world
        .wait_remote("the new secret", |object| {
            object.write_only["client_secret"] == "rotated"
        })
        .await;
    world.wait_in_step("github").await;
    assert!(is_ready(&world.look_again("github").await));
    world.kill_operator();
    world.start_operator_settling(SETTLE);
    assert!(is_ready(&world.look_again("github").await));
    caught_up(&world).await;
    assert!(is_ready(&world.look_again("github").await));
    assert_eq!(
        world.attempts(),
        [POST.to_owned(), format!("PATCH {CREDENTIALS}/{id}")]
    );
    check_nobody_was_blamed(&world).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_create_without_an_answer_is_found_although_lists_lag() {
    let mut world = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world.sim.faults().add(create, Action::CloseAfterApply);
    world.start_operator_settling(SETTLE);
    world.apply(world.github()).await;
    world.wait_reason("github", "AmbiguousCreate").await;
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_create_without_an_answer_is_found_by_the_next_operator_although_lists_lag() {
    let mut world = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world.sim.faults().add(create, Action::CloseAfterApply);
    world.start_operator_settling(SETTLE);
    world.apply(world.github()).await;
    let sent = |journal: &[Entry]| journal.iter().any(|entry| entry.applied);
    world.sim.wait_for(sent, PATIENCE).await.unwrap();
    world.kill_operator();
    world.start_operator_settling(SETTLE);
    world.wait_in_step("github").await;
    assert_eq!(world.attempts(), [POST]);
    world.check_oracles().await;
}

#[tokio::test]
async fn a_lag_counts_from_the_end_of_a_slow_write() {
    let mut world = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    world
        .sim
        .faults()
        .add(create, Action::Delay(SETTLE + Duration::from_millis(500)));
    world.start_operator_settling(SETTLE);
    world.apply(world.github()).await;
    world.wait_in_step("github").await;
    assert!(is_ready(&world.look_again("github").await));
    caught_up(&world).await;
    assert!(is_ready(&world.look_again("github").await));
    assert_eq!(world.attempts(), [POST]);
    check_nobody_was_blamed(&world).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_right_after_a_create_that_reads_do_not_show_yet_leaves_nothing() {
    let mut world = lagging().await;
    world.start_operator_settling(SETTLE);
    world.apply(world.github()).await;
    let id = world.wait_in_step("github").await.id;
    world.delete::<ProviderAuthCredentials>("github").await;
    world.wait_gone::<ProviderAuthCredentials>("github").await;
    assert!(world.remote().is_empty());
    assert_eq!(
        world.writes(),
        [POST.to_owned(), format!("DELETE {CREDENTIALS}/{id}")]
    );
}
