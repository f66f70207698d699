//! Imports: records in somebody's audit log, exactly one for each change.

use super::scene::{auth_config, initial, part, resource, status};
use super::support::World;
use metorial_operator::resources::{AuthImport, ProviderAuthConfig};
use metorial_simulator::Collection;
use serde_json::json;

#[tokio::test]
async fn a_value_goes_into_an_existing_config_once_for_each_change() {
    let world = World::running().await;
    world.value("token", "first").await;
    let spec = json!({"note": "rotation", "authConfigRef": {"name": "linear"}, "value": {"from": [part("/token", "token")]}});
    world.apply(resource("AuthImport", "rotation", spec)).await;
    world
        .reason::<AuthImport>("rotation", "ReferenceNotFound")
        .await;
    world.apply(auth_config("linear")).await;
    world
        .reason::<AuthImport>("rotation", "ValueConflict")
        .await;
    world.apply(initial("linear")).await;
    let import: AuthImport = world.ready("rotation").await;
    let config: ProviderAuthConfig = world.ready("linear").await;
    assert_eq!(status(&import).id, status(&config).id);
    assert_eq!(world.imports().len(), 1);
    world.value("token", "second").await;
    world
        .until("the second import", async || {
            (world.imports().len() == 2).then_some(())
        })
        .await;
    world.ready::<AuthImport>("rotation").await;
    assert_eq!(
        world.living(Collection::AuthConfigs)[0].write_only["value"]["token"],
        "second"
    );
    world.delete::<AuthImport>("rotation").await;
    world.wait_gone::<AuthImport>("rotation").await;
    assert_eq!(
        world.living(Collection::AuthConfigs).len(),
        1,
        "the config is not the import's"
    );
}

#[tokio::test]
async fn an_import_by_provider_makes_a_config_that_goes_with_it() {
    let world = World::running().await;
    world.value("token", "first").await;
    let spec = json!({"note": "from the old system", "providerId": "linear", "value": {"from": [part("/token", "token")]}});
    world.apply(resource("AuthImport", "moved", spec)).await;
    let import: AuthImport = world.ready("moved").await;
    let id = status(&import).id.unwrap();
    assert_eq!(world.imports().len(), 1);
    assert_eq!(import.status.unwrap().auth_config_id.as_ref(), Some(&id));
    world.value("token", "second").await;
    world
        .until("the second import", async || {
            (world.imports().len() == 2).then_some(())
        })
        .await;
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
    world.delete::<AuthImport>("moved").await;
    world.wait_gone::<AuthImport>("moved").await;
    assert!(world.living(Collection::AuthConfigs).is_empty());
}
