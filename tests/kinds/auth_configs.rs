//! Auth configs: the id stays, the value goes in by exactly one import for each change.

use super::scene::{auth_config, status};
use super::support::World;
use metorial_operator::resources::ProviderAuthConfig;
use metorial_simulator::Collection;
use serde_json::json;

#[tokio::test]
async fn a_new_value_goes_in_by_one_import_and_the_id_stays() {
    let mut world = World::running().await;
    world.value("token", "first").await;
    world.apply(auth_config("linear")).await;
    let made: ProviderAuthConfig = world.ready("linear").await;
    let id = status(&made).id.unwrap();
    assert_eq!(
        world.living(Collection::AuthConfigs)[0].write_only["value"]["token"],
        "first"
    );
    assert!(world.imports().is_empty());

    for (count, token) in ["second", "first", "third"].iter().enumerate() {
        world.value("token", token).await;
        world
            .until("the value is in", async || {
                let config = world.sim.object(&id)?;
                (config.write_only["value"]["token"] == *token).then_some(())
            })
            .await;
        world.ready::<ProviderAuthConfig>("linear").await;
        assert_eq!(
            world.imports().len(),
            count + 1,
            "{}",
            world.describe().await
        );
    }
    world.kill_operator();
    world.start_operator();
    world
        .patch::<ProviderAuthConfig>(
            "linear",
            json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}}),
        )
        .await;
    world
        .wait_for("linear", "handled", |object: &ProviderAuthConfig| {
            status(object).last_handled_reconcile_at.as_deref() == Some("1")
        })
        .await;
    assert_eq!(world.imports().len(), 3);
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
}
