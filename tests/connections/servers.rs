//! Several servers that may be called: what one of them says is about nobody at another.

use crate::support::{Environment, Kind, calling, connection, credentials, secret, with};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Fault, InstanceType, Options, Simulator};
use serde_json::{Value, json};

/// The settings of an operator that may call both servers.
fn calling_both(env: &Environment, hostile: &Simulator) -> Settings {
    calling(env.settings(), &[&env.sim, hostile])
}

/// Another server, and the environment's operator that may call both.
async fn two_servers() -> (Environment, Simulator, String) {
    let mut env = Environment::new().await;
    // With the seed of the environment's own, both would make the same ids.
    let options = Options {
        seed: 2,
        ..Options::default()
    };
    let hostile = Simulator::start(options).await;
    let organization = hostile.add_organization("Hostile");
    let instance = hostile.add_instance(&organization, InstanceType::Production);
    let key = hostile.add_key(&instance);
    env.start_operator_with(calling_both(&env, &hostile));
    (env, hostile, key)
}

/// The other server claims to be the environment's instance and organization.
fn impersonate(env: &Environment, hostile: &Simulator) {
    let instance = env.instance.as_str().to_owned();
    let organization = env.organization.as_str().to_owned();
    let claim = Action::rewrite(move |answer| {
        answer["id"] = instance.clone().into();
        answer["organization_id"] = organization.clone().into();
    });
    hostile.faults().add(Fault::on("GET", "/instance"), claim);
}

/// A connection `hostile` to the other server.
async fn connect(env: &Environment, hostile: &Simulator, key: &str) {
    env.apply(secret("hostile-key", &[("api-key", key)])).await;
    let spec = json!({"spec": {"apiKey": {"secretKeyRef": {"name": "hostile-key"}}}});
    env.apply(with(connection("hostile", &hostile.url()), spec))
        .await;
}

fn through_hostile(name: &str, more: Value) -> Value {
    let spec = json!({"spec": {"connectionRef": {"name": "hostile"}}});
    with(with(credentials(name), spec), more)
}

#[tokio::test]
async fn a_server_that_claims_to_be_another_account_does_not_close_its_budget() {
    let (env, hostile, key) = two_servers().await;
    env.connection("default").wait_reason("Synced").await;
    impersonate(&env, &hostile);
    connect(&env, &hostile, &key).await;
    env.connection("hostile").wait_reason("Synced").await;
    let refusal = Action::too_many_requests(Some("600"));
    let refused = hostile.faults().add(Fault::on("POST", "/"), refusal);
    env.apply(through_hostile("theirs", json!({}))).await;
    env.credentials("theirs").wait_reason("RateLimited").await;
    assert!(hostile.faults().happened(refused) > 0);

    env.apply(credentials("ours")).await;
    env.credentials("ours").wait_ready().await;
}

#[tokio::test]
async fn a_server_that_claims_to_be_another_instance_does_not_spoil_what_is_known_of_its_objects() {
    let (env, hostile, key) = two_servers().await;
    env.apply(credentials("ours")).await;
    let ours = env.credentials("ours").wait_ready().await;
    let id = ours.status().id.unwrap();
    impersonate(&env, &hostile);
    connect(&env, &hostile, &key).await;
    env.connection("hostile").wait_reason("Synced").await;
    // The other server has an object of the same id, in another state and of a later time.
    let mut theirs = env.sim.object(&id).unwrap().readable;
    theirs["name"] = "spoiled".into();
    theirs["updated_at"] = "2999-01-01T00:00:00.000Z".into();
    theirs["metadata"] = json!({});
    let read = Fault::on("GET", "/provider-auth-credentials");
    let read = hostile.faults().add(read, Action::answer(200, theirs));
    let observe = json!({"spec": {"mode": "Observe", "adopt": {"id": id}}});
    env.apply(through_hostile("theirs", observe)).await;
    env.until("the other server was asked for the id", async || {
        (hostile.faults().happened(read) > 0).then_some(())
    })
    .await;
    env.credentials("theirs").reconcile_now().await;

    let writes = env.attempts();
    assert!(env.sim.edit(&id, json!({"name": "edited"})));
    env.credentials("ours").request_reconcile().await;
    env.until("the edit at our own server is put right", async || {
        let object = env.sim.object(&id).unwrap();
        (object.readable["name"] == "ours").then_some(())
    })
    .await;
    assert_eq!(env.attempts().len(), writes.len() + 1);
}

/// An object at each server, of which the other one claims to be the environment's instance. Returns their ids.
async fn one_object_at_each(env: &Environment, hostile: &Simulator, key: &str) -> [String; 2] {
    env.apply(credentials("ours")).await;
    let ours = env.credentials("ours").wait_ready().await;
    impersonate(env, hostile);
    connect(env, hostile, key).await;
    env.apply(through_hostile("theirs", json!({}))).await;
    let theirs = env.credentials("theirs").wait_ready().await;
    [ours, theirs].map(|object| object.status().id.unwrap())
}

/// Returns true if a server was asked for an object, by itself or with others.
fn was_asked_for(server: &Simulator, id: &str) -> bool {
    let journal = server.journal();
    let names = |text: &String| text.contains(id);
    journal
        .iter()
        .any(|request| names(&request.path) || names(&request.query))
}

#[tokio::test]
async fn a_server_that_claims_to_be_another_instance_is_not_asked_for_its_objects_when_one_is_lost()
{
    let (env, hostile, key) = two_servers().await;
    let [ours, theirs] = one_object_at_each(&env, &hostile, &key).await;
    hostile.clear_journal();
    assert!(hostile.archive(&theirs) && hostile.purge(&theirs));
    env.credentials("theirs").request_reconcile().await;
    env.until("the lost object is created again", async || {
        let object = env.credentials("theirs").get().await;
        (object.status().id.as_ref() != Some(&theirs)).then_some(())
    })
    .await;
    assert!(was_asked_for(&hostile, &theirs) && !was_asked_for(&hostile, &ours));
}

#[tokio::test]
async fn objects_that_a_new_server_of_the_same_instance_does_not_have_are_a_suspicious_loss() {
    let (mut env, other, key) = two_servers().await;
    let names = ["app-0", "app-1", "app-2", "app-3"];
    for name in names {
        env.apply(credentials(name)).await;
    }
    for name in names {
        env.credentials(name).wait_ready().await;
    }
    impersonate(&env, &other);
    connect(&env, &other, &key).await;
    env.connection("hostile").wait_reason("Synced").await;
    env.kill_operator();
    for name in names {
        let through = json!({"connectionRef": {"name": "hostile"}});
        env.credentials(name).edit(through).await;
    }
    env.start_operator_with(calling_both(&env, &other));
    for name in names {
        env.credentials(name).wait_reason("SuspiciousLoss").await;
    }
    let journal = other.journal();
    assert!(journal.iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_server_that_claims_to_be_another_instance_is_not_asked_for_its_objects_at_a_restart() {
    let (mut env, hostile, key) = two_servers().await;
    let [ours, theirs] = one_object_at_each(&env, &hostile, &key).await;
    env.kill_operator();
    hostile.clear_journal();
    // Nobody else asks for the recorded ids first.
    env.sim.set_down(true);
    env.start_operator_with(calling_both(&env, &hostile));
    env.until(
        "the other server was asked for its own object",
        async || was_asked_for(&hostile, &theirs).then_some(()),
    )
    .await;
    env.sim.set_down(false);
    env.credentials("ours").reconcile_now().await;
    assert!(!was_asked_for(&hostile, &ours));
}

/// Has the resource `ours`, whose object has this id, deleted while no operator runs, and starts one, which knows nothing of the
/// former one: the deletion waits for this reason, and asks the other server for nothing.
async fn check_blocked(env: &mut Environment, other: &Simulator, id: &str, why: &str) {
    other.clear_journal();
    env.credentials("ours").delete().await;
    let settings = calling_both(env, other);
    env.start_operator_with(settings);
    env.credentials("ours")
        .wait_message("DeletionBlocked", why)
        .await;
    env.connection("hostile").reconcile_now().await;
    env.credentials("ours").reconcile_now().await;
    assert!(!was_asked_for(other, id));
}

#[tokio::test]
async fn a_deletion_whose_key_is_refused_is_not_sent_to_another_server_of_the_same_instance() {
    let (mut env, other, key) = two_servers().await;
    let [ours, _] = one_object_at_each(&env, &other, &key).await;
    env.sim.revoke_key(&env.key);
    env.stop_operator().await;
    check_blocked(&mut env, &other, &ours, "Unauthorized").await;

    // Another connection to the same server deletes it.
    env.connect("spare", &env.sim.add_key(&env.instance)).await;
    env.credentials("ours").wait_gone().await;
    assert!(!was_asked_for(&other, &ours));
    assert!(env.live(Kind::Credentials).is_empty());
}

#[tokio::test]
async fn a_deletion_whose_server_is_not_known_is_sent_to_none_of_several() {
    let (mut env, other, key) = two_servers().await;
    let [ours, _] = one_object_at_each(&env, &other, &key).await;
    let policy = json!({"deletionPolicy": "Delete"});
    env.credentials("ours").edit(policy).await;
    let free = json!({"metadata": {"finalizers": null}});
    env.stop_operator().await;
    env.connection("default").patch(free).await;
    env.connection("default").delete().await;
    check_blocked(&mut env, &other, &ours, "ConnectionNotFound").await;
    env.apply(env.default_connection()).await;
    env.credentials("ours").wait_gone().await;
    assert!(!was_asked_for(&other, &ours));
}

#[tokio::test]
async fn an_answer_to_the_key_of_a_new_server_does_not_count_for_the_former_one() {
    let (env, hostile, key) = two_servers().await;
    env.apply(connection("second", &env.sim.url())).await;
    env.connection("second").wait_reason("Synced").await;
    // The headers of this refusal, and that it is one, concern nobody but the key that it answers.
    let refusal = Action::too_many_requests(Some("600"));
    hostile.faults().add(Fault::any(), refusal);
    env.apply(secret("hostile-key", &[("api-key", &key)])).await;
    env.connection("second")
        .edit(json!({
            "baseUrl": hostile.url(),
            "apiKey": {"secretKeyRef": {"name": "hostile-key"}},
        }))
        .await;
    env.connection("second").wait_reason("RateLimited").await;
    env.apply(credentials("ours")).await;
    env.credentials("ours").wait_ready().await;
}
