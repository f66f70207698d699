//! An API that is away, or fails, for a while.

use crate::support::{Environment, Kind, credentials};
use metorial_simulator::{Action, Fault, Limit};
use serde_json::json;
use std::time::Duration;

/// While it is broken, a ready object stays as it is, the Connection reports it and a new object waits; then all are ready.
async fn story(env: &Environment, breaks: impl Fn(), mends: impl Fn()) {
    env.apply(credentials("github")).await;
    let converged = env.credentials("github").wait_ready().await;
    env.apply(credentials("looked-at")).await;
    let looked_at = env.credentials("looked-at").wait_ready().await;

    breaks();
    let now = env.credentials("looked-at").reconcile_now().await;
    assert!(now.is_ready());
    assert_eq!(now.ready(), looked_at.ready());
    let connection = env
        .connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    assert_eq!(connection.condition("Reconciling").unwrap().status, "True");
    assert!(connection.condition("Stalled").is_none());
    env.apply(credentials("late")).await;
    let late = env
        .credentials("late")
        .wait("waiting", |late| {
            ["RemoteUnavailable", "AmbiguousCreate"].contains(&late.reason().as_str())
        })
        .await;
    assert_eq!(late.condition("Reconciling").unwrap().status, "True");
    assert!(late.condition("Stalled").is_none());
    env.check_unwritten(&converged).await;

    mends();
    env.credentials("late").wait_ready().await;
    env.connection("default").wait_reason("Synced").await;
    env.check_unwritten(&converged).await;
    assert_eq!(env.live(Kind::Credentials).len(), 3);
    let events = env.credentials("github").events().await;
    assert_eq!(events, ["Created"], "nothing about the outage");
    env.connection("default")
        .wait_event("RemoteUnavailable")
        .await;
    env.check_oracles().await;
}

#[tokio::test]
async fn an_outage_is_reported_by_the_connection_and_changes_nothing_that_is_ready() {
    let env = Environment::running().await;
    story(&env, || env.sim.set_down(true), || env.sim.set_down(false)).await;
}

#[tokio::test]
async fn server_errors_are_reported_by_the_connection_and_lead_to_no_second_create() {
    let env = Environment::running().await;
    let breaks = || {
        env.sim
            .faults()
            .add(Fault::any(), Action::error(503, "internal_server_error"));
    };
    story(&env, breaks, || env.sim.faults().clear()).await;
}

#[tokio::test]
async fn a_proxy_that_answers_for_the_api_is_an_outage_too() {
    let env = Environment::running().await;
    let breaks = || {
        env.sim.faults().add(Fault::any(), Action::html(502));
    };
    story(&env, breaks, || env.sim.faults().clear()).await;
}

#[tokio::test]
async fn an_operator_that_starts_during_an_outage_waits_and_then_continues() {
    let mut env = Environment::running().await;
    env.apply(credentials("github")).await;
    let converged = env.credentials("github").wait_ready().await;
    env.stop_operator().await;
    env.apply(credentials("late")).await;
    env.sim.set_down(true);
    env.start_operator();
    env.connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    let late = env
        .credentials("late")
        .wait_reason("ConnectionNotReady")
        .await;
    assert!(
        late.message().contains("RemoteUnavailable"),
        "{}",
        late.message()
    );
    env.check_unwritten(&converged).await;

    env.sim.set_down(false);
    env.credentials("late").wait_ready().await;
    env.connection("default").wait_reason("Synced").await;
    env.check_unwritten(&converged).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn requests_in_an_outage_become_fewer() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    env.sim
        .faults()
        .add(Fault::any(), Action::error(503, "internal_server_error"));
    let before = env.requests().len();
    for number in 0..4 {
        env.apply(credentials(&format!("late-{number}"))).await;
    }
    env.connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    // By now each has a pause of its own, and at most two seconds of it; the connection likewise.
    let started = std::time::Instant::now();
    env.until("half a minute's worth of tries", async || {
        (env.requests().len() > before + 40).then_some(())
    })
    .await;
    assert!(
        started.elapsed() > std::time::Duration::from_secs(4),
        "40 requests in {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_collection_that_fails_has_the_key_checked_once_a_minute_however_many_resources_fail() {
    let env = Environment::running().await;
    env.connection("default").wait_reason("Synced").await;
    let checks = || {
        let journal = env.sim.journal();
        journal.iter().filter(|it| it.path == "/instance").count()
    };
    let (before, started) = (checks(), std::time::Instant::now());
    let failing = env.sim.faults().add(
        Fault::on("*", "/provider-auth-credentials"),
        Action::error(503, "internal_server_error"),
    );
    for number in 0..20 {
        env.apply(credentials(&format!("failing-{number}"))).await;
    }
    env.until("each has failed several times", async || {
        (env.sim.faults().happened(failing) > 60).then_some(())
    })
    .await;
    // One is made immediately, and one more at the end of each minute.
    let minutes = started.elapsed().as_secs() / 60;
    let made = checks() - before;
    assert!(made as u64 <= 1 + minutes, "{made} checks");
    assert!(made > 0);
}

#[tokio::test]
async fn an_outage_does_not_use_up_the_budget() {
    let mut env = Environment::new().await;
    let limit = Limit {
        requests: 30,
        per: Duration::from_secs(600),
    };
    env.sim.set_rate_limit(&env.organization, Some(limit));
    env.start_operator();
    let names = ["a", "b", "c", "d"];
    for name in names {
        env.create(credentials(name)).await;
    }
    let counted = env.requests().len() as u64;
    let lost = env.sim.faults().add(Fault::any(), Action::CloseBefore);
    for name in names {
        env.credentials(name).edit(json!({"name": "edited"})).await;
    }
    let connection = env.connection("default");
    connection.wait_reason("RemoteUnavailable").await;
    // As many as the limit allows besides those that the server answered, and one that finds out.
    env.until("the outage outlasts the budget", async || {
        (env.sim.faults().happened(lost) + counted > 30).then_some(())
    })
    .await;
    env.sim.faults().clear();
    for name in names {
        env.credentials(name).wait_ready().await;
        assert!(
            !env.credentials(name)
                .events()
                .await
                .contains(&"RateLimited".to_owned())
        );
    }
    connection.wait_reason("Synced").await;
    assert!(
        !connection
            .events()
            .await
            .contains(&"RateLimited".to_owned())
    );
    let refused = env
        .sim
        .journal()
        .iter()
        .filter(|it| it.status == 429)
        .count();
    assert_eq!(refused, 0);
    env.check_oracles().await;
}
