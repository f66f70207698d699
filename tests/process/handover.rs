//! A resource that is moved to another shard while the first one is at work on it, and resources that refer to those of another
//! shard. Both operators run in this process, with short pauses.

use crate::support::{
    Environment, Form, Given, Kind, Operator, PATIENCE, Samples, Snapshot, TESTED, VALUES, config,
    config_on, credentials, each, free_address, in_shard, literal_vault,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use metorial_operator::resources::ResourceKey;
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, Gate};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const ONE: &str = "one";
/// A list as the API answers it where there is nothing in it.
const EMPTY_LIST: &str =
    r#"{"object":"list","items":[],"pagination":{"has_more_before":false,"has_more_after":false}}"#;

/// The same settings with reads that never lag, so that nothing waits but for another shard.
fn without_lag(mut settings: Settings) -> Settings {
    settings.timing.settle = Duration::ZERO;
    settings
}

/// The operator of the shard, at work before anything is moved to it.
async fn start_shard(env: &Environment) -> Operator {
    let operator = env.start_another_operator(without_lag(env.shard_settings(Some(ONE))));
    let probe = in_shard(crate::support::connection("probe", &env.sim.url()), ONE);
    env.create(probe).await;
    operator
}

/// Waits until the operator at this address counts no resource of a kind as its own.
async fn wait_serves_no(env: &Environment, listen: SocketAddr, kind: &str) {
    env.until(&format!("it serves no {kind}"), async || {
        let samples = Samples::find(listen).await?;
        let all = samples.sum(&format!("resources{{kind=\"{kind}\""));
        (all == 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_create_that_was_on_its_way_when_the_label_moved_is_found_and_not_sent_again() {
    each(Form::SENT_ONCE, async |form| {
        let mut scenario = Given::form(form).prepared().await;
        let settings = without_lag(scenario.shard_settings(None));
        scenario.start_operator_with(settings);
        let _shard = start_shard(&scenario).await;
        let gate = scenario.hold_before("POST", form.create_path());
        scenario.apply_tested().await;
        assert!(gate.wait_for_arrivals(1, PATIENCE).await);

        let moved = scenario.tested().move_to(Some(ONE)).await;
        let tested = scenario.tested();
        let looking = tested.wait("searched for", |object| {
            object.resource_version() != moved.resource_version() && !object.reason().is_empty()
        });
        assert_ne!(looking.await.ready().status, "True", "{form:?}");
        scenario.kill_operator();
        gate.open();
        scenario.wait_synced(VALUES[0]).await;
        scenario.check_created_once();

        let settings = scenario.shard_settings(None);
        scenario.start_operator_with(settings);
        scenario.check_oracles().await;
    })
    .await;
}

#[tokio::test]
async fn a_create_that_is_answered_after_the_label_moved_is_recorded_once() {
    let mut env = Environment::new().await;
    let settings = without_lag(env.shard_settings(None));
    env.start_operator_with(settings);
    let _shard = start_shard(&env).await;
    let gate = env.hold_before("POST", "/provider-auth-credentials");
    env.apply(credentials(TESTED)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.credentials(TESTED).move_to(Some(ONE)).await;
    env.credentials(TESTED).wait_reason("AmbiguousCreate").await;
    gate.open();
    env.credentials(TESTED).wait_synced().await;
    env.check_oracles().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
}

#[tokio::test]
async fn what_was_known_of_a_resource_before_it_was_elsewhere_means_nothing_when_it_is_back() {
    let mut env = Environment::new().await;
    let (hold, held) = watch::channel(false);
    let hook = move |key: &ResourceKey| -> BoxFuture<'static, ()> {
        let (mut held, waits) = (held.clone(), *key.name == *TESTED);
        let until_released = async move { drop(held.wait_for(|held| !waits || !held).await) };
        until_released.boxed()
    };
    let settings = Settings {
        hook: Some(Arc::new(hook)),
        ..without_lag(env.shard_settings(None))
    };
    env.start_operator_with(settings);
    // The other shard waits for nobody.
    let mut hasty = without_lag(env.shard_settings(Some(ONE)));
    hasty.timing.lease.duration = Duration::ZERO;
    let _shard = env.start_another_operator(hasty);
    env.next(
        "POST",
        "/provider-auth-credentials",
        Action::error(400, "invalid_data"),
    );
    env.apply(credentials(TESTED)).await;
    env.credentials(TESTED).wait_reason("RemoteRejected").await;

    // It creates the object while the first one is busy and sees the resource neither leave nor return.
    hold.send(true).unwrap();
    let gate = env.hold_before("POST", "/provider-auth-credentials");
    env.credentials(TESTED).move_to(Some(ONE)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.credentials(TESTED).move_to(None).await;
    hold.send(false).unwrap();
    env.credentials(TESTED).wait_reason("AmbiguousCreate").await;
    gate.open();
    env.credentials(TESTED).wait_synced().await;
    env.check_oracles().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"; 2]);
}

/// An operator without the shard that reads the object of a ready resource, at the address of its metrics; the answer comes when
/// the gate opens. It confirms each write and each report, as it does after a long time.
async fn in_the_middle_of_a_reconciliation(
    begin: impl AsyncFn(&Environment),
) -> (Environment, SocketAddr, Gate) {
    let mut env = Environment::new().await;
    let listen = free_address();
    let mut settings = Settings {
        listen,
        ..env.shard_settings(None)
    };
    settings.timing.lease.renew = Duration::ZERO;
    env.start_operator_with(settings);
    env.create(credentials(TESTED)).await;
    let gate = env.hold_after("GET", "/provider-auth-credentials");
    begin(&env).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    (env, listen, gate)
}

#[tokio::test]
async fn nothing_more_is_sent_for_a_resource_that_was_moved_in_the_middle_of_its_reconciliation() {
    let rotated = "rotated-0123456789";
    let rotate = async |env: &Environment| env.rotate("oauth-app", "client-secret", rotated).await;
    let (env, listen, gate) = in_the_middle_of_a_reconciliation(rotate).await;
    let moved = env.credentials(TESTED).move_to(Some(ONE)).await;
    gate.open();
    wait_serves_no(&env, listen, "ProviderAuthCredentials").await;
    env.check_quiet().await;
    assert_eq!(env.attempts(), ["POST /provider-auth-credentials"]);
    env.check_unwritten(&moved).await;

    let _shard = start_shard(&env).await;
    env.wait_client_secret(1, rotated).await;
    env.check_oracles().await;
    assert_eq!(env.attempts().len(), 2);
}

#[tokio::test]
async fn nothing_more_is_reported_for_a_resource_that_was_moved_in_the_middle_of_its_reconciliation()
 {
    let ask = async |env: &Environment| drop(env.credentials(TESTED).request_reconcile().await);
    let (env, listen, gate) = in_the_middle_of_a_reconciliation(ask).await;
    let moved = env.credentials(TESTED).move_to(Some(ONE)).await;
    gate.open();
    wait_serves_no(&env, listen, "ProviderAuthCredentials").await;
    env.check_unwritten(&moved).await;

    let _shard = start_shard(&env).await;
    let handled = |object: &Snapshot| !object.field("lastHandledReconcileAt").is_null();
    env.credentials(TESTED)
        .wait("the request is handled", handled)
        .await;
}

#[tokio::test]
async fn a_resource_that_was_moved_before_its_finalizer_was_added_gets_it_from_its_new_shard() {
    let mut env = Environment::new().await;
    let settings = env.shard_settings(None);
    env.start_operator_with(settings);
    env.connection("default").wait_reason("Synced").await;
    // The first read is that of the schema of its value.
    let gate = env.hold_after("GET", "/");
    env.apply(config(TESTED)).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    let moved = env.config(TESTED).move_to(Some(ONE)).await;
    gate.open();
    env.check_quiet().await;
    let now = env.config(TESTED).get().await;
    assert_eq!(now.resource_version(), moved.resource_version());
    assert!(env.attempts().is_empty());

    let _shard = start_shard(&env).await;
    env.config(TESTED).wait_ready().await;
    assert_eq!(env.attempts(), ["POST /provider-configs"]);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_resource_that_another_shard_serves_can_be_referred_to_and_is_kept_while_it_is_used() {
    let mut env = Environment::new().await;
    let settings = env.shard_settings(None);
    env.start_operator_with(settings);
    let _shard = start_shard(&env).await;
    let user = in_shard(config_on("user", "vault"), ONE);
    env.apply(user).await;
    env.config("user").wait_reason("ReferenceNotFound").await;
    env.create(literal_vault("vault")).await;
    env.config("user").wait_ready().await;

    // What the API lists lags behind, so it does not show the config.
    let lagging = Action::Answer {
        status: 200,
        headers: Vec::new(),
        body: EMPTY_LIST.into(),
    };
    let lists = Fault::on("GET", "/provider-configs").exactly();
    let lists = env.sim.faults().add(lists, lagging);
    env.vault("vault").delete().await;
    env.vault("vault")
        .wait_message("DeletionBlocked", "depend on it")
        .await;
    assert!(env.sim.faults().happened(lists) > 0);
    assert_eq!(env.live(Kind::Vault).len(), 1);
    env.config("user").remove().await;
    env.vault("vault").wait_gone().await;
    assert!(env.live(Kind::Vault).is_empty());
}

#[tokio::test]
async fn a_connection_of_another_shard_that_changed_while_nothing_used_it_is_read_again() {
    let mut env = Environment::new().await;
    let settings = env.shard_settings(None);
    env.start_operator_with(settings);
    let _shard = start_shard(&env).await;
    env.create(in_shard(credentials("first"), ONE)).await;
    env.credentials("first").remove().await;
    env.check_quiet().await;
    let (_, key) = env.another_instance();
    env.use_key(&key).await;
    env.connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    env.apply(in_shard(credentials("second"), ONE)).await;
    env.credentials("second")
        .wait_reason("ConnectionNotReady")
        .await;
    assert!(env.live(Kind::Credentials).is_empty());

    env.use_key(&env.key).await;
    env.credentials("second").wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_connection_that_is_moved_is_written_by_the_shard_that_it_was_moved_to() {
    let mut env = Environment::new().await;
    let listen = free_address();
    let settings = Settings {
        listen,
        ..env.shard_settings(None)
    };
    env.start_operator_with(settings);
    env.create(credentials(TESTED)).await;
    env.connection("default").wait_reason("Synced").await;
    env.connection("default").move_to(Some(ONE)).await;
    wait_serves_no(&env, listen, "Connection").await;
    let guard = |id| json!({"instance": {"id": id}});
    let edited = env
        .connection("default")
        .edit(guard(Some("ins_another")))
        .await;
    env.check_quiet().await;
    let unwritten = env.connection("default").get().await;
    assert_eq!(unwritten.resource_version(), edited.resource_version());

    let _shard = start_shard(&env).await;
    env.connection("default")
        .wait_reason("InstanceMismatch")
        .await;
    env.connection("default").edit(guard(None)).await;
    env.connection("default").wait_reason("Synced").await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_shard_that_begins_reads_the_objects_of_its_own_resources_only() {
    let mut env = Environment::new().await;
    let settings = env.shard_settings(None);
    env.start_operator_with(settings);
    let shard = start_shard(&env).await;
    let mut ids = [Vec::new(), Vec::new()];
    for number in ["0", "1"] {
        let others = env.create(credentials(&format!("rest-{number}"))).await;
        let own = in_shard(credentials(&format!("one-{number}")), ONE);
        let own = env.create(own).await;
        ids[0].push(others.id());
        ids[1].push(own.id());
    }
    env.kill_operator();
    shard.kill();
    env.sim.clear_journal();
    let _shard = start_shard(&env).await;
    let journal = || env.sim.journal().into_iter();
    let is_read = |id: &String| {
        journal().any(|request| request.path.contains(id) || request.query.contains(id))
    };
    env.until("its own objects are read", async || {
        ids[1].iter().all(&is_read).then_some(())
    })
    .await;
    assert!(!ids[0].iter().any(&is_read), "{}", env.describe().await);
}
