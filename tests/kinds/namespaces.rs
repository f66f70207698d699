//! A namespace that goes with resources of all kinds in it. Its own roles go too, so the operator serves all here.

use super::scene::{auth_config, config, part, resource};
use super::support::{Everywhere, World, with};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams};
use metorial_operator::resources::{AuthExport, AuthImport, ProviderConfig};
use metorial_simulator::{Action, Collection, Fault};
use serde_json::json;

#[tokio::test]
async fn a_namespace_goes_with_resources_of_all_kinds_that_need_each_other() {
    let mut everywhere = Everywhere::new().await;
    everywhere.start_operator();
    let home = &everywhere.home;
    let team = everywhere.namespace(json!({})).await;
    team.apply(home.key_secret()).await;
    team.apply(home.connection()).await;
    team.value("token", "first").await;
    let vault = json!({"providerId": "postgres", "value": {"literal": {"schema": "s"}}});
    let import = json!({"note": "moved", "providerId": "linear", "value": {"from": [part("/token", "token")]}});
    let export = json!({"note": "n", "authConfigRef": {"name": "linear"}, "secret": {"name": "linear-token"}});
    let from_vault = json!({"spec": {"value": null, "vaultRef": {"name": "shared"}}});
    team.apply(auth_config("linear")).await;
    team.apply(with(config("settings"), from_vault)).await;
    team.apply(resource("ProviderConfigVault", "shared", vault))
        .await;
    team.apply(resource("AuthImport", "moved", import)).await;
    team.apply(resource("AuthExport", "worker", export)).await;
    team.ready::<ProviderConfig>("settings").await;
    team.ready::<AuthImport>("moved").await;
    team.ready::<AuthExport>("worker").await;

    let all: Api<Namespace> = Api::all(team.client.clone());
    let params = DeleteParams::default();
    all.delete(&team.namespace, &params).await.unwrap();
    wait_gone(&team).await;
    for collection in [
        Collection::AuthConfigs,
        Collection::Configs,
        Collection::ConfigVaults,
    ] {
        assert!(home.living(collection).is_empty(), "{collection:?}");
    }
    assert_eq!(home.imports().len(), 1);
}

#[tokio::test]
async fn a_namespace_goes_with_an_export_that_is_due() {
    let mut everywhere = Everywhere::new().await;
    everywhere.start_operator();
    let home = &everywhere.home;
    let team = everywhere.namespace(json!({})).await;
    team.apply(home.key_secret()).await;
    team.apply(home.connection()).await;
    team.value("token", "first").await;
    let export = json!({"note": "n", "authConfigRef": {"name": "linear"}, "secret": {"name": "linear-token"}});
    let down = Action::error(500, "internal_server_error");
    let exports = Fault::on("POST", "/provider-auth-config-exports");
    home.sim.faults().add(exports, down);
    team.apply(auth_config("linear")).await;
    team.apply(resource("AuthExport", "worker", export)).await;
    team.reason::<AuthExport>("worker", "RemoteUnavailable")
        .await;
    let all: Api<Namespace> = Api::all(team.client.clone());
    let params = DeleteParams::default();
    all.delete(&team.namespace, &params).await.unwrap();
    wait_gone(&team).await;
    assert!(home.living(Collection::AuthConfigs).is_empty());
    let exports = home.sim.objects(&home.instance, Collection::AuthExports);
    assert!(exports.is_empty());
}

async fn wait_gone(team: &World) {
    let all: Api<Namespace> = Api::all(team.client.clone());
    team.until("the namespace is gone", async || {
        let found = all.get_opt(&team.namespace).await.unwrap();
        found.is_none().then_some(())
    })
    .await;
}
