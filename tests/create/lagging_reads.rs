//! Reads that lag behind writes are no sign that anything is missing or was changed by others.

use crate::support::{
    Environment, Form, Given, Kind, PATIENCE, VALUES, auth_config, config, credentials, deployment,
    each, export, import_new, literal_vault,
};
use metorial_simulator::{Action, Entry, Fault};
use serde_json::json;
use std::time::Duration;

const LAG: Duration = Duration::from_secs(2);
/// The settle time of the operator.
const SETTLE: Duration = Duration::from_secs(3);
const CREDENTIALS: &str = "/provider-auth-credentials";
const POST: &str = "POST /provider-auth-credentials";

/// An environment whose reads show what was there a while ago.
async fn lagging() -> Environment {
    let env = Environment::new().await;
    env.sim.set_read_lag(LAG);
    env
}

/// Waits until reads show every write so far.
async fn caught_up(env: &Environment) {
    let last = env
        .sim
        .journal()
        .into_iter()
        .rev()
        .find(|entry| entry.applied);
    let last = last.expect("something was written");
    let since = last.answered_at.unwrap_or(last.at);
    env.until("reads have caught up", async || {
        (since.elapsed() > LAG).then_some(())
    })
    .await;
}

/// No event reports what only a lag showed.
async fn check_nothing_was_reported(env: &Environment) {
    let events = env.credentials("github").events().await;
    for reason in [
        "DriftCorrected",
        "DriftDetected",
        "RemoteRecreated",
        "RemoteMissing",
    ] {
        assert!(!events.iter().any(|event| event == reason), "{events:?}");
    }
}

#[tokio::test]
async fn reads_behind_a_create_and_an_update_lead_to_no_second_write() {
    let mut env = lagging().await;
    env.start_operator_settling(SETTLE);
    env.apply(credentials("github")).await;
    let id = env.credentials("github").wait_synced().await.id;
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    env.rotate("oauth-app", "client-secret", "rotated").await;
    env.wait_only(Kind::Credentials, "the new secret", |object| {
        object.write_only["client_secret"] == "rotated"
    })
    .await;
    env.credentials("github").wait_synced().await;
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    env.kill_operator();
    env.start_operator_settling(SETTLE);
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    caught_up(&env).await;
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    assert_eq!(
        env.attempts(),
        [POST.to_owned(), format!("PATCH {CREDENTIALS}/{id}")]
    );
    check_nothing_was_reported(&env).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_without_an_answer_is_found_although_lists_lag() {
    let mut env = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    env.sim.faults().add(create, Action::CloseAfterApply);
    let history = env.history_of(Kind::Credentials).await;
    env.start_operator_settling(SETTLE);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    env.until("it was reported", async || {
        history.had("github", "AmbiguousCreate").then_some(())
    })
    .await;
    assert_eq!(env.attempts(), [POST]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_create_without_an_answer_is_found_by_the_next_operator_although_lists_lag() {
    let mut env = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    env.sim.faults().add(create, Action::CloseAfterApply);
    env.start_operator_settling(SETTLE);
    env.apply(credentials("github")).await;
    let sent = |journal: &[Entry]| journal.iter().any(|entry| entry.applied);
    env.sim.wait_for(sent, PATIENCE).await.unwrap();
    env.kill_operator();
    env.start_operator_settling(SETTLE);
    env.credentials("github").wait_synced().await;
    assert_eq!(env.attempts(), [POST]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_lag_counts_from_the_end_of_a_slow_write() {
    let mut env = lagging().await;
    let create = Fault::on("POST", CREDENTIALS).times(1);
    env.sim
        .faults()
        .add(create, Action::Delay(SETTLE + Duration::from_millis(500)));
    env.start_operator_settling(SETTLE);
    env.apply(credentials("github")).await;
    env.credentials("github").wait_synced().await;
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    caught_up(&env).await;
    assert!(env.credentials("github").reconcile_now().await.is_ready());
    assert_eq!(env.attempts(), [POST]);
    check_nothing_was_reported(&env).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deletion_right_after_a_create_that_reads_do_not_show_yet_leaves_nothing() {
    let mut env = lagging().await;
    env.start_operator_settling(SETTLE);
    env.apply(credentials("github")).await;
    let id = env.credentials("github").wait_synced().await.id;
    env.credentials("github").remove().await;
    assert!(env.live(Kind::Credentials).is_empty());
    assert_eq!(
        env.writes(),
        [POST.to_owned(), format!("DELETE {CREDENTIALS}/{id}")]
    );
}

/// The lag of the stories about all kinds.
const LONG_LAG: Duration = Duration::from_secs(5);
/// One resource of each kind.
const ALL: [(Kind, &str); 7] = [
    (Kind::Deployment, "database"),
    (Kind::Credentials, "github"),
    (Kind::AuthConfig, "linear"),
    (Kind::Config, "settings"),
    (Kind::Vault, "vault"),
    (Kind::Import, "moved"),
    (Kind::Export, "worker"),
];

#[tokio::test]
async fn reads_five_seconds_behind_lead_to_one_object_and_one_record_of_each_kind() {
    let mut env = Environment::new().await;
    env.sim.set_read_lag(LONG_LAG);
    env.start_operator_settling(LONG_LAG * 2);
    env.value("token", VALUES[0]).await;
    let postgres = json!({"providerId": "postgres"});
    env.apply(deployment("database").spec(postgres)).await;
    env.apply(credentials("github")).await;
    env.apply(auth_config("linear")).await;
    env.apply(config("settings")).await;
    env.apply(literal_vault("vault")).await;
    env.apply(import_new("moved")).await;
    env.apply(export("worker", "linear", "exported")).await;
    for (kind, name) in ALL {
        env.resource(kind, name).wait_ready().await;
        env.resource(kind, name).request_reconcile().await;
    }
    env.kill_operator();
    env.start_operator_settling(LONG_LAG * 2);
    for (kind, name) in ALL {
        env.resource(kind, name).reconcile_now().await;
    }
    env.check_oracles().await;

    assert_eq!(env.live(Kind::Deployment).len(), 1);
    assert_eq!(env.live(Kind::Credentials).len(), 1);
    assert_eq!(env.live(Kind::AuthConfig).len(), 2);
    assert_eq!(env.live(Kind::Config).len(), 1);
    assert_eq!(env.live(Kind::Vault).len(), 1);
    assert_eq!(env.imports().len(), 1);
    assert_eq!(env.exports().len(), 1);
    assert_eq!(env.writes().len(), 7, "{}", env.describe().await);
}

#[tokio::test]
async fn reads_five_seconds_behind_lead_to_one_write_for_each_change() {
    let forms = [
        Form::Deployment,
        Form::Credentials,
        Form::AuthConfig,
        Form::Config,
        Form::Vault,
        Form::VaultInUse,
        Form::ImportInto,
        Form::ImportNew,
    ];
    each(forms, async |form| {
        let mut scenario = Given::form(form).prepared().await;
        scenario.sim.set_read_lag(LONG_LAG);
        if form.borrows() {
            let (person, theirs) = (scenario.person(), scenario.theirs.clone());
            let read = async || person.get::<metorial::AuthConfig>(&theirs).await.ok();
            scenario.until("it can be read", read).await;
        }
        scenario.start_operator_settling(LONG_LAG * 2);
        scenario.apply_tested().await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.sim.clear_journal();
        scenario.change(VALUES[1]).await;
        scenario.wait_synced(VALUES[1]).await;
        scenario.check_oracles().await;
        let writes = match form {
            Form::VaultInUse => 4,
            _ if form.is_replaced() => 2,
            _ => 1,
        };
        assert_eq!(
            scenario.writes().len(),
            writes,
            "{form:?}: {:?}",
            scenario.writes()
        );
    })
    .await;
}

/// What is absent in a read that may lag behind is no loss, also when nothing reads it again before reads have settled.
#[tokio::test]
async fn an_absence_that_was_read_before_reads_had_settled_is_read_again() {
    each([Form::ImportInto, Form::Export], async |form| {
        let mut scenario = Given::form(form).settled().await;
        scenario.stop_operator().await;
        let history = scenario.history_of(form.kind()).await;
        scenario.sim.clear_journal();
        let path = format!("{}/{}", form.remote().path(), scenario.theirs);
        let absent = Action::Answer {
            status: 404,
            headers: Vec::new(),
            body: json!({
                "object": "error", "status": 404, "code": "not_found",
                "entity": "provider.auth_config", "id": scenario.theirs,
            })
            .into(),
        };
        scenario.next("GET", &path, absent);
        scenario.start_operator_settling(SETTLE);
        scenario
            .until("it is read again", async || {
                let journal = scenario.sim.journal();
                let reads = journal.iter().filter(|entry| entry.path == path);
                (reads.count() > 1).then_some(())
            })
            .await;
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_oracles().await;
        let versions = history.all();
        let missed = |version: &serde_json::Value| version.to_string().contains("RemoteMissing");
        assert!(!versions.iter().any(missed), "{form:?}: {versions:#?}");
    })
    .await;
}
