//! Rate limits: what a 429 asks for, what the headers say is left, and what a user set.

use crate::support::{World, credentials, is_ready, ready, with};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Entry, Fault};
use serde_json::json;
use std::time::{Duration, Instant, SystemTime};

/// So many credentials, on an operator whose passes come one after the other: then no request is on its way while an
/// answer is read.
async fn crowd(world: &mut World, size: usize) {
    for number in 0..size {
        world.apply(credentials(&format!("app-{number}"))).await;
    }
    let settings = Settings {
        concurrency: 1,
        ..world.settings()
    };
    world.start_operator_with(settings);
}

async fn all_ready(world: &World, size: usize) {
    for number in 0..size {
        world.wait_ready(&format!("app-{number}")).await;
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
    let mut world = World::new().await;
    let refusal = Action::too_many_requests(Some("3"));
    world.sim.faults().add(
        Fault::on("POST", "/provider-auth-credentials")
            .nth(2)
            .times(1),
        refusal,
    );
    crowd(&mut world, 4).await;
    all_ready(&world, 4).await;
    let (refused, next) = around_refusal(&world.sim.journal()).unwrap();
    let gap = next.at.duration_since(refused.answered_at.unwrap());
    assert!(gap >= Duration::from_secs(3), "{gap:?}");
    assert_eq!(world.attempts().len(), 5, "four creates and one refusal");
    world.check_oracles().await;
}

#[tokio::test]
async fn objects_that_wait_for_the_limit_say_so_and_converged_ones_are_left_alone() {
    let mut world = World::new().await;
    crowd(&mut world, 1).await;
    let converged = world.wait_ready("app-0").await;
    let refusal = Action::too_many_requests(Some("4"));
    let limit = world.sim.faults().add(Fault::any().times(1), refusal);
    world.apply(credentials("late")).await;
    let late = world.wait_reason("late", "RateLimited").await;
    assert_eq!(ready(&late).unwrap().0, "False");
    assert_eq!(
        crate::support::condition_of(&late, "Reconciling")
            .unwrap()
            .0,
        "True"
    );
    let looked = world.look_again("app-0").await;
    assert!(is_ready(&looked), "nothing is to be brought in");
    assert_eq!(
        ready(&looked).unwrap(),
        ready(&converged).unwrap(),
        "the condition is as it was"
    );
    assert_eq!(world.sim.faults().happened(limit), 1);
    world.wait_ready("late").await;
    world.check_oracles().await;
}

#[tokio::test]
async fn retry_after_as_a_date_is_obeyed_by_the_servers_clock() {
    let mut world = World::new().await;
    // The server's clock is a year ahead: only its own times are compared with each other.
    let year = Duration::from_secs(365 * 24 * 3600);
    world.sim.set_time_offset(year);
    let (began, clock) = (Instant::now(), SystemTime::now() + year);
    let due = jiff::Timestamp::try_from(clock + Duration::from_secs(5)).unwrap();
    let due = jiff::Timestamp::from_second(due.as_second()).unwrap();
    let date = due.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let refusal = Action::too_many_requests(Some(&date));
    world
        .sim
        .faults()
        .add(Fault::on("POST", "/").times(1), refusal);
    crowd(&mut world, 2).await;
    all_ready(&world, 2).await;
    let (_, next) = around_refusal(&world.sim.journal()).unwrap();
    let reached = jiff::Timestamp::try_from(clock + next.at.duration_since(began)).unwrap();
    assert!(reached >= due, "asked at {reached}, before {due}");
    world.check_oracles().await;
}

#[tokio::test]
async fn a_429_without_a_usable_word_closes_the_way_for_longer_than_a_moment() {
    for word in [None, Some("1000000000"), Some("-5"), Some("soon")] {
        let mut world = World::new().await;
        let refusal = Action::too_many_requests(word);
        world
            .sim
            .faults()
            .add(Fault::on("POST", "/").times(1), refusal);
        crowd(&mut world, 2).await;
        for name in ["app-0", "app-1"] {
            world.wait_reason(name, "RateLimited").await;
        }
        world.check_quiet().await;
        let asked = world.requests();
        world.look_at_connection("default").await;
        assert_eq!(
            world.requests(),
            asked,
            "not even the key is checked: {word:?}"
        );
        assert_eq!(world.attempts().len(), 1, "{word:?}");

        // Another process knows nothing of it, and the server takes requests again.
        world.kill_operator();
        world.start_operator();
        all_ready(&world, 2).await;
        assert_eq!(world.remote().len(), 2);
    }
}

#[tokio::test]
async fn what_the_server_says_is_left_is_never_overspent() {
    let mut world = World::new().await;
    let limit = metorial_simulator::Limit {
        requests: 5,
        per: Duration::from_secs(600),
    };
    world.sim.set_rate_limit(&world.organisation, Some(limit));
    for number in 0..8 {
        world.apply(credentials(&format!("app-{number}"))).await;
    }
    world.start_operator();
    world
        .until("the limit is spent and everybody says so", async || {
            let mut waiting = 0;
            for number in 0..8 {
                let word = ready(&world.credentials(&format!("app-{number}")).await);
                waiting += usize::from(word.is_some_and(|(_, reason, _)| reason == "RateLimited"));
            }
            (waiting == 4).then_some(())
        })
        .await;
    world.check_quiet().await;
    assert_eq!(world.remote().len(), 4, "one request told whose key it is");
    let refused = world
        .sim
        .journal()
        .iter()
        .filter(|e| e.status == 429)
        .count();
    assert_eq!(
        refused,
        0,
        "never over the limit\n{}",
        world.describe().await
    );
}

#[tokio::test]
async fn a_limit_that_is_taken_out_of_the_spec_holds_no_longer() {
    let mut world = World::bare(Default::default()).await;
    world.apply(world.key_secret()).await;
    world.apply(world.app_secret()).await;
    let limit = json!({"spec": {"rateLimit": {"requests": 2, "per": "10m"}}});
    world.apply(with(world.connection(), limit)).await;
    crowd(&mut world, 3).await;
    world
        .until("two wait", async || {
            let mut waiting = 0;
            for number in 0..3 {
                let word = ready(&world.credentials(&format!("app-{number}")).await);
                waiting += usize::from(word.is_some_and(|(_, reason, _)| reason == "RateLimited"));
            }
            (waiting == 2).then_some(())
        })
        .await;
    world
        .edit_connection("default", json!({"rateLimit": null}))
        .await;
    all_ready(&world, 3).await;
    world.check_oracles().await;
}

#[tokio::test]
async fn a_429_for_one_organisation_holds_nobody_else_back() {
    let mut world = World::new().await;
    let (there, key) = world.elsewhere();
    world
        .apply(crate::support::secret("other-key", &[("api-key", &key)]))
        .await;
    let other = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "other-key"}}}});
    world
        .apply(with(
            crate::support::connection("other", &world.sim.url()),
            other,
        ))
        .await;
    let through = json!({"spec": {"connectionRef": {"name": "other"}}});
    world.apply(with(credentials("theirs"), through)).await;
    world.apply(credentials("ours")).await;
    let refusal = Action::too_many_requests(Some("600"));
    world
        .sim
        .faults()
        .add(Fault::any().instance(&world.instance).times(1), refusal);
    world.start_operator();
    world.wait_ready("theirs").await;
    world.wait_connection_of("default", "RateLimited").await;
    assert_eq!(world.live_in(&there).len(), 1);
    world.check_quiet().await;
    assert!(world.remote().is_empty());
}
