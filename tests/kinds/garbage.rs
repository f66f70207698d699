//! Answers that this version does not understand: nothing is concluded from them, of no kind.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, Export, ImportInto, ImportNew, VALUES, Vault,
};
use super::support::{World, each};
use metorial::{Body, Config as RemoteConfig};
use metorial_operator::resources::{ProviderConfigVault, Reason};
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};

/// Answers every object in this state.
fn in_state(state: &Value) -> Action {
    let state = state.clone();
    Action::rewrite(move |answer| match answer["items"].as_array_mut() {
        Some(items) => items
            .iter_mut()
            .for_each(|item| item["status"] = state.clone()),
        None => answer["status"] = state.clone(),
    })
}

fn states() -> [Value; 2] {
    [Value::Null, json!("resting")]
}

#[tokio::test]
async fn an_object_in_a_state_that_nobody_knows_is_not_gone() {
    let casts = [Auth, Config, Vault, ImportInto, ImportNew, Export];
    each(casts, async |cast: Cast| {
        let world = World::running().await;
        world.value("token", VALUES[0]).await;
        let theirs = match cast {
            ImportInto | Export => world.theirs().await,
            _ => String::new(),
        };
        world.apply(cast.manifest(&theirs)).await;
        world.arrive(cast, VALUES[0]).await;
        world.sim.clear_journal();
        for state in states() {
            let reads = Fault::on("GET", cast.path());
            let reads = world.sim.faults().add(reads, in_state(&state));
            world.look(cast).await;
            assert!(world.sim.faults().happened(reads) > 0, "{cast:?}");
            assert!(
                world.cast_is_ready(cast).await,
                "{cast:?} {state}\n{}",
                world.describe().await
            );
            world.sim.faults().remove(reads);
        }
        assert!(world.attempts().is_empty(), "{:?}", world.attempts());
    })
    .await;
}

#[tokio::test]
async fn a_vault_waits_for_a_config_in_a_state_that_nobody_knows() {
    each([0, 1], async |which: usize| {
        let state = &states()[which];
        let world = World::running().await;
        world.value("token", VALUES[0]).await;
        world.apply(Vault.manifest("")).await;
        world.arrive(Vault, VALUES[0]).await;
        let id = world.living(Vault.collection())[0].id.clone();
        let body =
            json!({"provider_id": "postgres", "provider_config_vault_id": id, "name": "theirs"});
        world
            .person()
            .create::<RemoteConfig>(&Body::from(body))
            .await
            .unwrap();
        let reads = Fault::on("GET", ConfigOnVault.path());
        world.sim.faults().add(reads, in_state(state));
        world.delete_cast(Vault).await;
        let told = Reason::DeletionBlocked.as_str();
        world.reason::<ProviderConfigVault>("cast", told).await;
        assert_eq!(world.living(Vault.collection()).len(), 1);
    })
    .await;
}
