//! The check of a connection whose server does not answer: it holds up nobody but those who can't do without its result.

use super::instances::moved_after_crash;
use crate::support::{
    AllNamespaces, Environment, Kind, PATIENCE, Setup, Snapshot, calling, connection, credentials,
    secret, with, with_timeouts,
};
use futures::FutureExt;
use metorial_operator::resources::ResourceKey;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, Gate, Simulator};
use serde_json::{Value, json};
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::{Receiver, channel};
use tokio::time::timeout;

/// Longer than a story waits for anything.
const LONG: Duration = Duration::from_secs(600);

/// More resources than all concurrent reconciliations of an operator in a test, each of which may be waiting for the check.
const MANY: usize = 12;

/// Settings of an operator that may call these servers, and gives up no request.
fn patiently_calling(settings: Settings, servers: &[&Simulator]) -> Settings {
    with_timeouts(calling(settings, servers), LONG, LONG * 2)
}

/// Holds the checks at a server.
fn hold_checks(server: &Simulator) -> Gate {
    hold(server, Fault::on("GET", "/instance"))
}

fn hold(server: &Simulator, requests: Fault) -> Gate {
    let gate = Gate::new();
    let action = Action::HoldBefore(gate.clone());
    server.faults().add(requests, action);
    gate
}

/// The same settings, and the number of reconciliations that were started of resources whose names begin so.
fn counting_starts(settings: Settings, prefix: &'static str) -> (Settings, Receiver<usize>) {
    let (count, counted) = channel(0);
    let hook = move |key: &ResourceKey| {
        let counts = usize::from(key.name.starts_with(prefix));
        count.send_modify(|count| *count += counts);
        ready(()).boxed()
    };
    let settings = Settings {
        hook: Some(Arc::new(hook)),
        ..settings
    };
    (settings, counted)
}

async fn wait_for_check(gate: &Gate) {
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
}

#[tokio::test]
async fn many_resources_that_wait_for_the_check_of_a_connection_hold_up_nobody_else() {
    let mut everywhere = AllNamespaces::new().await;
    let slow = Simulator::start(Default::default()).await;
    let key = everywhere.home.key_secret();
    let names: Vec<String> = (0..MANY).map(|n| format!("app-{n}")).collect();
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let team = everywhere.namespace(json!({})).await;
        team.apply(key.clone()).await;
        team.apply(team.app_secret()).await;
        team.apply(connection("default", &slow.url())).await;
        for name in &names {
            team.apply(credentials(name)).await;
        }
        waiting.push(team);
    }
    let gate = hold_checks(&slow);
    let servers = [&everywhere.home.sim, &slow];
    let settings = patiently_calling(everywhere.settings(), &servers);
    // With the two checks these are as many as are reconciled concurrently.
    let wanted = settings.concurrency - waiting.len();
    let (settings, mut started) = counting_starts(settings, "app-");
    everywhere.home.start_operator_with(settings);
    wait_for_check(&gate).await;
    let enough = started.wait_for(|count| *count >= wanted);
    timeout(PATIENCE, enough).await.unwrap().unwrap();

    let home = &everywhere.home;
    home.apply_basics().await;
    home.create(credentials("other")).await;
    // Nothing is said of those that wait, and one request for each connection is all that is sent.
    assert_eq!(gate.arrived(), waiting.len());
    for team in &waiting {
        for name in &names {
            let resource = team.credentials(name).get().await;
            assert!(resource.condition("Ready").is_none(), "{name}");
        }
    }

    gate.open();
    for team in &waiting {
        team.connection("default").wait_reason("Unauthorized").await;
        for name in &names {
            team.credentials(name)
                .wait_message("ConnectionNotReady", "Unauthorized")
                .await;
        }
    }
    assert_eq!(gate.arrived(), waiting.len());
}

/// Resources that waited for something that their connection lacked, as their reason says, until `repair` brought it: while it is
/// checked for the first time after that, nothing is said about them.
async fn wait_for_the_check_after(mut env: Environment, reason: &str, repair: Value) {
    let (settings, mut started) = counting_starts(env.settings(), "late");
    env.start_operator_with(with_timeouts(settings, LONG, LONG * 2));
    env.apply(credentials("early")).await;
    env.credentials("early").wait_reason(reason).await;
    let gate = hold_checks(&env.sim);
    env.apply(repair).await;
    wait_for_check(&gate).await;
    let edit = json!({"description": "edited"});
    let early = env.credentials("early").edit(edit).await;
    env.apply(credentials("late")).await;
    let enough = started.wait_for(|count| *count > 0);
    timeout(PATIENCE, enough).await.unwrap().unwrap();
    // It is reconciled after them.
    env.apply(connection("other", "https://elsewhere.example"))
        .await;
    env.connection("other").wait_reason("UrlNotAllowed").await;
    let late = env.credentials("late").get().await;
    assert!(late.condition("Ready").is_none(), "{}", late.message());
    let now = env.credentials("early").get().await;
    assert_eq!(now.resource_version(), early.resource_version());

    gate.open();
    for name in ["early", "late"] {
        env.credentials(name).wait_ready().await;
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn a_connection_that_is_made_late_is_not_called_missing_while_it_is_checked() {
    let env = Environment::bare(Setup::default()).await;
    env.apply(env.app_secret()).await;
    env.apply(env.key_secret()).await;
    let late = env.default_connection().into();
    wait_for_the_check_after(env, "ConnectionNotFound", late).await;
}

#[tokio::test]
async fn a_key_that_is_made_late_is_not_called_missing_while_it_is_checked() {
    let env = Environment::bare(Setup::default()).await;
    env.apply(env.app_secret()).await;
    env.apply(env.default_connection()).await;
    let late = env.key_secret();
    wait_for_the_check_after(env, "ConnectionNotReady", late).await;
}

#[tokio::test]
async fn resources_keep_using_a_connection_while_it_is_checked_again() {
    let mut env = Environment::new().await;
    env.start_operator_with(with_timeouts(env.settings(), LONG, LONG * 2));
    env.create(credentials("before")).await;
    let gate = hold_checks(&env.sim);
    let requested = env.connection("default").request_reconcile().await;
    wait_for_check(&gate).await;

    env.create(credentials("new")).await;
    let renamed = json!({"description": "renamed"});
    env.credentials("before").edit(renamed).await;
    env.credentials("before").wait_ready().await;
    env.credentials("new").delete().await;
    env.credentials("new").wait_gone().await;
    assert_eq!(gate.arrived(), 1);

    gate.open();
    let is_handled = |it: &Snapshot| it.to_json()["status"]["lastHandledReconcileAt"] == requested;
    env.connection("default").wait("handled", is_handled).await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_waits_while_another_server_of_its_connection_is_checked() {
    let mut env = Environment::new().await;
    let other = Simulator::start(Default::default()).await;
    env.start_operator_with(patiently_calling(env.settings(), &[&env.sim, &other]));
    env.create(credentials("before")).await;
    let gate = hold_checks(&other);
    let edited = env.connection("default");
    edited.edit(json!({"baseUrl": other.url()})).await;
    wait_for_check(&gate).await;
    let writes = env.attempts().len();
    let renamed = env
        .credentials("before")
        .edit(json!({"description": "renamed"}))
        .await;
    env.apply(credentials("late")).await;
    // Others that do not need this connection are served meanwhile, as one that has none.
    env.apply(secret("other-key", &[("api-key", "no key")]))
        .await;
    let spec = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "other-key"}}}});
    env.apply(with(connection("other", &env.sim.url()), spec))
        .await;
    env.connection("other").wait_reason("InvalidValue").await;
    let waiting = env.credentials("before").get().await;
    assert_eq!(waiting.resource_version(), renamed.resource_version());
    assert_eq!(env.attempts().len(), writes, "{:?}", env.attempts());

    // The edit is undone before the server answers.
    edited.edit(json!({"baseUrl": env.sim.url()})).await;
    gate.open();
    for name in ["before", "late"] {
        env.credentials(name).wait_ready().await;
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn a_search_for_a_lost_create_holds_up_nobody_while_the_connection_is_checked_that_it_needs()
{
    let (mut env, there) = moved_after_crash().await;
    let checks = Fault::on("GET", "/instance").instance(&env.instance);
    let gate = hold(&env.sim, checks);
    // One for the check, and one for everybody else.
    let settings = Settings {
        concurrency: 2,
        ..with_timeouts(env.settings(), LONG, LONG * 2)
    };
    env.start_operator_with(settings);
    wait_for_check(&gate).await;
    let through = json!({"spec": {"connectionRef": {"name": "other"}}});
    for name in ["first", "second"] {
        env.create(with(credentials(name), through.clone())).await;
    }
    assert_eq!(gate.arrived(), 1);

    gate.open();
    env.credentials("github")
        .wait_message("InstanceMismatch", "a create may have been applied")
        .await;
    assert_eq!(env.live_in(&there).len(), 2);
    assert_eq!(env.ever(Kind::Credentials).len(), 1);
}
