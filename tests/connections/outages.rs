//! An API that is away, or fails, for a while.

use crate::support::{World, condition_of, credentials, is_ready, message, ready, word_of};
use metorial_simulator::{Action, Fault};

/// While `broken`: a converged object stays as it is, the Connection tells, a new object waits. Then all is well.
async fn story(world: &World, breaks: impl Fn(), mends: impl Fn()) {
    world.apply(credentials("github")).await;
    let converged = world.wait_ready("github").await;
    world.apply(credentials("looked-at")).await;
    let looked_at = world.wait_ready("looked-at").await;

    breaks();
    let now = world.look_again("looked-at").await;
    assert!(is_ready(&now));
    assert_eq!(ready(&now), ready(&looked_at));
    let connection = world
        .wait_connection_of("default", "RemoteUnavailable")
        .await;
    assert_eq!(word_of(&connection, "Reconciling").unwrap().0, "True");
    assert!(word_of(&connection, "Stalled").is_none());
    world.apply(credentials("late")).await;
    let late = world
        .wait_for("late", "waiting", |late| {
            ready(late).is_some_and(|(_, reason, _)| {
                ["RemoteUnavailable", "AmbiguousCreate"].contains(&reason.as_str())
            })
        })
        .await;
    assert_eq!(condition_of(&late, "Reconciling").unwrap().0, "True");
    assert!(condition_of(&late, "Stalled").is_none());
    world.check_unwritten(&converged).await;

    mends();
    world.wait_ready("late").await;
    world.wait_connection_of("default", "Synced").await;
    world.check_unwritten(&converged).await;
    assert_eq!(world.remote().len(), 3);
    let events = world.events("github").await;
    assert!(events.is_empty(), "{events:?}");
    assert!(
        world
            .events("default")
            .await
            .contains(&"RemoteUnavailable".to_owned())
    );
    world.check_oracles().await;
}

#[tokio::test]
async fn an_outage_is_told_by_the_connection_and_changes_nothing_that_is_converged() {
    let world = World::running().await;
    story(
        &world,
        || world.sim.set_down(true),
        || world.sim.set_down(false),
    )
    .await;
}

#[tokio::test]
async fn server_errors_for_a_while_are_told_by_the_connection_and_lead_to_no_second_create() {
    let world = World::running().await;
    let breaks = || {
        world
            .sim
            .faults()
            .add(Fault::any(), Action::error(503, "internal_server_error"));
    };
    story(&world, breaks, || world.sim.faults().clear()).await;
}

#[tokio::test]
async fn a_proxy_that_answers_for_the_api_is_an_outage_too() {
    let world = World::running().await;
    let breaks = || {
        world.sim.faults().add(Fault::any(), Action::html(502));
    };
    story(&world, breaks, || world.sim.faults().clear()).await;
}

#[tokio::test]
async fn an_operator_that_starts_during_an_outage_waits_and_then_goes_on() {
    let mut world = World::running().await;
    world.apply(credentials("github")).await;
    let converged = world.wait_ready("github").await;
    world.stop_operator().await;
    world.apply(credentials("late")).await;
    world.sim.set_down(true);
    world.start_operator();
    world
        .wait_connection_of("default", "RemoteUnavailable")
        .await;
    let late = world.wait_reason("late", "ConnectionNotReady").await;
    assert!(
        message(&late).contains("RemoteUnavailable"),
        "{}",
        message(&late)
    );
    world.check_unwritten(&converged).await;

    world.sim.set_down(false);
    world.wait_ready("late").await;
    world.wait_connection_of("default", "Synced").await;
    world.check_unwritten(&converged).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn requests_in_an_outage_become_fewer() {
    let world = World::running().await;
    world.apply(credentials("github")).await;
    world.wait_ready("github").await;
    world
        .sim
        .faults()
        .add(Fault::any(), Action::error(503, "internal_server_error"));
    let before = world.requests().len();
    for number in 0..4 {
        world.apply(credentials(&format!("late-{number}"))).await;
    }
    world
        .wait_connection_of("default", "RemoteUnavailable")
        .await;
    // By now each has a pause of its own, and at most two seconds of it; the connection likewise.
    let started = std::time::Instant::now();
    world
        .until("half a minute's worth of tries", async || {
            (world.requests().len() > before + 40).then_some(())
        })
        .await;
    assert!(
        started.elapsed() > std::time::Duration::from_secs(4),
        "40 requests in {:?}",
        started.elapsed()
    );
}
