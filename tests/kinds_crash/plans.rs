//! `mode: Plan` for what replaces, imports, exports and deletes: nothing is sent before exactly that is approved.

use super::cast::{Cast, Config, Export, ImportInto, VALUES};
use super::support::{World, with};
use metorial_operator::resources::ProviderConfig;
use metorial_simulator::Collection;
use serde_json::{Value, json};

/// The cast in mode Plan; the auth config that a person made.
async fn planned(cast: Cast) -> (World, String) {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        Config => String::new(),
        _ => world.theirs().await,
    };
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

async fn arrive(world: &World, cast: Cast, value: &str) {
    let what = format!("the cast is in step with {value}");
    world
        .wait_until(&what, async |world| world.cast_in_step(cast, value).await)
        .await;
}

/// Lets the plan happen once it was seen that it waits; answers its hash.
async fn let_happen(world: &World, cast: Cast, former: &str, action: &str, value: &str) -> String {
    let plan = pending(world, cast, former).await;
    assert_eq!(plan["steps"][0]["action"], action, "{plan}");
    let before = world.attempts();
    world.check_cast_quiet(cast).await;
    assert_eq!(before, world.attempts());
    for value in VALUES {
        assert!(!plan.to_string().contains(value), "{plan}");
    }
    approve(world, cast, &plan["hash"]).await;
    arrive(world, cast, value).await;
    plan["hash"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_replacement_waits_for_its_approval() {
    let (world, _) = planned(Config).await;
    let hash = let_happen(&world, Config, "", "Create", VALUES[0]).await;
    world.value("token", VALUES[1]).await;
    let hash = let_happen(&world, Config, &hash, "Replace", VALUES[1]).await;
    assert_eq!(world.ever(Collection::Configs).len(), 2);
    world.value("token", VALUES[0]).await;
    let plan = pending(&world, Config, &hash).await;
    approve(&world, Config, &json!(hash)).await;
    world.check_cast_quiet(Config).await;
    assert_eq!(world.ever(Collection::Configs).len(), 2, "{plan}");
}

#[tokio::test]
async fn an_import_waits_for_its_approval() {
    let (world, _) = planned(ImportInto).await;
    let hash = let_happen(&world, ImportInto, "", "Import", VALUES[0]).await;
    world.value("token", VALUES[1]).await;
    let_happen(&world, ImportInto, &hash, "Import", VALUES[1]).await;
    assert_eq!(world.imports().len(), 2);
}

#[tokio::test]
async fn an_export_waits_for_its_approval() {
    let (world, theirs) = planned(Export).await;
    let hash = let_happen(&world, Export, "", "Export", VALUES[0]).await;
    world.import_by_hand(&theirs, VALUES[1]).await;
    let ask = json!({"metorial.com/reconcile-requested-at": "1"});
    let ask = json!({"metadata": {"annotations": ask}});
    world.patch_cast(Export, ask).await;
    let_happen(&world, Export, &hash, "Export", VALUES[1]).await;
    assert_eq!(world.ever(Collection::AuthExports).len(), 2);
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
