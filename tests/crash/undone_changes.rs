//! A value is changed, and changed back while nobody knows whether the change was applied: Metorial must not keep what was
//! taken back.

use super::lost_answers::patient;
use crate::support::{
    Environment, Form, Given, Kind, Manifest, Scenario, VALUES, credentials, each, keys,
    with_timeouts,
};
use metorial_simulator::{Action, Fault, Gate, Stored};
use serde_json::json;
use std::time::Duration;

const NONE: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);

/// The forms whose value is changed in their object.
const FORMS: [Form; 4] = [
    Form::Credentials,
    Form::AuthConfig,
    Form::ImportInto,
    Form::ImportNew,
];

/// A resource whose change is applied at Metorial, but not answered, and changed back meanwhile. Reads lag behind that.
async fn changed_back(given: Given, lag: Duration) -> Scenario {
    let scenario = given.settled().await;
    scenario.sim.set_read_lag(lag);
    let (method, path) = scenario.form.change_call();
    scenario.env.hold_after(method, path);
    scenario.change(VALUES[1]).await;
    scenario
        .until("the change is applied", async || {
            let remote = scenario.remote_object();
            scenario.has_value(&remote, VALUES[1]).then_some(())
        })
        .await;
    scenario.change(VALUES[0]).await;
    scenario
}

#[tokio::test]
async fn a_change_with_a_lost_answer_that_is_changed_back_is_undone_at_metorial() {
    each(FORMS, async |form| {
        let scenario = changed_back(Given::form(form).with_settings(patient), NONE).await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_before_a_crash_that_is_changed_back_is_undone_at_metorial() {
    each(FORMS, async |form| {
        let mut scenario = changed_back(Given::form(form), NONE).await;
        scenario.kill_operator();
        scenario.start_operator();
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_of_a_value_and_a_name_before_a_crash_that_is_changed_back_is_undone_at_metorial()
{
    for name_too in [true, false] {
        let mut scenario = Given::form(Form::AuthConfig).settled().await;
        scenario.kill_operator();
        scenario.tested().edit(json!({"name": "other"})).await;
        scenario.change(VALUES[1]).await;
        let (method, path) = scenario.form.change_call();
        scenario.env.hold_after(method, path);
        scenario.start();
        scenario
            .until("the change is applied", async || {
                let remote = scenario.remote_object();
                scenario.has_value(&remote, VALUES[1]).then_some(())
            })
            .await;
        assert_eq!(scenario.remote_object().readable["name"], "other");
        scenario.kill_operator();
        if name_too {
            scenario.tested().edit(json!({"name": null})).await;
        }
        scenario.change(VALUES[0]).await;
        scenario.start();
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
    }
}

#[tokio::test]
async fn an_import_with_a_lost_answer_that_lists_do_not_show_yet_is_undone_at_metorial() {
    // The value of credentials shows in no list.
    let imported = FORMS.into_iter().filter(|form| *form != Form::Credentials);
    each(imported, async |form| {
        let impatient = |settings| with_timeouts(patient(settings), SECOND, 20 * SECOND);
        let given = Given::form(form).with_settings(impatient);
        let scenario = changed_back(given, 2 * SECOND).await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
    })
    .await;
}

/// A resource with a key of metadata that is about to be removed.
fn of_team() -> Manifest {
    credentials("github").spec(json!({"metadata": {"team": "a"}}))
}

fn has_team(remote: &Stored) -> bool {
    !remote.readable["metadata"]["team"].is_null()
}

/// The object has no metadata but the marker.
async fn check_without_team(env: &Environment) {
    let remote = env.credentials("github").wait_synced().await;
    assert_eq!(keys(&remote.readable["metadata"]), ["kubernetes"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_key_of_metadata_whose_patch_has_a_lost_answer_is_removed_with_it() {
    let env = Environment::running().await;
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    let answer = Gate::new();
    let lost = Action::CloseAfterHold(answer.clone());
    env.next("PATCH", Kind::Credentials.path(), lost);
    env.apply(of_team()).await;
    env.wait_only(Kind::Credentials, "the change is applied", has_team)
        .await;
    env.credentials("github")
        .edit(json!({"metadata": null}))
        .await;
    answer.open();
    check_without_team(&env).await;
}

#[tokio::test]
async fn a_key_of_metadata_that_is_removed_after_a_crash_in_the_create_is_removed_at_metorial() {
    let mut env = Environment::new().await;
    env.hold_after("POST", Kind::Credentials.path());
    env.start_operator();
    env.apply(of_team()).await;
    env.wait_only(Kind::Credentials, "it is created", has_team)
        .await;
    env.kill_operator();
    env.credentials("github")
        .edit(json!({"metadata": null}))
        .await;
    env.start_operator();
    check_without_team(&env).await;
}

#[tokio::test]
async fn a_key_of_metadata_that_was_sent_before_a_refused_import_is_removed_with_its_change() {
    let mut scenario = Given::form(Form::AuthConfig).settled().await;
    scenario.kill_operator();
    let metadata = json!({"metadata": {"team": "a"}});
    scenario.tested().edit(metadata).await;
    scenario.change(VALUES[1]).await;
    let (method, path) = scenario.form.change_call();
    let refuses = Fault::on(method, path);
    let refused = scenario
        .sim
        .faults()
        .add(refuses, Action::error(400, "invalid_data"));
    scenario.start();
    scenario
        .until("the import is refused", async || {
            (scenario.sim.faults().happened(refused) > 0).then_some(())
        })
        .await;
    assert!(has_team(&scenario.remote_object()), "the rest is applied");
    scenario.kill_operator();
    scenario.sim.faults().remove(refused);
    scenario.tested().edit(json!({"metadata": null})).await;
    scenario.change(VALUES[0]).await;
    scenario.start();
    scenario.wait_synced(VALUES[0]).await;
    let remote = scenario.remote_object();
    assert_eq!(keys(&remote.readable["metadata"]), ["kubernetes"]);
    scenario.check_oracles().await;
}
