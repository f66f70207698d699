//! What the API can't change is replaced, if the user allows it: in time, and never because somebody changed it there.

use crate::support::{Form, Given, TESTED, THIRD, VALUES, each};
use jiff::Timestamp;
use metorial_simulator::{Action, Gate};
use serde_json::json;
use std::time::{Duration, Instant};

const FORMS: [Form; 3] = [Form::Config, Form::ConfigOnVault, Form::Vault];

#[tokio::test]
async fn another_value_creates_another_object_and_deletes_the_former() {
    each(FORMS, async |form| {
        let scenario = Given::form(form).settled().await;
        let former = scenario.remote_object().id;
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        let object = scenario.tested().get().await;
        assert_ne!(object.id(), former, "{form:?}");
        assert_eq!(
            object.status().previous_ids.unwrap()[0].id,
            former,
            "{form:?}"
        );
        scenario.check_oracles().await;
        scenario.tested().remove().await;
        assert!(scenario.live_objects().is_empty(), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn what_must_not_be_replaced_stalls_until_the_change_is_undone() {
    each([Form::Config, Form::Vault], async |form| {
        let given = Given::form(form).with_spec(json!({"replace": "Never"}));
        let scenario = given.settled().await;
        scenario.sim.clear_journal();
        scenario.change(VALUES[1]).await;
        let stalled = scenario.tested().wait_reason("ImmutableFieldChanged").await;
        assert!(stalled.message().contains("value"), "{}", stalled.message());
        scenario.check_quiet().await;
        assert!(scenario.attempts().is_empty());
        scenario.change(VALUES[0]).await;
        scenario.wait_synced(VALUES[0]).await;
        assert!(
            scenario.attempts().is_empty(),
            "what was undone needs nothing"
        );
        scenario.tested().edit(json!({"name": "renamed"})).await;
        let named = |it: &metorial_simulator::Stored| it.readable["name"] == "renamed";
        scenario.wait_only(form.remote(), "renamed", named).await;
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(scenario.ever_objects().len(), 1, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_replacement_that_is_undone_after_its_response_was_lost_leaves_no_second_object() {
    each([Form::Config, Form::Vault], async |form| {
        let scenario = Given::form(form).settled().await;
        let former = scenario.remote_object().id;
        let gate = Gate::new();
        let lost = Action::CloseAfterHold(gate.clone());
        scenario.next("POST", form.remote().path(), lost);
        scenario.change(VALUES[1]).await;
        scenario.wait_live(2).await;
        scenario.change(VALUES[0]).await;
        gate.open();
        scenario.wait_live(1).await;
        assert_eq!(scenario.remote_object().id, former, "{form:?}");
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(scenario.ever_objects().len(), 2, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_replacement_that_is_undone_during_a_restart_leaves_no_second_object() {
    each(FORMS, async |form| {
        let mut scenario = Given::form(form).settled().await;
        let former = scenario.remote_object().id;
        let gate = scenario.begin_replacement().await;
        scenario.kill_operator();
        gate.open();
        scenario.change(VALUES[0]).await;
        // Where the value is in a Secret, no generation shows that anything was changed and undone.
        scenario.start();
        scenario.wait_live(1).await;
        assert_eq!(scenario.remote_object().id, former, "{form:?}");
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(scenario.ever_objects().len(), 2, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_replaced_object_stays_for_its_grace_and_is_then_deleted() {
    each(FORMS, async |form| {
        let given = Given::form(form).with_spec(json!({"replaceGrace": "1h"}));
        let mut scenario = given.settled().await;
        let former = scenario.remote_object().id;
        scenario.change(VALUES[1]).await;
        let tested = scenario.tested();
        let object = tested.wait("another id", |object| object.field("id") != former.as_str());
        let object = object.await;
        assert_eq!(object.field("pendingDeletion")[0]["id"], former.as_str());
        assert_eq!(object.field("previousIds")[0]["id"], former.as_str());
        let left = scenario.sim.object(&former).unwrap();
        assert!(
            left.readable["status"] != "archived",
            "the former one stays"
        );
        scenario.restart();
        scenario.tested().reconcile_now().await;
        assert_eq!(scenario.live_objects().len(), 2, "{form:?}");
        let over = json!({"replaceGrace": "1s"});
        scenario.tested().edit(over).await;
        scenario.wait_synced(VALUES[1]).await;
        assert_eq!(scenario.ever_objects().len(), 2, "{form:?}");
        let object = scenario.tested().get().await;
        assert_eq!(object.status().previous_ids.unwrap().len(), 1, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_replaced_object_is_deleted_no_sooner_than_its_grace_also_after_a_restart() {
    const GRACE: Duration = Duration::from_secs(8);
    // A status has whole seconds.
    const SECOND: Duration = Duration::from_secs(1);
    each(FORMS, async |form| {
        let given = Given::form(form).with_spec(json!({"replaceGrace": "8s"}));
        let mut scenario = given.settled().await;
        let former = scenario.remote_object().id;
        let (began, clock) = (Instant::now(), Timestamp::now());
        scenario.change(VALUES[1]).await;
        let object = scenario.tested();
        let object = object.wait("another id", |object| object.field("id") != former.as_str());
        let pending = object.await.field("pendingDeletion")[0].clone();
        let since: Timestamp = pending["since"].as_str().unwrap().parse().unwrap();
        assert!(since.as_second() >= clock.as_second(), "{form:?}: {since}");
        scenario.restart();
        scenario.wait_synced(VALUES[1]).await;
        let path = format!("/{former}");
        let mut journal = scenario.sim.journal();
        journal.retain(|entry| entry.method == "DELETE" && entry.path.ends_with(&path));
        let kept = journal[0].at.duration_since(began);
        assert!(kept >= GRACE - SECOND, "{form:?}: {kept:?}");
        assert_eq!(journal.len(), 1, "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_resource_stays_ready_while_its_former_object_is_in_use_at_metorial() {
    let given = Given::form(Form::Config).with_spec(json!({"replaceGrace": "1s"}));
    let scenario = given.settled().await;
    let former = scenario.remote_object().id;
    scenario.sim.set_in_use(&former, true);
    scenario.change(VALUES[1]).await;
    let tested = scenario.tested();
    let in_use = "replaced object not deleted: in use at Metorial";
    let kept = tested.wait_message("Synced", in_use).await;
    let since = kept.ready().last_transition_time.clone();
    for _ in 0..3 {
        // Another edit, and whatever enqueues it: it is applied, and ready as before.
        let labels = json!({"metadata": {"labels": {"edit": kept.id()}}});
        tested.patch(labels).await;
        let seen = tested.reconcile_now().await;
        assert!(seen.is_ready() && seen.message().contains(in_use));
        assert_eq!(seen.ready().last_transition_time, since);
    }
    tested.edit(json!({"description": "edited"})).await;
    assert_eq!(
        tested.wait_ready().await.ready().last_transition_time,
        since
    );
    scenario.sim.set_in_use(&former, false);
    tested.request_reconcile().await;
    scenario.wait_synced(VALUES[1]).await;
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_former_object_that_is_in_use_keeps_no_other_from_being_deleted() {
    let given = Given::form(Form::Config).with_spec(json!({"replaceGrace": "1s"}));
    let scenario = given.settled().await;
    let used = scenario.remote_object().id;
    scenario.sim.set_in_use(&used, true);
    let tested = scenario.tested();
    let in_use = "replaced object not deleted: in use at Metorial";
    scenario.change(VALUES[1]).await;
    let second = tested.wait_message("Synced", in_use).await.id();
    scenario.change(VALUES[0]).await;
    let third = tested.wait("the second object is gone", |object| {
        let pending = object.field("pendingDeletion").as_array().cloned();
        let pending = pending.unwrap_or_default();
        object.id() != second && pending.len() == 1 && pending[0]["id"] == used.as_str()
    });
    let third = third.await;
    assert!(third.is_ready() && third.message().contains(in_use));
    assert_eq!(
        scenario.sim.object(&second).unwrap().readable["status"],
        "archived"
    );
    scenario.sim.set_in_use(&used, false);
    tested.request_reconcile().await;
    scenario.wait_synced(VALUES[0]).await;
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_during_the_grace_deletes_both_objects() {
    each(FORMS, async |form| {
        let given = Given::form(form).with_spec(json!({"replaceGrace": "1h"}));
        let scenario = given.settled().await;
        scenario.change(VALUES[1]).await;
        scenario.wait_live(2).await;
        scenario.tested().remove().await;
        assert!(scenario.live_objects().is_empty(), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_deletion_during_the_grace_deletes_the_former_object_though_the_current_one_is_gone() {
    each(FORMS, async |form| {
        let given = Given::form(form).with_spec(json!({"replaceGrace": "1h"}));
        let scenario = given.settled().await;
        scenario.change(VALUES[1]).await;
        let tested = scenario.tested();
        let object = tested.wait("the former one stays", |object| {
            !object.field("pendingDeletion").is_null()
        });
        let object = object.await;
        assert!(scenario.sim.archive(&object.id()));
        scenario.tested().remove().await;
        assert!(scenario.live_objects().is_empty(), "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn several_changes_in_a_row_leave_one_object_and_the_ids_of_the_others() {
    each(FORMS, async |form| {
        let scenario = Given::form(form).settled().await;
        let mut former = Vec::new();
        for value in [VALUES[1], VALUES[0], THIRD] {
            former.insert(0, scenario.remote_object().id);
            scenario.change(value).await;
            scenario.wait_synced(value).await;
        }
        let previous = scenario.tested().get().await.status().previous_ids;
        let ids: Vec<String> = previous.unwrap().into_iter().map(|id| id.id).collect();
        assert_eq!(ids, former, "{form:?}");
        assert_eq!(scenario.ever_objects().len(), 4, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_persons_edit_replaces_nothing() {
    for drift in ["Correct", "Report"] {
        let given = Given::form(Form::Config).with_spec(json!({"drift": drift}));
        let scenario = given.settled().await;
        let id = scenario.remote_object().id;
        let edit = json!({"value": {"schema": "theirs"}, "name": "theirs"});
        scenario.sim.edit(&id, edit);
        scenario.tested().reconcile_now().await;
        scenario.check_oracles().await;
        let remote = scenario.remote_object();
        assert_eq!(remote.id, id);
        let name = match drift {
            "Correct" => TESTED,
            _ => "theirs",
        };
        assert_eq!(remote.readable["name"], name, "{drift}");
        let reported = !scenario.tested().get().await.field("drift").is_null();
        assert_eq!(reported, drift == "Report", "{drift}");
    }
}
