//! Writes of which only a part is applied, or that another write takes back.

use crate::support::{Environment, Handle, Kind, PATIENCE, credentials, keys};
use metorial::{AuthCredentials, Body};
use metorial_simulator::{Action, Gate, Stored};
use serde_json::json;
use std::time::Duration;

fn app(env: &Environment) -> Handle<'_> {
    env.credentials("app")
}

fn has_secret(remote: &Stored, secret: &str) -> bool {
    remote.write_only["client_secret"] == secret
}

#[tokio::test]
async fn an_update_that_fails_halfway_is_completed() {
    let mut env = Environment::running().await;
    env.create(credentials("app")).await;
    env.stop_operator().await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let edit = json!({"name": "renamed", "metadata": {"team": "a"}});
    app(&env).edit(edit).await;
    env.next("PATCH", Kind::Credentials.path(), Action::FailHalfway);
    env.start_operator();
    let remote = app(&env).wait_synced().await;
    assert!(has_secret(&remote, "rotated"));
    assert_eq!(remote.readable["name"], "renamed");
    assert_eq!(remote.readable["metadata"]["team"], "a");
    assert_eq!(env.patches().len(), 2, "the half and the whole");
    env.check_oracles_hiding(&["rotated"]).await;
}

#[tokio::test]
async fn half_of_an_update_that_is_undone_is_taken_back() {
    let mut env = Environment::running().await;
    let former = env.client_secret.clone();
    env.create(credentials("app")).await;
    env.stop_operator().await;
    env.rotate("oauth-app", "client-secret", "rotated").await;
    app(&env).edit(json!({"name": "renamed"})).await;
    env.next("PATCH", Kind::Credentials.path(), Action::FailHalfway);
    env.start_operator_that_waits();
    let halfway = |remote: &Stored| has_secret(remote, "rotated");
    env.wait_only(Kind::Credentials, "half of it is applied", halfway)
        .await;
    env.kill_operator();
    env.rotate("oauth-app", "client-secret", &former).await;
    app(&env).edit(json!({"name": null})).await;
    env.start_operator();
    let restored = |remote: &Stored| has_secret(remote, &former);
    env.wait_only(Kind::Credentials, "all of it is undone", restored)
        .await;
    let remote = app(&env).wait_synced().await;
    assert_eq!(remote.readable["name"], "app");
    env.check_oracles().await;
}

/// The server reads for the PATCH of a person, and writes it after the operator's: all fields as it read them.
#[tokio::test]
async fn an_update_that_is_lost_to_that_of_a_person_is_sent_again_once() {
    let env = Environment::running().await;
    let id = env.create(credentials("app")).await.id();
    app(&env).wait_recorded().await;
    let (gate, path) = (Gate::new(), format!("{}/{id}", Kind::Credentials.path()));
    env.next("PATCH", &path, Action::HoldAfterRead(gate.clone()));
    let (person, of) = (env.person(), id.clone());
    let theirs = tokio::spawn(async move {
        let body = Body::from(json!({"description": "theirs"}));
        person.update::<AuthCredentials>(&of, &body).await
    });
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.rotate("oauth-app", "client-secret", "rotated").await;
    let rotated = |remote: &Stored| has_secret(remote, "rotated");
    env.wait_only(Kind::Credentials, "rotated", rotated).await;
    app(&env).wait_recorded().await;

    gate.open();
    theirs.await.unwrap().unwrap();
    assert!(!has_secret(&env.only(Kind::Credentials), "rotated"), "lost");
    app(&env).request_reconcile().await;
    env.wait_only(Kind::Credentials, "sent again", rotated)
        .await;
    let remote = app(&env).wait_synced().await;
    assert_ne!(remote.readable["description"], "theirs");
    app(&env).wait_event("DriftCorrected").await;
    let sent: Vec<_> = env.patches().iter().map(keys).collect();
    let both = ["client_id", "client_secret", "description", "metadata"];
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert_eq!(sent[2], both);
    env.check_oracles_hiding(&["rotated"]).await;
}

#[tokio::test]
async fn the_clock_of_the_server_may_differ_by_a_year() {
    let year = 365 * 24;
    for hours in [-year, year] {
        let env = Environment::running().await;
        let offset = jiff::SignedDuration::from_hours(hours);
        env.sim.set_time_offset(offset);
        let id = env.create(credentials("app")).await.id();
        app(&env).edit(json!({"name": "renamed"})).await;
        app(&env).wait_recorded().await;
        env.rotate("oauth-app", "client-secret", "rotated").await;
        let rotated = |remote: &Stored| has_secret(remote, "rotated");
        env.wait_only(Kind::Credentials, "rotated", rotated).await;
        app(&env).wait_recorded().await;
        assert_eq!(env.patches().len(), 2, "{hours}");
        env.sim.edit(&id, json!({"client_secret": "theirs"}));
        app(&env).request_reconcile().await;
        env.wait_only(Kind::Credentials, "corrected", rotated).await;
        // A clock that is set back is no reason to write.
        app(&env).wait_recorded().await;
        env.sim.set_time_offset(Duration::ZERO);
        app(&env).reconcile_now().await;
        env.check_oracles().await;
        assert_eq!(env.patches().len(), 3, "{hours}");
        app(&env).remove().await;
        assert!(env.live(Kind::Credentials).is_empty());
    }
}
