//! Configs on vaults: a config follows its vault to the one that takes its place, and no vault is deleted under a
//! config that uses it.

use crate::support::{Environment, Form, Given, Kind, VALUES, config_on, literal_vault, vault};
use metorial_simulator::{Action, Fault, Quirk, Stored};
use serde_json::json;

#[tokio::test]
async fn a_config_waits_for_its_vault_follows_its_replacement_and_holds_its_deletion_up() {
    let env = Environment::running().await;
    env.apply(config_on("db", "shared")).await;
    env.config("db").wait_reason("ReferenceNotFound").await;
    env.value("path", "one").await;
    let former = env.create(vault("shared", "path")).await.id();
    env.config("db").wait_ready().await;
    let config = env.only(Kind::Config);
    assert_eq!(config.readable["from_vault"]["id"], former.as_str());

    env.value("path", "two").await;
    env.until(
        "the config is on the new vault, and the old one is gone",
        async || {
            let (vaults, configs) = (env.live(Kind::Vault), env.live(Kind::Config));
            let one = vaults.len() == 1 && configs.len() == 1 && vaults[0].id != former;
            (one && configs[0].readable["from_vault"]["id"] == vaults[0].id.as_str()).then_some(())
        },
    )
    .await;
    env.config("db").wait_synced().await;
    env.vault("shared").wait_synced().await;
    env.check_oracles().await;

    env.vault("shared").delete().await;
    let blocked = env.vault("shared").wait_reason("DeletionBlocked").await;
    let message = blocked.message();
    assert!(message.contains(&env.only(Kind::Config).id), "{message}");
    env.config("db").remove().await;
    env.vault("shared").wait_gone().await;
    assert!(env.live(Kind::Vault).is_empty());
}

#[tokio::test]
async fn a_vault_is_replaced_under_its_config_which_moves_first() {
    let scenario = Given::form(Form::ConfigOnVault).settled().await;
    let vaults = || scenario.live(Kind::Vault);
    let of_one = |vault: &Stored| vault.readable["metadata"]["kubernetes"]["name"] == "one";
    let former = vaults().into_iter().find(of_one).unwrap().id;
    scenario.sim.clear_journal();
    scenario.value("token", "another").await;
    scenario
        .until("the former vault is gone", async || {
            (!vaults().iter().any(|vault| vault.id == former)).then_some(())
        })
        .await;
    scenario.wait_synced(VALUES[0]).await;
    scenario.vault("one").wait_ready().await;
    let writes = scenario.writes();
    let place = |method: &str, path: &str| {
        let sent = |write: &String| write.starts_with(&format!("{method} {path}"));
        writes.iter().position(sent).unwrap()
    };
    let moved = place("POST", "/provider-configs");
    assert!(moved < place("DELETE", "/provider-configs/"), "{writes:?}");
    assert!(
        place("POST", "/provider-config-vaults") < moved,
        "{writes:?}"
    );
    assert!(
        moved < place("DELETE", "/provider-config-vaults"),
        "{writes:?}"
    );
    assert_eq!(writes.len(), 4, "{writes:?}");
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_config_that_leaves_its_vault_forgets_it_and_no_longer_holds_it() {
    let mut scenario = Given::form(Form::ConfigOnVault).settled().await;
    let own = json!({"value": {"literal": {"schema": "own"}}, "vaultRef": null});
    scenario.tested().edit(own).await;
    scenario.form = Form::Config;
    scenario.wait_synced("own").await;
    let object = scenario.tested().get().await;
    assert!(object.field("vaultId").is_null(), "{object:?}");
    scenario.vault("one").remove().await;
    assert_eq!(scenario.live(Kind::Config).len(), 1);
    scenario.check_oracles().await;
}

#[tokio::test]
async fn a_vault_without_a_status_is_not_deleted_under_a_config_that_uses_it() {
    let mut scenario = Given::form(Form::ConfigOnVault).settled().await;
    for name in ["two", "three"] {
        scenario.vault(name).remove().await;
    }
    scenario.stop_operator().await;
    scenario.vault("one").lose_status().await;
    scenario.vault("one").delete().await;
    scenario.start();
    let blocked = scenario.vault("one").wait_reason("DeletionBlocked").await;
    assert!(
        blocked.message().contains("1 object(s)"),
        "{}",
        blocked.message()
    );
    assert_eq!(scenario.live(Kind::Vault).len(), 1);
    scenario.tested().delete().await;
    scenario.vault("one").wait_gone().await;
    assert!(scenario.live(Kind::Vault).is_empty());
    assert!(scenario.live(Kind::Config).is_empty());
}

#[tokio::test]
async fn a_vault_is_not_deleted_under_a_config_that_the_lists_do_not_show_yet() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.create(vault("one", "token")).await;
    let lists = Fault::on("GET", Kind::Config.path()).exactly();
    let behind = env.sim.faults().add(lists, Action::empty_list());
    env.create(config_on("user", "one")).await;
    env.vault("one").delete().await;
    let blocked = env.vault("one").wait_reason("DeletionBlocked").await;
    assert!(
        blocked.message().contains("(user)"),
        "{}",
        blocked.message()
    );
    assert_eq!(env.live(Kind::Vault).len(), 1);
    assert_eq!(env.live(Kind::Config).len(), 1);
    env.sim.faults().remove(behind);
    env.config("user").delete().await;
    env.vault("one").wait_gone().await;
    assert!(env.live(Kind::Config).is_empty());
}

/// A vault of a deployment, ready, and the id of the deployment.
async fn vault_of_deployment(env: &Environment) -> String {
    let deployment = env.sim.deployment(&env.instance, "postgres").unwrap();
    let spec = json!({"deploymentId": deployment});
    env.create(literal_vault("shared").spec(spec)).await;
    deployment
}

#[tokio::test]
async fn a_config_takes_over_the_deployment_of_its_vault_and_is_not_replaced_by_a_later_edit() {
    for taken_over in [true, false] {
        let env = Environment::running().await;
        env.sim
            .set_quirk(Quirk::VaultDeploymentTakenOver, taken_over);
        let deployment = vault_of_deployment(&env).await;
        let made = env.create(config_on("db", "shared")).await;
        let config = env.only(Kind::Config);
        let read = &config.readable["deployment"]["id"];
        assert_eq!(read == deployment.as_str(), taken_over, "{config:?}");

        let synced = env.config("db").reconcile_now().await;
        assert!(synced.is_ready() && synced.field("drift").is_null());
        env.config("db").edit(json!({"name": "renamed"})).await;
        let renamed = |config: &Stored| config.readable["name"] == "renamed";
        env.wait_only(Kind::Config, "renamed", renamed).await;
        let edited = env.config("db").wait_recorded().await;
        assert_eq!(edited.id(), made.id());
        assert_eq!(env.ever(Kind::Config).len(), 1);
        env.check_oracles().await;
    }
}

#[tokio::test]
async fn a_config_that_took_over_a_deployment_is_bound_though_the_response_was_lost() {
    let env = Environment::running().await;
    vault_of_deployment(&env).await;
    env.next("POST", Kind::Config.path(), Action::CloseAfterApply);
    env.apply(config_on("db", "shared")).await;
    env.config("db").wait_synced().await;
    assert_eq!(env.ever(Kind::Config).len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deployment_other_than_that_of_the_vault_is_an_invalid_spec() {
    let env = Environment::running().await;
    let deployment = vault_of_deployment(&env).await;
    let other = env.sim.add_deployment(&env.instance, "postgres", "other");
    let manifest = config_on("db", "shared").spec(json!({"deploymentId": other}));
    env.apply(manifest).await;
    let stalled = env.config("db").wait_reason("InvalidSpec").await;
    let message = stalled.message();
    for part in ["spec.deploymentId", &other, &deployment] {
        assert!(message.contains(part), "{message}");
    }
    env.check_quiet().await;
    let configs = format!("POST {}", Kind::Config.path());
    let sent = env.attempts();
    assert_eq!(sent.iter().filter(|sent| **sent == configs).count(), 1);
    env.config("db").edit(json!({"deploymentId": null})).await;
    env.config("db").wait_synced().await;
    env.check_oracles().await;
}
