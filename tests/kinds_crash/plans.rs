//! `mode: Plan` for what replaces, imports, exports and deletes: nothing is sent before exactly that is approved.

use super::cast::{
    Auth, Cast, Config, ConfigOnVault, Export, ImportInto, ImportNew, VALUES, Vault, VaultInUse,
    vault,
};
use super::support::{World, with};
use metorial_operator::resources::{ProviderConfig, ProviderConfigVault};
use metorial_simulator::Collection;
use serde_json::{Value, json};

const THIRD: &str = "third-0123456789";

/// The cast in mode Plan; the auth config that a person made.
async fn planned(cast: Cast) -> (World, String) {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        ImportInto | Export => world.theirs().await,
        _ => String::new(),
    };
    if cast == ConfigOnVault {
        for (name, value) in [("one", VALUES[0]), ("two", VALUES[1]), ("three", THIRD)] {
            world.value(name, value).await;
            world.apply(vault(name, name)).await;
            world.ready::<ProviderConfigVault>(name).await;
        }
    }
    world.sim.clear_journal();
    let manifest = with(cast.manifest(&theirs), json!({"spec": {"mode": "Plan"}}));
    world.apply(manifest).await;
    (world, theirs)
}

/// Waits for a plan with another hash; answers it.
async fn pending(world: &World, cast: Cast, former: &str) -> Value {
    world
        .until("a plan", async || {
            let plan = world.cast(cast).await?["status"]["plan"].clone();
            (plan["hash"].is_string() && plan["hash"] != former).then_some(plan)
        })
        .await
}

async fn approve(world: &World, cast: Cast, hash: &Value) {
    let annotation = json!({"metorial.com/approve": hash});
    world
        .patch_cast(cast, json!({"metadata": {"annotations": annotation}}))
        .await;
}

/// Lets the plan happen once it was seen that it waits; answers its hash.
async fn let_happen(world: &World, cast: Cast, former: &str, action: &str, value: &str) -> String {
    let plan = pending(world, cast, former).await;
    assert_eq!(plan["steps"][0]["action"], action, "{plan}");
    let before = world.attempts();
    world.check_cast_quiet(cast).await;
    assert_eq!(before, world.attempts());
    for value in [VALUES[0], VALUES[1], THIRD] {
        assert!(!plan.to_string().contains(value), "{plan}");
    }
    approve(world, cast, &plan["hash"]).await;
    world.arrive(cast, value).await;
    plan["hash"].as_str().unwrap().to_owned()
}

/// What a changed value, or another vault, leads to.
fn changing(cast: Cast) -> &'static str {
    match cast {
        Config | ConfigOnVault | Vault | VaultInUse => "Replace",
        Auth | ImportInto | ImportNew => "Import",
        Export => "Export",
    }
}

/// Another value or vault, or for a second time another one still.
async fn change(world: &World, cast: Cast, theirs: &str, value: &str) {
    match cast {
        ConfigOnVault => {
            let name = if value == VALUES[1] { "two" } else { "three" };
            let other = json!({"spec": {"vaultRef": {"name": name}}});
            world.patch_cast(cast, other).await;
        }
        Export => world.import_by_hand(theirs, value).await,
        _ => world.value("token", value).await,
    }
    if cast == Export {
        let ask = json!({"metorial.com/reconcile-requested-at": value});
        let ask = json!({"metadata": {"annotations": ask}});
        world.patch_cast(cast, ask).await;
    }
}

async fn story(cast: Cast) {
    let (world, theirs) = planned(cast).await;
    let first = pending(&world, cast, "").await;
    let made = match cast {
        ImportInto => "Import",
        Export => "Export",
        _ => "Create",
    };
    let hash = let_happen(&world, cast, "", made, VALUES[0]).await;
    assert_eq!(
        first["hash"],
        hash.as_str(),
        "a plan that stays has one hash"
    );

    change(&world, cast, &theirs, VALUES[1]).await;
    let second = pending(&world, cast, &hash).await;
    change(&world, cast, &theirs, THIRD).await;
    let old = second["hash"].as_str().unwrap();
    let third = pending(&world, cast, old).await;
    assert_ne!(third["hash"], hash.as_str());
    let before = world.writes();
    for old in [hash.as_str(), old, "0000000000000000"] {
        approve(&world, cast, &json!(old)).await;
        world.check_cast_quiet(cast).await;
    }
    assert_eq!(
        before,
        world.writes(),
        "an old approval lets nothing through"
    );
    let_happen(&world, cast, old, changing(cast), THIRD).await;
    let object = world.cast(cast).await.unwrap();
    assert!(object["status"]["plan"].is_null(), "{object}");
}

macro_rules! stories {
    ($($name:ident: $cast:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            story($cast).await;
        }
    )*};
}

stories! {
    an_auth_config_and_its_import_wait_for_their_approval: Auth;
    a_config_and_its_replacement_wait_for_their_approval: Config;
    a_config_and_its_move_to_another_vault_wait_for_their_approval: ConfigOnVault;
    a_vault_and_its_replacement_wait_for_their_approval: Vault;
    an_import_into_somebodys_config_waits_for_its_approval: ImportInto;
    an_import_that_makes_a_config_waits_for_its_approval: ImportNew;
    an_export_waits_for_its_approval: Export;
}

#[tokio::test]
async fn a_deletion_waits_for_its_approval_and_one_that_leaves_all_there_does_not() {
    let (world, _) = planned(Config).await;
    let hash = let_happen(&world, Config, "", "Create", VALUES[0]).await;
    world.delete_cast(Config).await;
    let plan = pending(&world, Config, &hash).await;
    assert_eq!(plan["steps"][0]["action"], "Delete");
    world.check_cast_quiet(Config).await;
    assert_eq!(world.living(Collection::Configs).len(), 1);
    approve(&world, Config, &plan["hash"]).await;
    world.wait_gone::<ProviderConfig>("cast").await;
    assert!(world.living(Collection::Configs).is_empty());

    let (world, _) = planned(Config).await;
    let_happen(&world, Config, "", "Create", VALUES[0]).await;
    world
        .patch_cast(Config, json!({"spec": {"deletionPolicy": "Orphan"}}))
        .await;
    world.delete_cast(Config).await;
    world.wait_gone::<ProviderConfig>("cast").await;
    assert_eq!(world.living(Collection::Configs).len(), 1);
}
