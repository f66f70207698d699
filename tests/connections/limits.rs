//! Rate limits: what a 429 asks for, what the headers say is left, and what a user set.

use crate::support::{Environment, Kind, connection, credentials, with};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Entry, Fault};
use serde_json::json;
use std::time::{Duration, Instant, SystemTime};

/// So many credentials, on an operator whose reconciliations come one after the other: then no request is on its way while an
/// answer is read.
async fn crowd(env: &mut Environment, size: usize) {
    for number in 0..size {
        env.apply(credentials(&format!("app-{number}"))).await;
    }
    let settings = Settings {
        concurrency: 1,
        ..env.settings()
    };
    env.start_operator_with(settings);
}

/// Waits until so many of the credentials wait for requests.
async fn wait_limited(env: &Environment, size: usize, expected: usize) {
    env.until(
        "the limit is spent and those that wait report it",
        async || {
            let mut limited = 0;
            for number in 0..size {
                let app = env.credentials(&format!("app-{number}")).get().await;
                limited += usize::from(app.reason() == "RateLimited");
            }
            (limited == expected).then_some(())
        },
    )
    .await;
}

async fn all_ready(env: &Environment, size: usize) {
    for number in 0..size {
        env.credentials(&format!("app-{number}")).wait_ready().await;
    }
}

/// The first refused request, and the one after it.
fn around_refusal(journal: &[Entry]) -> Option<(Entry, Entry)> {
    let refused = journal.iter().position(|entry| entry.status == 429)?;
    let next = journal.get(refused + 1)?;
    Some((journal[refused].clone(), next.clone()))
}

#[tokio::test]
async fn retry_after_in_seconds_holds_back_every_object_of_the_key() {
    let mut env = Environment::new().await;
    let refusal = Action::too_many_requests(Some("3"));
    env.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials")
            .nth(2)
            .times(1),
        refusal,
    );
    crowd(&mut env, 4).await;
    all_ready(&env, 4).await;
    let (refused, next) = around_refusal(&env.sim.journal()).unwrap();
    let gap = next.at.duration_since(refused.answered_at.unwrap());
    assert!(gap >= Duration::from_secs(3), "{gap:?}");
    assert_eq!(env.attempts().len(), 5, "four creates and one refusal");
    env.check_oracles().await;
}

#[tokio::test]
async fn objects_that_wait_for_the_limit_say_so_and_ready_ones_are_left_alone() {
    let mut env = Environment::new().await;
    crowd(&mut env, 1).await;
    let converged = env.credentials("app-0").wait_ready().await;
    let refusal = Action::too_many_requests(Some("600"));
    let limit = env.sim.faults().add(Fault::any().times(1), refusal);
    env.apply(credentials("late")).await;
    let late = env.credentials("late").wait_reason("RateLimited").await;
    assert_eq!(late.ready().status, "False");
    assert_eq!(late.condition("Reconciling").unwrap().status, "True");
    let read = env.credentials("app-0").reconcile_now().await;
    assert!(read.is_ready(), "nothing is to be pushed");
    assert_eq!(
        read.ready(),
        converged.ready(),
        "the condition is as it was"
    );
    assert_eq!(env.sim.faults().happened(limit), 1);
    // Another process knows nothing of the limit, and the server takes requests again.
    env.restart_operator();
    env.credentials("late").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn retry_after_as_a_date_is_obeyed_by_the_servers_clock() {
    let mut env = Environment::new().await;
    // The server's clock is a year ahead: only its own times are compared with each other.
    let year = Duration::from_secs(365 * 24 * 3600);
    env.sim.set_time_offset(year);
    let (began, clock) = (Instant::now(), SystemTime::now() + year);
    let due = jiff::Timestamp::try_from(clock + Duration::from_secs(5)).unwrap();
    let due = jiff::Timestamp::from_second(due.as_second()).unwrap();
    let date = due.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let refusal = Action::too_many_requests(Some(&date));
    env.sim
        .faults()
        .add(Fault::on("POST", "/").times(1), refusal);
    crowd(&mut env, 2).await;
    all_ready(&env, 2).await;
    let (_, next) = around_refusal(&env.sim.journal()).unwrap();
    let reached = jiff::Timestamp::try_from(clock + next.at.duration_since(began)).unwrap();
    assert!(reached >= due, "asked at {reached}, before {due}");
    env.check_oracles().await;
}

#[tokio::test]
async fn a_429_without_a_usable_retry_after_stops_all_requests_for_a_while() {
    for word in [None, Some("1000000000"), Some("-5"), Some("soon")] {
        let mut env = Environment::new().await;
        let refusal = Action::too_many_requests(word);
        env.sim
            .faults()
            .add(Fault::on("POST", "/").times(1), refusal);
        crowd(&mut env, 2).await;
        for name in ["app-0", "app-1"] {
            env.credentials(name).wait_reason("RateLimited").await;
        }
        env.check_quiet().await;
        let asked = env.requests();
        env.connection("default").reconcile_now().await;
        assert_eq!(
            env.requests(),
            asked,
            "not even the key is checked: {word:?}"
        );
        assert_eq!(env.attempts().len(), 1, "{word:?}");

        // Another process knows nothing of it, and the server takes requests again.
        env.restart_operator();
        all_ready(&env, 2).await;
        assert_eq!(env.live(Kind::Credentials).len(), 2);
    }
}

#[tokio::test]
async fn what_the_server_says_is_left_is_never_overspent() {
    let mut env = Environment::new().await;
    let limit = metorial_simulator::Limit {
        requests: 5,
        per: Duration::from_secs(600),
    };
    env.sim.set_rate_limit(&env.organization, Some(limit));
    for number in 0..8 {
        env.apply(credentials(&format!("app-{number}"))).await;
    }
    env.start_operator();
    wait_limited(&env, 8, 5).await;
    env.check_quiet().await;
    assert_eq!(
        env.live(Kind::Credentials).len(),
        3,
        "two requests asked whose key it is, and for the callback URL"
    );
    let refused = env.sim.journal().iter().filter(|e| e.status == 429).count();
    assert_eq!(refused, 0, "never over the limit\n{}", env.describe().await);
}

#[tokio::test]
async fn a_limit_that_is_taken_out_of_the_spec_holds_no_longer() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    let limit = json!({"spec": {"rateLimit": {"requests": 3, "per": "10m"}}});
    env.apply(with(env.default_connection(), limit)).await;
    crowd(&mut env, 3).await;
    wait_limited(&env, 3, 2).await;
    env.connection("default")
        .edit(json!({"rateLimit": null}))
        .await;
    all_ready(&env, 3).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_429_for_one_organization_holds_nobody_else_back() {
    let mut env = Environment::new().await;
    let there = env.connect_another_instance().await;
    let through = json!({"spec": {"connectionRef": {"name": "other"}}});
    env.apply(with(credentials("theirs"), through)).await;
    env.apply(credentials("ours")).await;
    let refusal = Action::too_many_requests(Some("600"));
    env.sim
        .faults()
        .add(Fault::any().instance(&env.instance).times(1), refusal);
    env.start_operator();
    env.credentials("theirs").wait_ready().await;
    env.connection("default").wait_reason("RateLimited").await;
    assert_eq!(env.live_in(&there).len(), 1);
    env.check_quiet().await;
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_limit_of_one_connection_holds_back_no_other_connection_of_the_organization() {
    let mut env = Environment::new().await;
    let limit = json!({"spec": {"rateLimit": {"requests": 1, "per": "10m"}}});
    env.apply(with(connection("slow", &env.sim.url()), limit))
        .await;
    let through = json!({"spec": {"connectionRef": {"name": "slow"}}});
    env.apply(with(credentials("slow"), through)).await;
    env.start_operator();
    env.credentials("slow").wait_reason("RateLimited").await;
    for number in 0..3 {
        let name = format!("app-{number}");
        env.apply(credentials(&name)).await;
        env.credentials(&name).wait_ready().await;
    }
    assert_eq!(
        env.attempts().len(),
        3,
        "the slow one asked whose key it is"
    );
}

#[tokio::test]
async fn a_limit_above_the_servers_own_does_not_raise_it() {
    let mut env = Environment::bare(Default::default()).await;
    env.apply(env.key_secret()).await;
    env.apply(env.app_secret()).await;
    let limit = metorial_simulator::Limit {
        requests: 3,
        per: Duration::from_secs(600),
    };
    env.sim.set_rate_limit(&env.organization, Some(limit));
    let limit = json!({"spec": {"rateLimit": {"requests": 1000000, "per": "10m"}}});
    env.apply(with(env.default_connection(), limit)).await;
    crowd(&mut env, 4).await;
    wait_limited(&env, 4, 3).await;
    env.check_quiet().await;
    let refused = env.sim.journal().iter().filter(|e| e.status == 429).count();
    assert_eq!(refused, 0, "never over the limit\n{}", env.describe().await);
}
