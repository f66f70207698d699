//! Answers get lost before and after what they answer was done. There is one object in the end, and no write is repeated
//! that took effect.

use crate::support::{Form, Given, Loss, PATIENCE, Scenario, VALUES, each, with_timeouts};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Profile};
use std::time::Duration;

/// An operator that gives up a hanging call soon, and reckons with requests that are carried out after their answer.
pub fn patient(settings: Settings) -> Settings {
    let (request, reconcile) = (Duration::from_secs(3), Duration::from_secs(60));
    let mut settings = with_timeouts(settings, request, reconcile);
    settings.timing.settle = Duration::from_secs(3);
    settings
}

/// The same, which soon believes that something is not there.
fn hasty(settings: Settings) -> Settings {
    with_timeouts(settings, Duration::from_secs(3), Duration::from_secs(60))
}

/// How many writes begin so.
fn count(writes: &[String], method: &str, path: &str) -> usize {
    let start = format!("{method} {path}");
    writes
        .iter()
        .filter(|write| write.starts_with(&start))
        .count()
}

/// A resource whose create fails once.
async fn created_with(given: Given, action: Action) -> Scenario {
    let scenario = given.running().await;
    scenario.next("POST", scenario.form.create_path(), action);
    scenario.apply_tested().await;
    scenario.wait_synced(VALUES[0]).await;
    scenario
}

async fn created_once(form: Form, profile: Profile, losses: &[Loss]) {
    each(losses.to_vec(), async |loss| {
        let given = Given::form(form).at(profile).with_settings(patient);
        let scenario = created_with(given, loss.after()).await;
        scenario.check_created_once();
        assert_eq!(scenario.ever_objects().len(), 1);
        scenario.check_oracles().await;
    })
    .await;
}

async fn changed_once(form: Form, profile: Profile, losses: &[Loss]) {
    let losses = losses.iter().copied().filter(|loss| {
        // An update that is applied later is not there when its read-back decides to send it again.
        !form.is_patched() || *loss != Loss::AppliedLater
    });
    each(losses, async |loss| {
        let given = Given::form(form).at(profile).with_settings(patient);
        let scenario = given.settled().await;
        scenario.sim.clear_journal();
        let (method, path) = form.change_call();
        scenario.next(method, path, loss.after());
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        let attempts = scenario.attempts();
        assert_eq!(count(&attempts, method, path), 1, "{attempts:#?}");
        scenario.check_oracles().await;
    })
    .await;
}

/// A deletion may be sent once more: the second finds nothing.
async fn deleted_once(form: Form, profile: Profile, losses: &[Loss]) {
    let losses = losses
        .iter()
        .copied()
        .filter(|loss| *loss != Loss::AppliedLater);
    each(losses, async |loss| {
        let given = Given::form(form).at(profile).with_settings(patient);
        let scenario = given.settled().await;
        scenario.sim.clear_journal();
        scenario.next("DELETE", form.remote().path(), loss.after());
        scenario.tested().remove().await;
        assert!(scenario.live_objects().is_empty());
        assert_eq!(scenario.writes().len(), 1);
        let attempts = scenario.attempts();
        assert!(attempts.len() <= 2, "{attempts:#?}");
    })
    .await;
}

/// Every loss for credentials; for the other kinds, whose requests take the same path, those that differ in what is
/// known afterwards.
fn losses(form: Form) -> Vec<Loss> {
    match form {
        Form::Credentials => [&Loss::ALL[..], &[Loss::AppliedLater]].concat(),
        _ => vec![
            Loss::Closed,
            Loss::Cut,
            Loss::GatewayTimeout,
            Loss::AppliedLater,
        ],
    }
}

const FEW: [Loss; 2] = [Loss::Closed, Loss::GatewayTimeout];

macro_rules! stories {
    ($($name:ident: $story:ident($form:ident);)*) => {$(
        #[tokio::test]
        async fn $name() {
            $story(Form::$form, Profile::Server, &losses(Form::$form)).await;
        }
    )*};
}

stories! {
    a_lost_answer_creates_no_second_deployment: created_once(Deployment);
    a_lost_answer_deletes_a_deployment_once: deleted_once(Deployment);
    a_lost_answer_changes_no_deployment_twice: changed_once(Deployment);
    a_lost_answer_creates_no_second_credentials: created_once(Credentials);
    a_lost_answer_creates_no_second_auth_config: created_once(AuthConfig);
    a_lost_answer_creates_no_second_config: created_once(Config);
    a_lost_answer_creates_no_second_config_from_a_vault: created_once(ConfigOnVault);
    a_lost_answer_creates_no_second_vault: created_once(Vault);
    a_lost_answer_imports_no_second_value_into_an_existing_auth_config: created_once(ImportInto);
    a_lost_answer_creates_no_second_auth_config_by_an_import: created_once(ImportNew);
    a_lost_answer_pushes_no_secret_twice: changed_once(Credentials);
    a_lost_answer_imports_no_value_of_an_auth_config_twice: changed_once(AuthConfig);
    a_lost_answer_replaces_no_config_twice: changed_once(Config);
    a_lost_answer_moves_no_config_to_another_vault_twice: changed_once(ConfigOnVault);
    a_lost_answer_replaces_no_vault_twice: changed_once(Vault);
    a_lost_answer_imports_no_change_into_an_existing_auth_config_twice: changed_once(ImportInto);
    a_lost_answer_imports_no_change_into_the_auth_config_of_an_import_twice: changed_once(ImportNew);
    a_lost_answer_deletes_credentials_once: deleted_once(Credentials);
    a_lost_answer_deletes_an_auth_config_once: deleted_once(AuthConfig);
    a_lost_answer_deletes_a_config_once: deleted_once(Config);
    a_lost_answer_deletes_a_config_on_a_vault_once: deleted_once(ConfigOnVault);
    a_lost_answer_deletes_a_vault_once: deleted_once(Vault);
    a_lost_answer_deletes_the_auth_config_of_an_import_once: deleted_once(ImportNew);
}

#[tokio::test]
async fn a_lost_answer_repeats_nothing_at_an_api_like_the_published_reference_either() {
    each(Form::SENT_ONCE, async |form| {
        created_once(form, Profile::Reference, &FEW).await;
        changed_once(form, Profile::Reference, &FEW).await;
        if !form.borrows() {
            deleted_once(form, Profile::Reference, &FEW).await;
        }
    })
    .await;
}

/// The requests that were lost on their way are those of the journal that were not applied.
fn check_sent_twice_applied_once(scenario: &Scenario, method: &str, path: &str) {
    let (attempts, writes) = (scenario.attempts(), scenario.writes());
    assert_eq!(count(&attempts, method, path), 2, "{attempts:#?}");
    assert_eq!(count(&writes, method, path), 1, "{writes:#?}");
}

#[tokio::test]
async fn a_create_that_was_lost_on_its_way_is_sent_again_once_that_is_certain() {
    let credentials = Loss::ALL.map(|loss| (Form::Credentials, loss));
    let others = Form::SENT_ONCE[1..]
        .iter()
        .map(|form| (*form, Loss::Closed));
    each(
        credentials.into_iter().chain(others),
        async |(form, loss)| {
            let given = Given::form(form).with_settings(hasty);
            let scenario = created_with(given, loss.before()).await;
            check_sent_twice_applied_once(&scenario, "POST", form.create_path());
            scenario.check_oracles().await;
        },
    )
    .await;
}

#[tokio::test]
async fn a_change_that_was_lost_on_its_way_is_sent_again() {
    let cases = Form::SENT_ONCE
        .into_iter()
        .flat_map(|form| FEW.map(|loss| (form, loss)));
    each(cases, async |(form, loss)| {
        let scenario = Given::form(form).with_settings(hasty).settled().await;
        scenario.sim.clear_journal();
        let (method, path) = form.change_call();
        scenario.next(method, path, loss.before());
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        check_sent_twice_applied_once(&scenario, method, path);
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_was_lost_on_its_way_is_sent_again() {
    let cases = Form::OWNING
        .into_iter()
        .flat_map(|form| FEW.map(|loss| (form, loss)));
    each(cases, async |(form, loss)| {
        let scenario = Given::form(form).with_settings(hasty).settled().await;
        scenario.sim.clear_journal();
        scenario.next("DELETE", form.remote().path(), loss.before());
        scenario.tested().remove().await;
        assert!(scenario.live_objects().is_empty());
        check_sent_twice_applied_once(&scenario, "DELETE", form.remote().path());
    })
    .await;
}

/// A create that the API reports as failed and carries out after a while.
async fn created_late(form: Form, delay: Duration) -> Scenario {
    let mut scenario = Given::form(form).prepared().await;
    scenario.next("POST", form.create_path(), Action::ApplyLater(delay));
    scenario.apply_tested().await;
    scenario.start_operator_that_waits();
    scenario
}

#[tokio::test]
async fn a_create_that_is_carried_out_after_its_answer_is_found() {
    each(Form::SENT_ONCE, async |form| {
        let scenario = created_late(form, Duration::from_millis(1500)).await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_created_once();
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_create_that_is_carried_out_after_its_answer_is_found_after_a_restart_too() {
    each(Form::SENT_ONCE, async |form| {
        let mut scenario = created_late(form, Duration::from_secs(3)).await;
        let sent = scenario.sim.wait_for(
            |journal| journal.iter().any(|entry| entry.status == 504),
            PATIENCE,
        );
        sent.await.unwrap();
        scenario.kill_operator();
        scenario.start_operator_that_waits();
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_created_once();
        scenario.check_oracles().await;
    })
    .await;
}
