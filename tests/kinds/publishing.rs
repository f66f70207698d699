//! `publish.configMap`: the ids of every kind, in a ConfigMap that is ours, kept as it should be, gone with the resource.

use super::cast::{Auth, Cast, Config, Export, ImportInto, ImportNew, VALUES, Vault};
use super::support::{World, each, with};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use serde_json::json;
use std::collections::BTreeMap;

const CASTS: [Cast; 6] = [Auth, Config, Vault, ImportInto, ImportNew, Export];

/// The cast in step, with its ids in the ConfigMap `ids`.
async fn published(cast: Cast) -> World {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        ImportInto | Export => world.theirs().await,
        _ => String::new(),
    };
    let publish = json!({"spec": {"publish": {"configMap": {"name": "ids"}}}});
    world.apply(with(cast.manifest(&theirs), publish)).await;
    world.arrive(cast, VALUES[0]).await;
    world
}

impl World {
    async fn ids(&self) -> Option<BTreeMap<String, String>> {
        let map = self.api::<ConfigMap>().get_opt("ids").await.unwrap();
        map.and_then(|map| map.data)
    }

    async fn wait_ids(&self, wanted: &BTreeMap<String, String>) {
        self.wait_until("the ids are published", async |world| {
            world.ids().await.as_ref() == Some(wanted)
        })
        .await;
    }
}

#[tokio::test]
async fn the_ids_of_every_kind_are_published_and_healed_and_nothing_else_is() {
    each(CASTS, async |cast| {
        let world = published(cast).await;
        let object = world.cast(cast).await.unwrap();
        let ids = world.ids().await.unwrap();
        for key in ["id", "instanceId", "providerId"] {
            let says = object["status"][key].as_str();
            assert_eq!(ids.get(key).map(String::as_str), says, "{cast:?} {key}");
            assert!(says.is_some(), "{cast:?} {key}");
        }
        let known = ["id", "instanceId", "providerId", "authConfigId"];
        assert!(
            ids.keys().all(|key| known.contains(&key.as_str())),
            "{cast:?} {ids:?}"
        );
        let map = world.api::<ConfigMap>().get("ids").await.unwrap();
        let owner = &map.owner_references()[0];
        assert_eq!(
            (owner.kind.as_str(), owner.name.as_str()),
            (cast.kind(), "cast")
        );

        world
            .patch::<ConfigMap>("ids", json!({"data": {"id": "another", "more": "text"}}))
            .await;
        world.wait_ids(&ids).await;
        world.delete::<ConfigMap>("ids").await;
        world.wait_ids(&ids).await;
        world.check_cast_quiet(cast).await;
    })
    .await;
}

#[tokio::test]
async fn the_id_of_a_replacement_is_published_before_the_former_goes() {
    each([Config, Vault], async |cast| {
        let world = published(cast).await;
        world.value("token", VALUES[1]).await;
        world
            .wait_until("no live object goes by the published id", async |world| {
                let live = world.living(cast.collection());
                let ids = world.ids().await.unwrap();
                assert!(
                    live.iter().any(|object| object.id == ids["id"]),
                    "{cast:?}: what is published is gone"
                );
                world.cast_in_step(cast, VALUES[1]).await
            })
            .await;
        let ids = world.ids().await.unwrap();
        assert_eq!(ids["id"], world.living(cast.collection())[0].id);
    })
    .await;
}

#[tokio::test]
async fn a_config_map_that_is_not_ours_is_left_alone_by_every_kind() {
    each(CASTS, async |cast| {
        let world = World::running().await;
        let theirs = world.theirs().await;
        world.value("token", VALUES[0]).await;
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ids"}, "data": {"id": "theirs"}});
        world.apply(map).await;
        let publish = json!({"spec": {"publish": {"configMap": {"name": "ids"}}}});
        world.apply(with(cast.manifest(&theirs), publish)).await;
        world
            .wait_until("the conflict is told", async |world| {
                let object = world.cast(cast).await.unwrap();
                let conditions = object["status"]["conditions"].to_string();
                conditions.contains("OwnershipConflict")
            })
            .await;
        assert_eq!(world.ids().await.unwrap()["id"], "theirs");
    })
    .await;
}
