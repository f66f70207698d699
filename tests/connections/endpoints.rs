//! Connections whose address or certificates change while the API can't be asked about that.

use crate::support::{Environment, calling, credentials};
use metorial_simulator::{Action, Fault, Simulator};
use serde_json::{Value, json};

fn unavailable() -> Action {
    Action::error(503, "internal_server_error")
}

/// The check of a connection fails after an edit of its spec. From then on nothing is sent for its resources; once the edit is
/// undone or the check succeeds, everything is.
async fn nothing_is_sent_after(env: &Environment, edit: Value, repair: impl AsyncFn()) {
    let names = ["edited", "deleted"];
    for name in names {
        env.create(credentials(name)).await;
    }
    let calm = env.create(credentials("calm")).await;
    let connection = env.connection("default");
    connection.edit(edit).await;
    connection.wait_reason("RemoteUnavailable").await;
    let before = env.attempts().len();
    env.credentials("edited")
        .edit(json!({"description": "new"}))
        .await;
    env.apply(credentials("late")).await;
    for name in ["edited", "late"] {
        env.credentials(name)
            .wait_message("ConnectionNotReady", "RemoteUnavailable")
            .await;
    }
    env.credentials("deleted").delete().await;
    env.credentials("deleted")
        .wait_message("DeletionBlocked", "RemoteUnavailable")
        .await;
    assert_eq!(env.attempts().len(), before, "{:?}", env.attempts());
    env.check_unwritten(&calm).await;

    repair().await;
    for name in ["edited", "late"] {
        env.credentials(name).wait_ready().await;
    }
    env.credentials("deleted").wait_gone().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn nothing_is_sent_to_a_former_server_while_the_new_one_can_not_be_asked() {
    let mut env = Environment::new().await;
    let other = Simulator::start(Default::default()).await;
    env.start_operator_with(calling(env.settings(), &[&env.sim, &other]));
    other.faults().add(Fault::any(), unavailable());
    let back = json!({"baseUrl": env.sim.url()});
    let repair = async || {
        env.connection("default").edit(back.clone()).await;
    };
    nothing_is_sent_after(&env, json!({"baseUrl": other.url()}), repair).await;
    let journal = other.journal();
    assert!(journal.iter().all(|request| request.path == "/instance"));
}

#[tokio::test]
async fn nothing_is_sent_by_trust_in_removed_certificates_while_the_api_can_not_be_asked() {
    let env = Environment::running().await;
    // Every namespace has it.
    let roots = json!({"configMapKeyRef": {"name": "kube-root-ca.crt", "key": "ca.crt"}});
    env.connection("default")
        .edit(json!({"caBundle": roots}))
        .await;
    let trusting = env.connection("default").reconcile_now().await;
    assert_eq!(trusting.condition("Ready").unwrap().reason, "Synced");
    let faults = env.sim.faults();
    faults.add(Fault::on("GET", "/instance"), unavailable());
    let repair = async || faults.clear();
    nothing_is_sent_after(&env, json!({"caBundle": null}), repair).await;
}
