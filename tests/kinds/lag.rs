//! Reads that are seconds behind the writes: nothing is made twice, of no kind.

use super::cast::{
    Auth, Config, ConfigOnVault, ImportInto, ImportNew, VALUES, Vault, VaultInUse, user, vault,
};
use super::scene::{auth_config, config, part, resource};
use super::support::{World, each};
use metorial::AuthConfig;
use metorial_operator::resources::{
    AuthExport, AuthImport, ProviderAuthConfig, ProviderConfig, ProviderConfigVault,
};
use metorial_simulator::{Action, Collection, Fault};
use serde_json::json;
use std::time::Duration;

const LAG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn reads_five_seconds_behind_lead_to_one_object_and_one_record_of_each_kind() {
    let mut world = World::new().await;
    world.sim.set_read_lag(LAG);
    world.start_operator_settling(LAG * 2);
    world.value("token", "first").await;
    let vault = json!({"providerId": "postgres", "value": {"literal": {"schema": "s"}}});
    let import = json!({"note": "moved", "providerId": "linear", "value": {"from": [part("/token", "token")]}});
    let export = json!({"note": "n", "authConfigRef": {"name": "linear"}, "secret": {"name": "linear-token"}});
    world.apply(auth_config("linear")).await;
    world.apply(config("settings")).await;
    world
        .apply(resource("ProviderConfigVault", "vault", vault))
        .await;
    world.apply(resource("AuthImport", "moved", import)).await;
    world.apply(resource("AuthExport", "worker", export)).await;

    world.ready::<ProviderAuthConfig>("linear").await;
    world.ready::<ProviderConfig>("settings").await;
    world.ready::<ProviderConfigVault>("vault").await;
    world.ready::<AuthImport>("moved").await;
    world.ready::<AuthExport>("worker").await;
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world
        .patch::<ProviderAuthConfig>("linear", ask.clone())
        .await;
    world.patch::<ProviderConfig>("settings", ask).await;
    world.kill_operator();
    world.start_operator_settling(LAG * 2);
    world.ready::<ProviderAuthConfig>("linear").await;
    world.ready::<ProviderConfig>("settings").await;
    world.check_quiet().await;

    assert_eq!(world.living(Collection::AuthConfigs).len(), 2);
    assert_eq!(world.living(Collection::Configs).len(), 1);
    assert_eq!(world.living(Collection::ConfigVaults).len(), 1);
    assert_eq!(world.imports().len(), 1);
    assert_eq!(world.writes().len(), 5, "{}", world.describe().await);
}

#[tokio::test]
async fn reads_five_seconds_behind_lead_to_one_write_for_each_change() {
    each(
        [Auth, Config, Vault, VaultInUse, ImportInto, ImportNew],
        async |cast| {
            let mut world = World::new().await;
            world.sim.set_read_lag(LAG);
            world.value("token", VALUES[0]).await;
            let theirs = match cast {
                ImportInto => {
                    let theirs = world.theirs().await;
                    let person = world.person();
                    let seen = async || person.get::<AuthConfig>(&theirs).await.ok();
                    world.until("it can be read", seen).await;
                    theirs
                }
                _ => String::new(),
            };
            world.start_operator_settling(LAG * 2);
            world.apply(cast.manifest(&theirs)).await;
            if cast == VaultInUse {
                world.apply(user()).await;
            }
            world.arrive(cast, VALUES[0]).await;
            world.sim.clear_journal();
            world.value("token", VALUES[1]).await;
            world.arrive(cast, VALUES[1]).await;
            world.check_cast_quiet(cast).await;
            let writes = match cast {
                VaultInUse => 4,
                Config | Vault => 2,
                _ => 1,
            };
            assert_eq!(
                world.writes().len(),
                writes,
                "{cast:?}: {:?}",
                world.writes()
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_vault_does_not_go_under_a_config_that_the_lists_do_not_show_yet() {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    world.apply(vault("one", "token")).await;
    world.ready::<ProviderConfigVault>("one").await;
    let lists = Fault::on("GET", "/provider-configs").exactly();
    let behind = world.sim.faults().add(lists, Action::empty_list());
    world.apply(ConfigOnVault.manifest("")).await;
    world.ready::<ProviderConfig>("cast").await;
    world.delete::<ProviderConfigVault>("one").await;
    let message = world
        .reason::<ProviderConfigVault>("one", "DeletionBlocked")
        .await;
    assert!(message.contains("(cast)"), "{message}");
    assert_eq!(world.living(Collection::ConfigVaults).len(), 1);
    assert_eq!(world.living(Collection::Configs).len(), 1);
    world.sim.faults().remove(behind);
    world.delete::<ProviderConfig>("cast").await;
    world.wait_gone::<ProviderConfigVault>("one").await;
    assert!(world.living(Collection::Configs).is_empty());
}
