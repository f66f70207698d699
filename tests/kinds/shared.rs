//! Several resources that look at one auth config: each shows what it is for, and one object that is lost is one loss.

use super::cast::{Auth, Export, VALUES};
use super::scene::{auth_config, initial, part, resource};
use super::support::{PATIENCE, World, with};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use metorial_operator::resources::{AuthExport, AuthImport, ProviderAuthConfig, ProviderConfig};
use metorial_simulator::{Action, Collection, Fault, Gate};
use serde_json::{Value, json};

fn export_by_ref() -> Value {
    let spec = json!({"note": "worker", "authConfigRef": {"name": "linear"}, "secret": {"name": "exported"}});
    resource("AuthExport", "cast", spec)
}

impl World {
    /// What the cast and the ConfigMap say, but for the echo of requests.
    async fn told(&self) -> (Value, Value) {
        let mut object = self.cast(Export).await.unwrap();
        let status = object["status"].as_object_mut().unwrap();
        status.remove("lastHandledReconcileAt");
        let map = self.api::<ConfigMap>().get("ids").await.unwrap();
        (
            object["status"].take(),
            json!([map.data, map.resource_version()]),
        )
    }
}

#[tokio::test]
async fn what_an_export_shows_and_publishes_does_not_depend_on_who_looked_at_the_auth_config_before()
 {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    world.apply(auth_config("linear")).await;
    let config: ProviderAuthConfig = world.ready("linear").await;
    let id = config.status.unwrap().common.id;
    let publish = json!({"spec": {"publish": {"configMap": {"name": "ids"}}}});
    world.apply(with(export_by_ref(), publish)).await;
    world.arrive(Export, VALUES[0]).await;
    let before = world.told().await;
    assert_eq!(before.0["authConfigId"].as_str(), id.as_deref());
    assert_eq!(before.1[0]["authConfigId"].as_str(), id.as_deref());

    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world.look(Export).await;
    world.patch::<ProviderAuthConfig>("linear", ask).await;
    world
        .wait_for("linear", "looked at", |config: &ProviderAuthConfig| {
            let status = config.status.as_ref().unwrap();
            status.common.last_handled_reconcile_at.as_deref() == Some("1")
        })
        .await;
    world.look(Export).await;
    assert_eq!(world.told().await, before);
    world.check_cast_quiet(Export).await;
}

#[tokio::test]
async fn an_auth_config_that_three_resources_use_is_one_loss() {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    world.value("next", VALUES[1]).await;
    let import = json!({"note": "n", "authConfigRef": {"name": "linear"}, "value": {"from": [part("/token", "next")]}});
    world.apply(initial("linear")).await;
    world.apply(resource("AuthImport", "import", import)).await;
    world.ready::<AuthImport>("import").await;
    world.apply(export_by_ref()).await;
    world.ready::<AuthExport>("cast").await;
    let lost = world.living(Auth.collection())[0].id.clone();
    assert!(world.sim.archive(&lost));
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world.patch::<ProviderAuthConfig>("linear", ask).await;
    world
        .wait_until("the auth config is made again", async |world| {
            let live = world.living(Collection::AuthConfigs);
            live.len() == 1 && live[0].id != lost
        })
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
}

#[tokio::test]
async fn a_schema_that_is_slow_to_come_holds_up_nobody_else() {
    let mut world = World::new().await;
    let mut settings = world.settings();
    settings.request_timeout = 4 * PATIENCE;
    settings.reconcile_timeout = 4 * PATIENCE;
    world.start_operator_with(settings);
    world.value("token", VALUES[0]).await;
    let gate = Gate::new();
    let reads = Fault::on("GET", "/provider-config-schema");
    world
        .sim
        .faults()
        .add(reads, Action::HoldBefore(gate.clone()));
    world.apply(super::scene::config("settings")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    world.apply(auth_config("linear")).await;
    world.ready::<ProviderAuthConfig>("linear").await;
    gate.open();
    world.ready::<ProviderConfig>("settings").await;
}
