//! What Metorial deletes along with a deployment: its deletion waits for that, in the cluster and at Metorial.

use crate::support::{
    Environment, Kind, VALUES, auth_config, config, deployment, import_new, literal_vault,
};
use metorial::{Body, Deployment};
use metorial_simulator::{Action, Fault};
use serde_json::json;

/// A deployment with something of each kind on it.
async fn full() -> Environment {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let postgres = json!({"providerId": "postgres"});
    env.create(deployment("it").spec(postgres)).await;
    env.create(config("settings").deployed("it")).await;
    env.create(literal_vault("shared").deployed("it")).await;
    env
}

#[tokio::test]
async fn a_deployment_waits_for_its_configs_and_vaults_and_names_them_until_the_last_is_gone() {
    let env = full().await;
    env.deployment("it").delete().await;
    let blocked = env
        .deployment("it")
        .wait_message("DeletionBlocked", "2 object(s)")
        .await;
    let message = blocked.message();
    for part in ["(settings)", "(shared)", "Cascade", "Orphan"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    env.check_quiet().await;
    env.config("settings").remove().await;
    env.deployment("it")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    env.vault("shared").remove().await;
    env.deployment("it").wait_gone().await;
    assert!(env.live(Kind::Deployment).is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deployment_waits_for_auth_configs_of_resources_imports_and_people() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let id = env.create(deployment("it")).await.id();
    env.create(auth_config("login").deployed("it")).await;
    env.create(import_new("moved").deployed("it")).await;
    let theirs = env
        .auth_config_by_hand(json!({"provider_deployment_id": id}))
        .await;
    env.deployment("it").delete().await;
    let blocked = env
        .deployment("it")
        .wait_message("DeletionBlocked", "3 object(s)")
        .await;
    let message = blocked.message();
    assert!(message.contains(&theirs), "{message}");
    env.auth_config("login").remove().await;
    env.import("moved").remove().await;
    env.deployment("it")
        .wait_message("DeletionBlocked", "1 object(s)")
        .await;
    env.sim.archive(&theirs);
    env.deployment("it").wait_gone().await;
    assert!(env.live(Kind::AuthConfig).is_empty());
    env.check_oracles().await;
}

#[tokio::test]
async fn cascade_accepts_the_loss_of_everything_on_a_deployment() {
    let env = full().await;
    // Otherwise they are created again.
    for handle in [env.config("settings"), env.vault("shared")] {
        handle.edit(json!({"suspend": true})).await;
        handle.wait_reason("Suspended").await;
    }
    env.deployment("it").delete().await;
    env.deployment("it").wait_reason("DeletionBlocked").await;
    env.sim.clear_journal();
    env.deployment("it")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.deployment("it").wait_gone().await;
    env.sim.settled().await;
    assert_eq!(env.attempts().len(), 1, "{:?}", env.attempts());
    for kind in [Kind::Deployment, Kind::Config, Kind::Vault] {
        assert!(env.live(kind).is_empty(), "{kind:?}");
    }
}

/// Nothing tells whether a person put a value into it.
#[tokio::test]
async fn the_default_config_of_a_deployment_that_was_made_by_hand_is_not_deleted_unasked() {
    let env = Environment::running().await;
    let body = Body::from(json!({"provider_id": "linear", "name": "it"}));
    let made = env.person().create::<Deployment>(&body).await.unwrap();
    env.create(deployment("it").adopting(&made.value.id)).await;
    let config = env.only(Kind::Config).id;
    env.deployment("it").delete().await;
    let blocked = env.deployment("it").wait_reason("DeletionBlocked").await;
    assert!(blocked.message().contains(&config), "{}", blocked.message());
    env.deployment("it")
        .edit(json!({"deletionPolicy": "Cascade"}))
        .await;
    env.deployment("it").wait_gone().await;
    env.sim.settled().await;
    assert!(env.live(Kind::Config).is_empty());
}

#[tokio::test]
async fn a_deployment_is_not_deleted_under_what_the_lists_do_not_show_yet() {
    let env = full().await;
    for kind in [Kind::Config, Kind::Vault, Kind::AuthConfig] {
        let lists = Fault::on("GET", kind.path()).exactly();
        env.sim.faults().add(lists, Action::empty_list());
    }
    env.deployment("it").delete().await;
    let blocked = env
        .deployment("it")
        .wait_message("DeletionBlocked", "2 object(s)")
        .await;
    let message = blocked.message();
    for part in ["(settings)", "(shared)"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(env.live(Kind::Deployment).len(), 1);
}

#[tokio::test]
async fn all_that_is_deleted_at_once_goes_in_an_order_that_takes_nothing_along() {
    let env = full().await;
    env.sim.clear_journal();
    env.deployment("it").delete().await;
    env.config("settings").delete().await;
    env.vault("shared").delete().await;
    env.deployment("it").wait_gone().await;
    let writes = env.writes();
    assert_eq!(writes.len(), 3, "{writes:?}");
    let last = writes.last().unwrap();
    assert!(
        last.starts_with("DELETE /provider-deployments"),
        "{writes:?}"
    );
}
