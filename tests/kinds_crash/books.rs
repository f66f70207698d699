//! Statuses that can't be written, or that somebody takes away: nothing is forgotten, and nothing that others need goes.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, Export, ImportInto, ImportNew, VALUES, Vault, vault,
};
use super::support::{World, each, with};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use metorial_operator::resources::{ProviderConfig, ProviderConfigVault};
use metorial_simulator::{Action, Collection, Entry, Fault};
use serde_json::{Value, json};
use std::time::Duration;

/// The cast in step, in the hands of an operator whose passes end soon.
async fn settled(cast: Cast, extra: Value) -> World {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let mut settings = world.settings();
    settings.reconcile_timeout = Duration::from_secs(3);
    world.start_operator_with(settings);
    if cast == ConfigOnVault {
        world.apply(vault("one", "token")).await;
        world.ready::<ProviderConfigVault>("one").await;
    }
    world
        .apply(with(cast.manifest(""), json!({"spec": extra})))
        .await;
    world.arrive(cast, VALUES[0]).await;
    world
}

/// A replacement that was made and that no status tells of; the pass that made it has given up.
async fn unrecorded_replacement(cast: Cast) -> World {
    let world = settled(cast, json!({})).await;
    world.permit_status(false).await;
    world.value("token", VALUES[1]).await;
    let two = "two of them live";
    let path = cast.path();
    world
        .wait_until(two, async |world| {
            world.living(cast.collection()).len() == 2
        })
        .await;
    world.sim.clear_journal();
    let looked = "a later pass has looked";
    world
        .wait_until(looked, async |world| {
            let ids = world.living(cast.collection());
            let asked = |entry: &Entry| {
                entry.method == "GET" && ids.iter().any(|o| entry.path.ends_with(&o.id))
            };
            world.patch_cast(cast, poke()).await;
            world.sim.journal().iter().any(asked)
        })
        .await;
    assert_eq!(world.living(cast.collection()).len(), 2, "{path}");
    world
}

/// An annotation that asks for a pass.
fn poke() -> Value {
    let asked = format!("{:08x}", rand::random::<u32>());
    json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": asked}}})
}

async fn replaced_once(cast: Cast) {
    let world = unrecorded_replacement(cast).await;
    world.permit_status(true).await;
    world.arrive(cast, VALUES[1]).await;
    assert_eq!(world.ever(cast.collection()).len(), 2);
    world.check_cast_quiet(cast).await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_a_config_is_replaced_once_and_the_former_goes() {
    replaced_once(Config).await;
}

#[tokio::test]
async fn while_statuses_can_not_be_written_a_vault_is_replaced_once_and_the_former_goes() {
    replaced_once(Vault).await;
}

#[tokio::test]
async fn a_deletion_takes_a_replacement_along_that_no_status_tells_of() {
    let world = unrecorded_replacement(Config).await;
    world.delete_cast(Config).await;
    world.wait_gone::<ProviderConfig>("cast").await;
    assert!(world.living(Collection::Configs).is_empty());
}

#[tokio::test]
async fn a_deletion_takes_the_resting_config_along_though_the_current_one_is_gone() {
    let world = settled(Config, json!({"replaceGrace": "1h"})).await;
    world.value("token", VALUES[1]).await;
    let object = world
        .until("the former config rests", async || {
            let object = world.cast(Config).await?;
            (!object["status"]["retiring"].is_null()).then_some(object)
        })
        .await;
    world.sim.archive(object["status"]["id"].as_str().unwrap());
    world.delete_cast(Config).await;
    world.wait_gone::<ProviderConfig>("cast").await;
    assert!(world.living(Collection::Configs).is_empty());
}

#[tokio::test]
async fn a_vault_without_a_status_is_not_deleted_under_a_config_that_uses_it() {
    let mut world = settled(ConfigOnVault, json!({})).await;
    world.stop_operator().await;
    let none = Patch::Merge(json!({"status": null}));
    world
        .api::<ProviderConfigVault>()
        .patch_status("one", &PatchParams::default(), &none)
        .await
        .unwrap();
    world.delete::<ProviderConfigVault>("one").await;
    world.start_operator();
    let message = world
        .reason::<ProviderConfigVault>("one", "DeletionBlocked")
        .await;
    assert!(message.contains("1 object(s)"), "{message}");
    assert_eq!(world.living(Collection::ConfigVaults).len(), 1);
    world.delete_cast(ConfigOnVault).await;
    world.wait_gone::<ProviderConfigVault>("one").await;
    assert!(world.living(Collection::ConfigVaults).is_empty());
    assert!(world.living(Collection::Configs).is_empty());
}

/// What was refused for good was not applied, so nothing has to be waited for.
async fn corrected_at_once(cast: Cast) {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = world.theirs().await;
    if cast == Auth {
        world.sim.archive(&theirs);
    }
    world.start_operator_that_waits();
    let refuse = || {
        let imports = Fault::on("POST", "/provider-auth-config-imports").times(1);
        let refusal = Action::error(400, "invalid_auth_method");
        world.sim.faults().add(imports, refusal);
    };
    if cast == ImportInto {
        refuse();
    }
    world.apply(cast.manifest(&theirs)).await;
    if cast == Auth {
        world.arrive(cast, VALUES[0]).await;
        refuse();
        world.value("token", VALUES[1]).await;
    }
    world
        .wait_until("the import is refused", async |world| {
            let object = world.cast(cast).await.unwrap();
            let conditions = object["status"]["conditions"].to_string();
            conditions.contains("RemoteRejected")
        })
        .await;
    world.value("token", "third").await;
    world.arrive(cast, "third").await;
    assert_eq!(world.imports().len(), 1);
}

#[tokio::test]
async fn a_first_import_that_was_refused_is_corrected_at_once() {
    corrected_at_once(ImportInto).await;
}

#[tokio::test]
async fn a_later_import_that_was_refused_is_corrected_at_once() {
    corrected_at_once(Auth).await;
}

/// The key of the digests is lost: every one of them is another, and no value has changed.
async fn with_another_key(cast: Cast) {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        ImportInto | Export => world.theirs().await,
        _ => String::new(),
    };
    world.start_operator();
    world.apply(cast.manifest(&theirs)).await;
    world.arrive(cast, VALUES[0]).await;
    world.stop_operator().await;
    world
        .delete::<Secret>("metorial-operator-fingerprint-key")
        .await;
    let (objects, imports) = (world.ever(cast.collection()).len(), world.imports().len());
    let exports = world.ever(Collection::AuthExports).len();
    world.sim.clear_journal();
    world.start_operator();
    world.look(cast).await;
    world.arrive(cast, VALUES[0]).await;
    world.check_cast_quiet(cast).await;
    assert_eq!(
        world.ever(Collection::AuthExports).len(),
        exports,
        "{cast:?}"
    );
    let patches = world.patches().len();
    assert!(world.writes().len() == patches && patches <= 1, "{cast:?}");
    assert_eq!(world.ever(cast.collection()).len(), objects, "{cast:?}");
    assert_eq!(world.imports().len(), imports, "{cast:?}");

    match cast {
        Export => world.import_by_hand(&theirs, VALUES[1]).await,
        _ => world.value("token", VALUES[1]).await,
    }
    world.look(cast).await;
    world.arrive(cast, VALUES[1]).await;
    world.look(cast).await;
    let one = usize::from(!matches!(cast, Config | Vault));
    assert_eq!(world.imports().len(), imports + one, "{cast:?}");
}

#[tokio::test]
async fn a_lost_key_of_the_digests_costs_no_import_no_export_and_no_replacement() {
    let casts = [Auth, Config, Vault, ImportInto, ImportNew, Export];
    each(casts, with_another_key).await;
}
