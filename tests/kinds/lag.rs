//! Reads that are seconds behind the writes: nothing is made twice, of no kind.

use super::scene::{auth_config, config, part, resource};
use super::support::World;
use metorial_operator::resources::{
    AuthExport, AuthImport, ProviderAuthConfig, ProviderConfig, ProviderConfigVault,
};
use metorial_simulator::Collection;
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
