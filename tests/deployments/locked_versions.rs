//! The version that a deployment is locked to: not every build of the API can change it.

use crate::support::{Environment, Kind, deployment};
use metorial_simulator::Quirk;
use serde_json::{Value, json};

/// The ids of the two versions of Slack.
fn versions(env: &Environment) -> [String; 2] {
    let slack = env.sim.catalog().provider("slack").unwrap();
    [0, 1].map(|number| slack.versions[number].id.clone())
}

async fn locked(env: &Environment, version: &str) -> String {
    let spec = json!({"providerId": "slack", "lockedVersionId": version});
    let publish = json!({"publish": {"configMap": {"name": "ids"}}});
    let manifest = deployment("it").spec(spec).spec(publish);
    let made = env.create(manifest).await;
    assert_eq!(made.field("lockedVersionId"), version);
    made.id()
}

fn lock(env: &Environment) -> Value {
    env.only(Kind::Deployment).readable["locked_version"]["id"].clone()
}

#[tokio::test]
async fn a_lock_is_changed_and_taken_off_where_the_build_can_do_that() {
    let env = Environment::running().await;
    let [old, new] = versions(&env);
    let id = locked(&env, &old).await;
    assert_eq!(lock(&env), old.as_str());
    for (spec, wanted) in [
        (json!({"lockedVersionId": new}), json!(new)),
        (json!({"lockedVersionId": null}), Value::Null),
    ] {
        env.sim.clear_journal();
        env.deployment("it").edit(spec).await;
        let ready = env.deployment("it").wait_ready().await;
        assert_eq!(
            (&lock(&env), ready.field("lockedVersionId")),
            (&wanted, &wanted)
        );
        assert_eq!(ready.id(), id);
        assert_eq!(env.attempts().len(), 1, "{:?}", env.attempts());
        env.until("the lock is published", async || {
            let map = env.config_map("ids").await?;
            let published = map.data?.get("lockedVersionId").cloned();
            (json!(published) == wanted).then_some(())
        })
        .await;
    }
    env.check_oracles().await;
}

#[tokio::test]
async fn a_lock_that_the_build_ignores_is_reported_and_sent_once() {
    let mut env = Environment::running().await;
    env.sim.set_quirk(Quirk::LockedVersionPatchable, false);
    let [old, new] = versions(&env);
    let id = locked(&env, &old).await;
    env.sim.clear_journal();
    env.deployment("it")
        .edit(json!({"lockedVersionId": new, "name": "renamed"}))
        .await;
    let found = env
        .deployment("it")
        .wait_reason("ImmutableFieldChanged")
        .await;
    let message = found.message();
    let says = format!("lockedVersionId, which is \"{old}\"");
    assert!(message.contains(&says), "{message}");
    env.deployment("it").reconcile_now().await;
    env.check_quiet().await;
    env.restart_operator();
    env.check_quiet().await;
    let there = env.only(Kind::Deployment);
    assert_eq!(there.readable["name"], "renamed", "the rest was applied");
    assert_eq!(
        env.attempts(),
        [format!("PATCH /provider-deployments/{id}")]
    );

    env.deployment("it")
        .edit(json!({"lockedVersionId": old}))
        .await;
    env.deployment("it").wait_ready().await;
    assert_eq!(env.attempts().len(), 1, "{:?}", env.attempts());
    env.check_oracles().await;
}
