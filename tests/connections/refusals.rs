//! An API that says no: to one object, to a collection, or in another version.

use crate::support::{Environment, Kind, credentials};
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// One object is refused with this status, a sibling is not; once that ends, a requested reconciliation pushes it.
async fn refused(status: u16, code: &str, reason: &str) {
    let env = Environment::running().await;
    for name in ["github", "sibling"] {
        env.apply(credentials(name)).await;
        env.credentials(name).wait_ready().await;
    }
    let id = env.credentials("github").get().await.id();
    let path = format!("/provider-auth-credentials/{id}");
    env.sim
        .faults()
        .add(Fault::on("PATCH", &path), Action::error(status, code));
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;

    let stalled = env.credentials("github").wait_reason(reason).await;
    assert_eq!(stalled.condition("Stalled").unwrap().status, "True");
    assert!(stalled.message().contains(code), "{}", stalled.message());
    env.until("the sibling is rotated", async || {
        let rotated = env.live(Kind::Credentials).iter().any(|object| {
            object.id != id && object.write_only["client_secret"] == "rotated-0123456789"
        });
        rotated.then_some(())
    })
    .await;
    let sibling = env.credentials("sibling").wait_ready().await;
    assert!(sibling.is_ready());
    env.connection("default").wait_reason("Synced").await;
    env.check_quiet().await;
    let tries = |env: &Environment| env.attempts().iter().filter(|a| a.contains(&id)).count();
    assert_eq!(tries(&env), 1, "a refusal is not repeated at once");

    env.sim.faults().clear();
    env.credentials("github").request_reconcile().await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_proxy_that_refuses_a_check_says_nothing_about_the_spec() {
    let mut env = Environment::new().await;
    let check = Fault::on("GET", "/instance").exactly();
    let refused = env.sim.faults().add(check, Action::html(400));
    env.start_operator();
    let connection = env
        .connection("default")
        .wait_reason("RemoteUnavailable")
        .await;
    let message = connection.message();
    assert!(message.contains("a proxy"), "{message}");
    assert!(!message.contains("organization"), "{message}");
    env.sim.faults().remove(refused);
    env.connection("default").wait_reason("Synced").await;
}

#[tokio::test]
async fn a_402_for_one_object_stalls_it_alone() {
    refused(402, "payment_required", "PaymentRequired").await;
}

#[tokio::test]
async fn a_403_for_one_object_stalls_it_alone() {
    refused(403, "forbidden", "Forbidden").await;
}

#[tokio::test]
async fn a_key_without_write_access_stalls_only_what_must_be_written() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let converged = env.credentials("github").wait_ready().await;
    let scopes = ["organization.instance:read", "instance.provider.auth:read"];
    env.sim.restrict_key(&env.key, scopes);
    env.apply(credentials("late")).await;
    let late = env.credentials("late").wait_reason("Forbidden").await;
    assert_eq!(late.condition("Stalled").unwrap().status, "True");
    env.check_unwritten(&converged).await;
    env.sim.restore_key(&env.key);
    env.credentials("late").reconcile_now().await;
    env.credentials("late").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_server_without_the_route_is_not_taken_for_missing_objects() {
    let env = Environment::running().await;
    for number in 0..4 {
        env.apply(credentials(&format!("app-{number}"))).await;
        env.credentials(&format!("app-{number}")).wait_ready().await;
    }
    let before = env.credentials("app-0").get().await;
    env.sim.faults().add(
        Fault::on("*", "/provider-auth-credentials"),
        Action::no_such_route(),
    );
    for number in 1..4 {
        let object = env
            .credentials(&format!("app-{number}"))
            .reconcile_now()
            .await;
        assert!(object.is_ready(), "nothing is to be pushed");
    }
    env.apply(credentials("late")).await;
    let late = env
        .credentials("late")
        .wait_reason("ApiVersionUnsupported")
        .await;
    assert_eq!(late.condition("Stalled").unwrap().status, "True");
    assert!(late.message().contains("route"), "{}", late.message());
    env.credentials("app-3").delete().await;
    let held = env
        .credentials("app-3")
        .wait_reason("ApiVersionUnsupported")
        .await;
    assert!(!held.finalizers().is_empty());
    env.check_unwritten(&before).await;
    assert_eq!(env.live(Kind::Credentials).len(), 4);

    env.sim.faults().clear();
    for name in ["late", "app-3"] {
        env.credentials(name).request_reconcile().await;
    }
    env.credentials("app-3").wait_gone().await;
    env.credentials("late").wait_ready().await;
    assert_eq!(env.live(Kind::Credentials).len(), 4);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_answer_in_another_version_of_the_api_stalls_the_connection() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let old = Action::Answer {
        status: 200,
        headers: vec![("metorial-version".to_owned(), "2025-01-01".to_owned())],
        body: json!({"object": "organization.instance", "id": env.instance.as_str(), "type": "production"}).into(),
    };
    env.sim.faults().add(Fault::on("GET", "/instance"), old);
    env.start_operator();
    let connection = env
        .connection("default")
        .wait_reason("ApiVersionUnsupported")
        .await;
    assert_eq!(connection.condition("Stalled").unwrap().status, "True");
    let waiting = env
        .credentials("github")
        .wait_message("ConnectionNotReady", "ApiVersionUnsupported")
        .await;
    assert_eq!(waiting.ready().status, "False");
    assert!(env.attempts().is_empty());

    env.sim.faults().clear();
    env.connection("default").reconcile_now().await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_ready_object_that_is_answered_in_another_version_stays_ready() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let before = env.credentials("github").wait_ready().await;
    let old = Action::Answer {
        status: 404,
        headers: vec![("metorial-version".to_owned(), "2025-01-01".to_owned())],
        body: json!({"object": "error", "status": 404, "code": "not_found", "entity": "provider.auth_credentials", "id": before.status().id}).into(),
    };
    env.sim.faults().add(Fault::any(), old);
    let after = env.credentials("github").reconcile_now().await;
    assert_eq!(after.ready(), before.ready());
    env.connection("default")
        .wait_reason("ApiVersionUnsupported")
        .await;
    env.sim.faults().clear();
    env.connection("default").reconcile_now().await;
    env.connection("default").wait_reason("Synced").await;
    assert_eq!(env.writes().len(), 1);
    env.check_oracles().await;
}
