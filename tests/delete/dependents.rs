//! What Metorial would delete too: the auth configs that end users authorized with credentials.

use crate::support::{Environment, Kind, credentials};
use futures::future::join_all;
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// Ready credentials that so many people authorized, and a sibling that one more did.
async fn authorized(people: usize) -> (Environment, String, Vec<String>) {
    let env = Environment::running().await;
    let id = env.create(credentials("github")).await.id();
    let other = env
        .create(credentials("sibling"))
        .await
        .status()
        .id
        .unwrap();
    let consent = |number: usize| {
        let name = json!({"name": format!("person-{number}")});
        env.sim.add_auth_config(&env.instance, &id, name)
    };
    let consents = (0..people).map(consent).collect();
    env.sim
        .add_auth_config(&env.instance, &other, json!({"name": "somebody else"}));
    (env, id, consents)
}

#[tokio::test]
async fn credentials_that_end_users_authorized_wait_and_name_them_until_cascade_accepts_the_loss() {
    let (env, id, consents) = authorized(2).await;
    env.credentials("github").delete().await;
    let blocked = env
        .credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    assert_eq!(blocked.condition("Stalled").unwrap().status, "True");
    let says = blocked.message();
    for part in ["2 object(s)", "person-0", "person-1", "Cascade", "Orphan"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    for consent in &consents {
        assert!(says.contains(consent.as_str()), "{says}");
    }
    assert!(!says.contains("somebody else"), "{says}");
    env.check_quiet().await;
    assert_eq!(
        (
            env.live(Kind::Credentials).len(),
            env.live(Kind::AuthConfig).len()
        ),
        (2, 3)
    );

    env.credentials("github")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.credentials("github").wait_gone().await;
    env.sim.settled().await;
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "archived");
    assert_eq!(
        env.live(Kind::AuthConfig).len(),
        1,
        "the sibling's is untouched"
    );
    env.check_oracles().await;
}

#[tokio::test]
async fn credentials_are_deleted_when_the_last_object_that_needs_them_is_gone() {
    let (env, _, consents) = authorized(2).await;
    env.credentials("github").delete().await;
    env.credentials("github")
        .wait_message("DeletionBlocked", "2 object(s)")
        .await;
    env.sim.archive(&consents[0]);
    env.credentials("github")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    env.sim.archive(&consents[1]);
    env.credentials("github").wait_gone().await;
    assert_eq!(env.live(Kind::AuthConfig).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn blocked_credentials_may_be_orphaned() {
    let (env, id, _) = authorized(1).await;
    env.credentials("github").delete().await;
    env.credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    env.credentials("github")
        .edit(json!({"deletionPolicy": "Orphan"}))
        .await;
    env.credentials("github").wait_gone().await;
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "active");
    assert_eq!(env.live(Kind::AuthConfig).len(), 2);
}

#[tokio::test]
async fn a_crowd_of_dependents_is_counted_in_full_and_named_in_part() {
    let (env, id, _) = authorized(130).await;
    env.credentials("github").delete().await;
    let blocked = env
        .credentials("github")
        .wait_reason("DeletionBlocked")
        .await;
    let says = blocked.message();
    for part in ["130 object(s)", "person-0", "person-9", "and 120 more"] {
        assert!(says.contains(part), "{part}: {says}");
    }
    assert!(says.len() < 2000 && !says.contains("person-42"), "{says}");
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "active");
}

#[tokio::test]
async fn nothing_is_deleted_while_it_is_not_known_who_depends_on_it() {
    let (env, id, _) = authorized(1).await;
    let broken = [
        Action::error(503, "internal_server_error"),
        Action::no_such_route(),
        Action::html(200),
    ];
    for (number, action) in broken.into_iter().enumerate() {
        let list = Fault::on("GET", Kind::AuthConfig.path());
        let fault = env.sim.faults().add(list, action);
        if number == 0 {
            env.credentials("github").delete().await;
        }
        // The second try comes after whatever the first one led to.
        for tries in 1..=2 {
            env.credentials("github").request_reconcile().await;
            env.until("it was asked for them", async || {
                (env.sim.faults().happened(fault) >= tries).then_some(())
            })
            .await;
        }
        let writes = env.attempts();
        assert!(
            writes.iter().all(|write| !write.starts_with("DELETE")),
            "{writes:?}"
        );
        env.sim.faults().clear();
    }
    env.credentials("github").reconcile_now().await;
    env.credentials("github")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    assert_eq!(env.sim.object(&id).unwrap().readable["status"], "active");
}

#[tokio::test]
async fn many_that_are_deleted_at_the_same_time_share_the_reads_before_it() {
    const COUNT: usize = 40;
    let (env, _, consents) = authorized(1).await;
    let names: Vec<String> = (0..COUNT).map(|number| format!("app-{number}")).collect();
    for name in &names {
        env.apply(credentials(name)).await;
    }
    for name in &names {
        env.credentials(name).wait_ready().await;
    }
    let before = env.sim.journal().len();
    let handles: Vec<_> = names.iter().map(|name| env.credentials(name)).collect();
    join_all(handles.iter().map(|handle| handle.delete())).await;
    env.credentials("github").delete().await;
    for handle in &handles {
        handle.wait_gone().await;
    }
    env.credentials("github")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    let requests = env.sim.journal().len() - before;
    println!("{requests} requests for {COUNT} deletions");
    // Three for each without sharing. How many share a request depends on the machine.
    assert!(requests < 3 * COUNT, "{requests} requests");
    env.sim.archive(&consents[0]);
    env.credentials("github").wait_gone().await;
    env.check_oracles().await;
}
