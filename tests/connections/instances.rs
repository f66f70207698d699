//! Keys and references that open another instance than the one that objects live in.

use crate::support::{Environment, Kind, Loss, PATIENCE, connection, credentials, with_timeouts};
use metorial_simulator::{Action, Fault, FaultId, Gate, InstanceId};
use serde_json::json;

#[tokio::test]
async fn a_key_of_another_instance_creates_changes_and_deletes_nothing_there_or_here() {
    let env = Environment::running().await;
    for name in ["github", "doomed"] {
        env.apply(credentials(name)).await;
        env.credentials(name).wait_ready().await;
    }
    let before = env.credentials("github").get().await;
    let (there, key) = env.another_instance();
    env.use_key(&key).await;
    let connection = env
        .connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    let says = connection.condition("Stalled").unwrap().message;
    assert!(
        says.contains(there.as_str()) && says.contains(env.instance.as_str()),
        "{says}"
    );
    assert_eq!(connection.field("instance")["id"], env.instance.as_str());
    env.check_unwritten(&before).await;
    let writes = env.attempts();

    env.apply(credentials("late")).await;
    env.credentials("late")
        .wait_message("ConnectionNotReady", "InstanceMismatch")
        .await;
    env.rotate("oauth-app", "client-secret", "rotated-0123456789")
        .await;
    env.credentials("github")
        .wait_message("ConnectionNotReady", "InstanceMismatch")
        .await;
    env.credentials("doomed").delete().await;
    env.credentials("doomed")
        .wait_message("DeletionBlocked", "InstanceMismatch")
        .await;
    env.check_quiet().await;
    assert_eq!(env.attempts(), writes);
    assert!(env.live_in(&there).is_empty());
    assert_eq!(env.live(Kind::Credentials).len(), 2);

    env.use_key(&env.key).await;
    env.credentials("doomed").wait_gone().await;
    env.credentials("late").wait_ready().await;
    env.credentials("github").wait_ready().await;
    assert!(env.live_in(&there).is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn an_instance_stays_pinned_over_a_restart() {
    let mut env = Environment::running().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    env.stop_operator().await;
    let (there, key) = env.another_instance();
    env.use_key(&key).await;
    let before = env.credentials("github").get().await;
    env.start_operator();
    env.connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    env.check_unwritten(&before).await;
    env.check_quiet().await;
    assert!(env.live_in(&there).is_empty());
    assert_eq!(env.writes().len(), 1);
}

#[tokio::test]
async fn spec_instance_refuses_every_other_instance() {
    let mut env = Environment::new().await;
    env.apply(credentials("github")).await;
    let guards = [
        json!({"instance": {"id": "ins_another"}}),
        json!({"instance": {"id": null, "type": "development"}}),
        json!({"instance": {"id": env.instance.as_str(), "type": "development"}}),
    ];
    env.connection("default").edit(guards[0].clone()).await;
    env.start_operator();
    for (guard, says) in guards.iter().zip([
        "spec.instance.id",
        "spec.instance.type",
        "spec.instance.type",
    ]) {
        env.connection("default").edit(guard.clone()).await;
        let refused = env
            .connection("default")
            .wait_reason("InstanceMismatch")
            .await;
        let message = refused.condition("Stalled").unwrap().message;
        assert!(message.contains(says), "{message}");
        assert!(refused.field("instance").is_null(), "nothing is pinned");
    }
    env.credentials("github")
        .wait_message("ConnectionNotReady", "InstanceMismatch")
        .await;
    assert!(env.attempts().is_empty());

    let right = json!({"instance": {"id": env.instance.as_str(), "type": "production"}});
    env.connection("default").edit(right).await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn an_object_that_refers_to_a_connection_of_another_instance_is_stalled_itself() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_ready().await;
    let there = env.connect_another_instance().await;
    env.connection("other").wait_reason("Synced").await;
    let writes = env.attempts();

    let through = |name: &str| json!({"spec": {"connectionRef": {"name": name}}});
    env.credentials("github").patch(through("other")).await;
    let moved = env
        .credentials("github")
        .wait_reason("InstanceMismatch")
        .await;
    assert_eq!(moved.condition("Stalled").unwrap().status, "True");
    let says = moved.message();
    assert!(
        says.contains(there.as_str()) && says.contains(env.instance.as_str()),
        "{says}"
    );
    env.check_quiet().await;
    assert_eq!(env.attempts(), writes);

    env.credentials("github").patch(through("default")).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.attempts(), writes);

    // A deletion is sent to where the object lives, whatever the spec says by then.
    env.credentials("github").patch(through("other")).await;
    env.credentials("github")
        .wait_reason("InstanceMismatch")
        .await;
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty() && env.live_in(&there).is_empty());
}

#[tokio::test]
async fn an_object_moves_to_another_connection_of_its_instance_and_no_longer_holds_the_former() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    let before = env.credentials("github").wait_ready().await;
    env.apply(connection("second", &env.sim.url())).await;
    env.connection("second").wait_reason("Synced").await;
    let writes = env.attempts();

    let through = json!({"spec": {"connectionRef": {"kind": "Connection", "name": "second"}}});
    env.credentials("github").patch(through).await;
    let moved = env
        .credentials("github")
        .wait("in use through the second", |object| {
            object.is_ready() && object.status().connection.as_deref() == Some("Connection/second")
        })
        .await;
    assert_eq!(moved.status().id, before.status().id);
    assert_eq!(env.attempts(), writes);
    env.connection("default").remove().await;
    env.check_oracles().await;
}

/// An environment in which the response of a create was lost and its object can't be found yet, and an instance that the
/// Connection `other` opens and to which the resource was moved. Where it is not `recorded`, the status could not be written
/// before the move.
async fn lost_create(recorded: bool) -> (Environment, FaultId, InstanceId) {
    let (env, failing, there) = moved_after_lost_create(recorded).await;
    env.permit_status(true).await;
    let moved = env
        .credentials("github")
        .wait_message("InstanceMismatch", "a create may have been applied")
        .await;
    assert!(!recorded || moved.field("instanceId") == env.instance.as_str());
    (env, failing, there)
}

/// The same, where it is not `recorded` without the right to write a status ever since.
async fn moved_after_lost_create(recorded: bool) -> (Environment, FaultId, InstanceId) {
    let mut env = Environment::new().await;
    let there = env.connect_another_instance().await;
    env.start_operator();
    for name in ["default", "other"] {
        env.connection(name).wait_reason("Synced").await;
    }
    let path = Kind::Credentials.path();
    env.next("POST", path, Loss::Closed.after());
    let searches = Fault::on("GET", path);
    let failing = env.sim.faults().add(searches, Loss::InternalError.before());
    env.permit_status(recorded).await;
    env.apply(credentials("github")).await;
    if recorded {
        env.credentials("github")
            .wait_reason("AmbiguousCreate")
            .await;
    } else {
        env.until("the create was sent", async || {
            (!env.attempts().is_empty()).then_some(())
        })
        .await;
    }
    let through = json!({"spec": {"connectionRef": {"name": "other"}}});
    env.credentials("github").patch(through).await;
    (env, failing, there)
}

#[tokio::test]
async fn a_lost_create_is_searched_for_where_it_was_sent_even_if_no_status_recorded_that() {
    let (env, failing, there) = lost_create(false).await;
    env.sim.faults().remove(failing);
    let back = json!({"spec": {"connectionRef": {"name": "default"}}});
    env.credentials("github").patch(back).await;
    env.credentials("github").wait_ready().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    assert!(env.live_in(&there).is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_whose_answer_was_lost_is_searched_for_in_the_instance_that_it_was_sent_to() {
    let (mut env, failing, there) = lost_create(true).await;
    env.restart_operator();
    env.check_quiet().await;
    assert!(env.live_in(&there).is_empty());
    env.sim.faults().remove(failing);
    let back = json!({"spec": {"connectionRef": {"name": "default"}}});
    env.credentials("github").patch(back).await;
    env.credentials("github").wait_ready().await;
    let path = Kind::Credentials.path();
    assert_eq!(env.attempts(), [format!("POST {path}")]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_deletes_what_a_lost_create_made_in_another_instance_than_the_spec_names() {
    let (env, failing, there) = lost_create(true).await;
    let default = env.connection("default");
    default.delete().await;
    default.wait_message("Deleting", "github").await;
    env.sim.faults().remove(failing);
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty() && env.live_in(&there).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    default.wait_gone().await;
}

#[tokio::test]
async fn a_deletion_reaches_where_a_create_was_sent_even_if_no_status_recorded_that() {
    let (env, failing, there) = moved_after_lost_create(false).await;
    env.sim.revoke_key(&env.key);
    let spare = env.sim.add_key(&env.instance);
    env.connect("spare", &spare).await;
    env.sim.faults().remove(failing);
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty() && env.live_in(&there).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}

/// An environment whose operator was killed in the middle of a create, and the instance that the Connection `other` opens and to
/// which the resource was moved meanwhile.
pub async fn moved_after_crash() -> (Environment, InstanceId) {
    let mut env = Environment::new().await;
    let there = env.connect_another_instance().await;
    let gate = env.hold_after("POST", Kind::Credentials.path());
    env.start_operator();
    env.connection("default").wait_reason("Synced").await;
    env.apply(credentials("github")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.kill_operator();
    let through = json!({"spec": {"connectionRef": {"name": "other"}}});
    env.credentials("github").patch(through).await;
    (env, there)
}

#[tokio::test]
async fn a_create_that_a_crash_left_in_another_instance_is_not_sent_again() {
    let (mut env, there) = moved_after_crash().await;
    env.start_operator();
    let moved = env
        .credentials("github")
        .wait_message("InstanceMismatch", "a create may have been applied")
        .await;
    assert_eq!(moved.field("instanceId"), env.instance.as_str());
    env.check_quiet().await;
    assert!(env.live_in(&there).is_empty());
    let back = json!({"spec": {"connectionRef": {"name": "default"}}});
    env.credentials("github").patch(back).await;
    env.credentials("github").wait_synced().await;
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_deletes_what_a_crash_left_in_another_instance() {
    let (mut env, there) = moved_after_crash().await;
    env.permit_status(false).await;
    env.start_operator();
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty() && env.live_in(&there).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn another_instance_that_can_not_be_searched_after_a_crash_is_waited_for() {
    let (mut env, there) = moved_after_crash().await;
    let down = Fault::on("GET", "/instance").instance(&env.instance);
    let down = env.sim.faults().add(down, Loss::InternalError.before());
    env.start_operator();
    let waits = env
        .credentials("github")
        .wait_message("AmbiguousCreate", "can't be searched now")
        .await;
    assert!(waits.message().contains("Connection/default"));
    env.check_quiet().await;
    assert!(env.live_in(&there).is_empty());
    env.sim.faults().remove(down);
    env.credentials("github")
        .wait_reason("InstanceMismatch")
        .await;
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty() && env.live_in(&there).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}

#[tokio::test]
async fn instances_that_hang_are_searched_at_the_same_time() {
    let (mut env, there) = moved_after_crash().await;
    let (path, gate, first) = (Kind::Credentials.path(), Gate::new(), Gate::new());
    let hold = |instance: &InstanceId, gate: &Gate| {
        let searches = Fault::on("GET", path).instance(instance);
        let hold = Action::HoldBefore(gate.clone());
        env.sim.faults().add(searches, hold);
    };
    // Its response ends the search in all others, sent or not.
    hold(&env.instance, &first);
    for name in ["third", "fourth", "fifth"] {
        let (instance, key) = env.another_instance();
        env.connect(name, &key).await;
        hold(&instance, &gate);
    }
    // No search ends by itself while the others are waited for.
    let settings = with_timeouts(env.settings(), 4 * PATIENCE, 4 * PATIENCE);
    env.start_operator_with(settings);
    assert!(gate.wait_for_arrivals(3, PATIENCE).await);
    first.open();
    // None of them keeps the object from being found in the instance that has it.
    env.credentials("github")
        .wait_reason("InstanceMismatch")
        .await;
    gate.open();
    assert!(env.live_in(&there).is_empty());
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}
