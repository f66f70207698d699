//! A namespace that goes with everything in it. Its own roles go too, so the operator serves all namespaces here.

use crate::support::{Everywhere, World, credentials};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams};
use serde_json::json;

/// A namespace with a key, a connection to the simulator of `home` and five ready credentials.
async fn team(everywhere: &Everywhere) -> World {
    let home = &everywhere.home;
    let team = everywhere.namespace(json!({})).await;
    team.apply(home.key_secret()).await;
    team.apply(team.app_secret()).await;
    team.apply(home.connection()).await;
    for number in 0..5 {
        team.apply(credentials(&format!("app-{number}"))).await;
    }
    for number in 0..5 {
        team.wait_ready(&format!("app-{number}")).await;
    }
    team
}

async fn delete_namespace(world: &World) {
    let api = Api::<Namespace>::all(world.client.clone());
    api.delete(&world.namespace, &DeleteParams::default())
        .await
        .unwrap();
    world
        .until("the namespace is gone", async || {
            let found = api.get_opt(&world.namespace).await.unwrap();
            found.is_none().then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_namespace_that_is_deleted_ends_and_leaves_nothing_at_metorial() {
    let mut everywhere = Everywhere::new().await;
    everywhere.start_operator();
    let team = team(&everywhere).await;
    assert_eq!(everywhere.home.remote().len(), 5);
    delete_namespace(&team).await;
    assert!(everywhere.home.remote().is_empty());
    assert_eq!(
        everywhere.home.all_remote().len(),
        5,
        "nothing was made anew meanwhile"
    );
}

#[tokio::test]
async fn a_namespace_whose_objects_are_orphaned_ends_while_the_api_is_down() {
    let mut everywhere = Everywhere::new().await;
    everywhere.start_operator();
    let team = team(&everywhere).await;
    for number in 0..5 {
        let orphan = json!({"deletionPolicy": "Orphan"});
        team.edit_spec(&format!("app-{number}"), orphan).await;
    }
    everywhere.home.sim.set_down(true);
    delete_namespace(&team).await;
    assert_eq!(everywhere.home.remote().len(), 5);
}
