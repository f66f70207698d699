//! Statuses that can't be written: nothing is created twice, nothing is forgotten, and nothing that others need is
//! deleted.

use super::lost_answers::patient;
use crate::support::{
    Environment, Form, Given, KubeGate, PATIENCE, Scenario, THIRD, VALUES, credentials, each,
};
use metorial_simulator::Entry;
use std::time::Duration;

/// Waits until the operator behind the gate has tried so many writes.
async fn wait_tried(env: &Environment, gate: &KubeGate, writes: usize) {
    let what = format!("{writes} writes were tried");
    env.until(&what, async || (gate.count() >= writes).then_some(()))
        .await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_nothing_is_created_twice() {
    let forms = Form::VALUED
        .into_iter()
        .filter(|form| *form != Form::Export);
    each(forms, async |form| {
        let mut scenario = Given::form(form).prepared().await;
        scenario.permit_status(false).await;
        scenario.apply_tested().await;
        let gate = KubeGate::open();
        scenario.start_operator_behind(&gate);
        let created = |entry: &Entry| entry.method == "POST" && entry.applied;
        let sent = scenario
            .sim
            .wait_for(|all| all.iter().any(created), PATIENCE);
        sent.await.unwrap();
        wait_tried(&scenario, &gate, gate.count() + 4).await;
        assert_eq!(scenario.tested().get().await.status().id, None, "{form:?}");
        scenario.permit_status(true).await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_created_once();
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_missing_right_to_write_statuses_is_named_and_not_taken_for_a_fault_of_the_operator() {
    let env = Environment::running().await;
    env.permit_status(false).await;
    env.apply(credentials("github")).await;
    let github = env.credentials("github");
    github
        .wait_note("Forbidden", "providerauthcredentials/status")
        .await;
    let events = github.events().await;
    assert!(!events.contains(&"InternalError".to_owned()), "{events:?}");
    env.permit_status(true).await;
    github.wait_synced().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
}

#[tokio::test]
async fn while_statuses_can_not_be_written_restarts_create_nothing_twice() {
    let mut env = Environment::new().await;
    env.permit_status(false).await;
    env.apply(credentials("github")).await;
    for life in 0..3 {
        let gate = KubeGate::open();
        env.start_operator_behind(&gate);
        let read = |journal: &[Entry]| {
            let lists = journal
                .iter()
                .filter(|e| e.method == "GET" && e.path == "/provider-auth-credentials");
            let created = journal.iter().any(|e| e.method == "POST" && e.applied);
            created && lists.count() >= life
        };
        env.sim.wait_for(read, PATIENCE).await.unwrap();
        wait_tried(&env, &gate, gate.count() + 3).await;
        env.kill_operator();
    }
    env.permit_status(true).await;
    env.start_operator();
    env.credentials("github").wait_synced().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    env.check_oracles().await;
}

/// A replacement was created that no status records, and the reconciliation that created it has given up.
async fn unrecorded_replacement(form: Form) -> Scenario {
    let scenario = Given::form(form).settled().await;
    let gate = scenario.begin_replacement().await;
    scenario.permit_status(false).await;
    gate.open();
    scenario.sim.clear_journal();
    scenario
        .until("a later reconciliation has read one of them", async || {
            let ids = scenario.live_objects();
            let read = |entry: &Entry| {
                entry.method == "GET" && ids.iter().any(|object| entry.path.ends_with(&object.id))
            };
            scenario.tested().request_reconcile().await;
            scenario.sim.journal().iter().any(read).then_some(())
        })
        .await;
    assert_eq!(scenario.live_objects().len(), 2, "{form:?}");
    scenario
}

#[tokio::test]
async fn while_statuses_can_not_be_written_no_replacement_is_begun() {
    each([Form::Config, Form::Vault], async |form| {
        let scenario = Given::form(form).settled().await;
        scenario.permit_status(false).await;
        scenario.sim.clear_journal();
        scenario.change(VALUES[1]).await;
        scenario.tested().wait_note("Forbidden", "status").await;
        assert!(scenario.attempts().is_empty(), "{form:?}");
        scenario.permit_status(true).await;
        scenario.wait_synced(VALUES[1]).await;
        assert_eq!(scenario.ever_objects().len(), 2, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_an_object_is_replaced_once_and_the_former_is_deleted() {
    each(
        [Form::Config, Form::ConfigOnVault, Form::Vault],
        async |form| {
            let scenario = unrecorded_replacement(form).await;
            scenario.permit_status(true).await;
            scenario.wait_synced(VALUES[1]).await;
            assert_eq!(scenario.ever_objects().len(), 2, "{form:?}");
            scenario.check_oracles().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_replacement_that_no_status_recorded_and_that_is_gone_is_created_again() {
    each([Form::Config, Form::Vault], async |form| {
        let scenario = unrecorded_replacement(form).await;
        let mut ids: Vec<String> = scenario
            .live_objects()
            .into_iter()
            .map(|it| it.id)
            .collect();
        ids.sort();
        scenario.sim.archive(&ids[1]);
        scenario.permit_status(true).await;
        scenario.wait_synced(VALUES[1]).await;
        assert_eq!(scenario.ever_objects().len(), 3, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_deletion_deletes_a_replacement_too_that_no_status_records() {
    let scenario = unrecorded_replacement(Form::Config).await;
    scenario.tested().remove().await;
    assert!(scenario.live_objects().is_empty());
}

#[tokio::test]
async fn while_statuses_can_not_be_written_and_lists_lag_a_value_is_imported_once() {
    let forms = [Form::AuthConfig, Form::ImportInto, Form::ImportNew];
    each(forms, async |form| {
        let scenario = Given::form(form).with_settings(patient).settled().await;
        scenario.sim.set_read_lag(Duration::from_secs(2));
        scenario.permit_status(false).await;
        scenario.sim.clear_journal();
        scenario.change(VALUES[1]).await;
        let (method, path) = form.change_call();
        let again = |journal: &[Entry]| {
            let mut rest = journal
                .iter()
                .skip_while(|entry| entry.method != method || !entry.path.ends_with(path));
            rest.any(|entry| entry.method == "GET" && entry.path.ends_with(path))
        };
        scenario.sim.wait_for(again, PATIENCE).await.unwrap();
        scenario.permit_status(true).await;
        scenario.wait_synced(VALUES[1]).await;
        let attempts = scenario.attempts();
        assert_eq!(attempts.len(), 1, "{form:?}: {attempts:#?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_after_a_replacement_that_no_status_records_is_applied_and_leaves_one_object() {
    let forms = [Form::Config, Form::ConfigOnVault, Form::Vault];
    let cases = forms
        .iter()
        .flat_map(|form| [VALUES[0], THIRD].map(|value| (*form, value)));
    each(cases, async |(form, value)| {
        let scenario = unrecorded_replacement(form).await;
        scenario.change(value).await;
        scenario.permit_status(true).await;
        scenario.wait_synced(value).await;
        scenario.check_oracles().await;
    })
    .await;
}
