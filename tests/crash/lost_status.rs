//! A status that was taken away: what the API has with the resource's marker is found again, once, and nothing is done
//! again.

use crate::support::{Environment, Form, Given, Scenario, VALUES, credentials, each};
use serde_json::json;
use std::time::Duration;

/// Takes the status away while no operator runs, and starts one.
async fn lose_status(scenario: &mut Scenario) {
    scenario.stop_operator().await;
    scenario.tested().lose_status().await;
    scenario.sim.clear_journal();
    scenario.start();
}

#[tokio::test]
async fn a_lost_status_is_found_again_without_a_write_to_the_api() {
    each(Form::SENT_ONCE, async |form| {
        let mut scenario = Given::form(form).settled().await;
        let id = scenario.remote_object().id;
        lose_status(&mut scenario).await;
        scenario.wait_synced(VALUES[0]).await;
        assert_eq!(scenario.remote_object().id, id, "{form:?}");
        assert!(
            scenario.attempts().is_empty(),
            "{form:?}: {:?}",
            scenario.attempts()
        );
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_status_that_is_lost_after_changes_repeats_none_of_them() {
    each(Form::SENT_ONCE, async |form| {
        let mut scenario = Given::form(form).settled().await;
        for value in [VALUES[1], VALUES[0]] {
            scenario.change(value).await;
            scenario.wait_synced(value).await;
            let (ever, imports) = (scenario.ever_objects().len(), scenario.imports().len());
            lose_status(&mut scenario).await;
            scenario.wait_synced(value).await;
            assert_eq!(scenario.ever_objects().len(), ever, "{form:?}");
            assert_eq!(scenario.imports().len(), imports, "{form:?}");
        }
        assert_eq!(scenario.live_objects().len(), 1, "{form:?}");
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_status_that_is_taken_away_while_reads_lag_behind_leads_to_no_second_object() {
    let mut env = Environment::new().await;
    let lag = Duration::from_secs(3);
    env.sim.set_read_lag(lag);
    env.start_operator_settling(lag * 2);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    env.credentials("github").lose_status().await;
    env.credentials("github").request_reconcile().await;
    env.credentials("github").wait_synced().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_import_that_happens_once_is_not_repeated_for_a_lost_status() {
    let given = Given::form(Form::ImportInto).with_spec(json!({"when": "Once"}));
    let mut scenario = given.settled().await;
    scenario.change(VALUES[1]).await;
    scenario.tested().reconcile_now().await;
    scenario.restart();
    scenario.tested().reconcile_now().await;
    lose_status(&mut scenario).await;
    scenario.tested().wait_ready().await;
    scenario.check_oracles().await;
    assert_eq!(scenario.imports().len(), 1);
}
