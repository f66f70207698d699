//! A namespace that goes with resources of all kinds in it. Its own roles go too, so the operator serves all here.

use super::scene::{auth_config, config, part, resource};
use super::support::{Everywhere, with};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams};
use metorial_operator::resources::{AuthExport, AuthImport, ProviderConfig};
use metorial_simulator::Collection;
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
    team.until("the namespace is gone", async || {
        let found = all.get_opt(&team.namespace).await.unwrap();
        found.is_none().then_some(())
    })
    .await;
    for collection in [
        Collection::AuthConfigs,
        Collection::Configs,
        Collection::ConfigVaults,
    ] {
        assert!(home.living(collection).is_empty(), "{collection:?}");
    }
    assert_eq!(home.imports().len(), 1);
}
