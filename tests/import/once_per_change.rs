//! Imports can't be taken back: exactly one for each change of a value, whatever happens to the operator or the auth
//! config in between.

use crate::support::{Form, Given, Kind, Scenario, THIRD, VALUES, each};
use metorial::{AuthConfig, Body};
use metorial_simulator::Action;
use serde_json::json;

/// The forms whose changes are imports.
const FORMS: [Form; 3] = [Form::AuthConfig, Form::ImportInto, Form::ImportNew];

#[tokio::test]
async fn a_value_that_flips_is_imported_once_for_each_change_and_the_id_stays() {
    each(FORMS, async |form| {
        let mut scenario = Given::form(form).settled().await;
        let (id, before) = (scenario.remote_object().id, scenario.imports().len());
        let values = [VALUES[1], VALUES[0], VALUES[1], THIRD, VALUES[0]];
        for (count, value) in values.into_iter().enumerate() {
            scenario.change(value).await;
            scenario.wait_synced(value).await;
            assert_eq!(scenario.imports().len(), before + count + 1, "{form:?}");
            scenario.restart();
            scenario.tested().reconcile_now().await;
            assert_eq!(
                scenario.imports().len(),
                before + count + 1,
                "{form:?}: a restart"
            );
        }
        scenario.check_oracles().await;
        assert_eq!(scenario.remote_object().id, id, "{form:?}");
    })
    .await;
}

#[tokio::test]
async fn a_value_that_a_person_imported_into_our_config_is_corrected_once() {
    let mut scenario = Given::form(Form::AuthConfig).settled().await;
    let before = scenario.imports().len();
    let id = scenario.remote_object().id;
    scenario.import_by_hand(&id, "theirs").await;
    scenario.tested().reconcile_now().await;
    scenario.wait_synced(VALUES[0]).await;
    assert_eq!(scenario.imports().len(), before + 2, "theirs and ours");
    scenario
        .tested()
        .wait_note("DriftCorrected", "value changed at Metorial")
        .await;
    scenario.tested().reconcile_now().await;
    scenario.restart();
    scenario.tested().reconcile_now().await;
    scenario.check_oracles().await;
    assert_eq!(scenario.imports().len(), before + 2);
}

#[tokio::test]
async fn under_report_a_value_that_a_person_imported_is_reported_and_left() {
    let given = Given::form(Form::AuthConfig).with_spec(json!({"drift": "Report"}));
    let scenario = given.settled().await;
    let before = scenario.imports().len();
    let id = scenario.remote_object().id;
    scenario.import_by_hand(&id, "theirs").await;
    let object = scenario.tested().reconcile_now().await;
    assert_eq!(object.field("drift")[0]["field"], "value");
    assert_eq!(object.field("drift")[0]["observed"], "<hidden>");
    assert_eq!(scenario.imports().len(), before + 1);
    scenario
        .tested()
        .wait_note("DriftDetected", "differs at Metorial: value")
        .await;
    scenario.tested().reconcile_now().await;
    assert_eq!(scenario.tested().notes("DriftDetected").await.len(), 1);
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_persons_patch_that_changes_nothing_leads_to_no_import() {
    let scenario = Given::form(Form::AuthConfig).settled().await;
    let before = scenario.imports().len();
    let config = scenario.remote_object();
    let same = Body::from(json!({"name": config.readable["name"]}));
    let person = scenario.person();
    let patched = person.update::<AuthConfig>(&config.id, &same).await;
    patched.unwrap();
    scenario.tested().reconcile_now().await;
    scenario.check_oracles().await;
    assert_eq!(scenario.imports().len(), before);
}

/// What was refused for good was not applied, so nothing has to be waited for.
async fn corrected_at_once(form: Form, first: bool) {
    let mut scenario = Given::form(form).prepared().await;
    scenario.start_operator_that_waits();
    let refuse = |scenario: &Scenario| {
        let refusal = Action::error(400, "invalid_data");
        scenario.next("POST", Kind::Import.path(), refusal);
    };
    if first {
        refuse(&scenario);
    }
    scenario.apply_tested().await;
    if !first {
        scenario.wait_synced(VALUES[0]).await;
        refuse(&scenario);
        scenario.change(VALUES[1]).await;
    }
    scenario.tested().wait_reason("RemoteRejected").await;
    let before = scenario.imports().len();
    scenario.change(THIRD).await;
    scenario.wait_synced(THIRD).await;
    assert_eq!(scenario.imports().len(), before + 1, "{form:?}");
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_first_import_that_was_refused_is_corrected_at_once() {
    each([Form::ImportInto, Form::ImportNew], async |form| {
        corrected_at_once(form, true).await;
    })
    .await;
}

#[tokio::test]
async fn a_later_import_that_was_refused_is_corrected_at_once() {
    each(FORMS, async |form| corrected_at_once(form, false).await).await;
}
