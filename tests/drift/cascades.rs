//! A parent that somebody archived at Metorial, while what will be archived along with it is still active.

use crate::support::{
    Environment, Handle, Kind, VALUES, auth_config, config_on, credentials, deployment,
    literal_vault,
};
use metorial_simulator::Gate;
use serde_json::json;

/// Archives the object of a resource, whose dependents stay until the gate opens; waits until it is created again.
async fn archive(env: &Environment, parent: &Handle<'_>) -> Gate {
    let id = parent.get().await.id();
    let gate = env.sim.hold_cascades();
    env.sim.archive(&id);
    parent.request_reconcile().await;
    let again = parent.wait("created again", |it| {
        it.is_ready() && it.field("id") != id.as_str()
    });
    again.await;
    gate
}

/// Opens the gate, and waits until the dependent is ready with another object than the former.
async fn check(env: &Environment, gate: Gate, dependent: &Handle<'_>, former: &str) {
    gate.open();
    env.sim.settled().await;
    dependent.request_reconcile().await;
    let another = |id: &str| id != former;
    let ready = dependent.wait("on the new parent", |it| it.is_ready() && another(&it.id()));
    ready.await;
    assert_eq!(
        env.sim.object(former).unwrap().readable["status"],
        "archived"
    );
    env.check_oracles().await;
}

#[tokio::test]
async fn a_config_moves_to_the_new_vault_before_or_after_the_cascade_of_the_former() {
    let env = Environment::running().await;
    env.create(literal_vault("shared")).await;
    let former = env.create(config_on("user", "shared")).await.id();
    let (vault, user) = (env.vault("shared"), env.config("user"));
    let gate = archive(&env, &vault).await;
    let moved = user.wait("replaced", |it| it.is_ready() && it.id() != former);
    let moved = moved.await.id();
    check(&env, gate, &user, &former).await;
    assert_eq!(user.get().await.id(), moved, "and stays");
    assert_eq!(env.ever(Kind::Config).len(), 2);
    assert_eq!(
        env.only(Kind::Config).readable["from_vault"]["id"],
        vault.get().await.id()
    );
}

/// Metorial can't move an auth config to another deployment, and what is archived is created again.
#[tokio::test]
async fn an_auth_config_waits_for_the_cascade_of_its_former_deployment() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.create(deployment("it")).await;
    let former = env.create(auth_config("login").deployed("it")).await.id();
    let (parent, login) = (env.deployment("it"), env.auth_config("login"));
    let gate = archive(&env, &parent).await;
    login
        .wait_message("ImmutableFieldChanged", "deploymentId")
        .await;
    let only = env.only(Kind::AuthConfig).id;
    assert_eq!(only, former, "nothing is made beside it");
    check(&env, gate, &login, &former).await;
    let deployed = env.only(Kind::AuthConfig).readable["deployment"]["id"].clone();
    assert_eq!(deployed, parent.get().await.id());
    assert_eq!(env.ever(Kind::AuthConfig).len(), 2);
}

#[tokio::test]
async fn credentials_are_deleted_once_while_their_auth_configs_are_still_there() {
    let env = Environment::running().await;
    let id = env
        .create(credentials("app").spec(json!({"deletionPolicy": "Cascade"})))
        .await
        .id();
    let consent = env.sim.add_auth_config(&env.instance, &id, json!({}));
    let gate = env.sim.hold_cascades();
    env.credentials("app").remove().await;
    let status = |id: &str| env.sim.object(id).unwrap().readable["status"].clone();
    assert_eq!(
        (status(&id), status(&consent)),
        (json!("archived"), json!("active"))
    );
    gate.open();
    env.sim.settled().await;
    assert_eq!(status(&consent), "archived");
    env.check_oracles().await;
}
