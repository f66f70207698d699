//! Configs and vaults: what the API can't change is replaced, and never two of them live on, never none.

use super::scene::{config, part, resource, status};
use super::support::{World, with};
use metorial_operator::resources::{ProviderConfig, ProviderConfigVault};
use metorial_simulator::Collection;
use serde_json::json;

#[tokio::test]
async fn a_changed_value_makes_another_config_and_the_former_goes() {
    let world = World::running().await;
    world.apply(config("db")).await;
    let first: ProviderConfig = world.ready("db").await;
    let former = status(&first).id.unwrap();

    let value = json!({"spec": {"value": {"literal": {"statementTimeoutMs": 2000}}}});
    world.patch::<ProviderConfig>("db", value).await;
    let second: ProviderConfig = world
        .wait_for("db", "another id", |object: &ProviderConfig| {
            let status = status(object);
            status.id.as_ref() != Some(&former) && status.retiring.is_none()
        })
        .await;
    let live = world.living(Collection::Configs);
    assert_eq!(live.len(), 1, "{}", world.describe().await);
    assert_eq!(Some(&live[0].id), status(&second).id.as_ref());
    assert_eq!(live[0].write_only["value"]["statementTimeoutMs"], 2000);
    assert_eq!(status(&second).previous_ids.unwrap()[0].id, former);

    world.delete::<ProviderConfig>("db").await;
    world.wait_gone::<ProviderConfig>("db").await;
    assert!(world.living(Collection::Configs).is_empty());
}

#[tokio::test]
async fn a_config_follows_its_vault_to_the_one_that_takes_its_place() {
    let world = World::running().await;
    let from_vault = json!({"value": null, "vaultRef": {"name": "shared"}});
    world
        .apply(with(config("db"), json!({"spec": from_vault})))
        .await;
    world
        .reason::<ProviderConfig>("db", "ReferenceNotFound")
        .await;
    let spec = json!({"providerId": "postgres", "value": {"literal": {"statementTimeoutMs": 1}, "from": [part("/schema", "path")]}});
    world.value("path", "one").await;
    world
        .apply(resource("ProviderConfigVault", "shared", spec))
        .await;
    let vault: ProviderConfigVault = world.ready("shared").await;
    let former = status(&vault).id.unwrap();
    world.ready::<ProviderConfig>("db").await;
    assert_eq!(
        world.living(Collection::Configs)[0].readable["from_vault"]["id"],
        former.as_str()
    );

    world.value("path", "two").await;
    world
        .until(
            "the config is on the new vault, and the old one is gone",
            async || {
                let (vaults, configs) = (
                    world.living(Collection::ConfigVaults),
                    world.living(Collection::Configs),
                );
                let one = vaults.len() == 1 && configs.len() == 1 && vaults[0].id != former;
                (one && configs[0].readable["from_vault"]["id"] == vaults[0].id.as_str())
                    .then_some(())
            },
        )
        .await;
    world.ready::<ProviderConfig>("db").await;
    world.ready::<ProviderConfigVault>("shared").await;

    world.delete::<ProviderConfigVault>("shared").await;
    let message = world
        .reason::<ProviderConfigVault>("shared", "DeletionBlocked")
        .await;
    assert!(
        message.contains(&world.living(Collection::Configs)[0].id),
        "{message}"
    );
    world.delete::<ProviderConfig>("db").await;
    world.wait_gone::<ProviderConfig>("db").await;
    world.wait_gone::<ProviderConfigVault>("shared").await;
    assert!(world.living(Collection::ConfigVaults).is_empty());
}
