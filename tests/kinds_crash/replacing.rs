//! What the API can't change is replaced, if the user lets it be: in time, with all that hangs on it, and never because
//! somebody changed it there.

use super::cast::{Cast, Config, ConfigOnVault, VALUES, Vault, vault};
use super::support::{World, with};
use metorial_operator::resources::{ProviderConfig, ProviderConfigVault};
use metorial_simulator::{Collection, Stored};
use serde_json::{Value, json};

async fn settled(cast: Cast, extra: Value) -> World {
    let world = World::running().await;
    world.value("token", VALUES[0]).await;
    world.value("other", VALUES[1]).await;
    if cast == ConfigOnVault {
        world.apply(vault("one", "token")).await;
        world.apply(vault("two", "other")).await;
        world.ready::<ProviderConfigVault>("two").await;
    }
    let manifest = with(cast.manifest(""), json!({"spec": extra}));
    world.apply(manifest).await;
    world.arrive(cast, VALUES[0]).await;
    world
}

async fn never(cast: Cast) {
    let world = settled(cast, json!({"replace": "Never"})).await;
    world.sim.clear_journal();
    world.value("token", VALUES[1]).await;
    let message = match cast {
        Vault => {
            world
                .reason::<ProviderConfigVault>("cast", "ImmutableFieldChanged")
                .await
        }
        _ => {
            world
                .reason::<ProviderConfig>("cast", "ImmutableFieldChanged")
                .await
        }
    };
    assert!(message.contains("value"), "{message}");
    world.check_cast_quiet(cast).await;
    assert!(world.attempts().is_empty());
    world.value("token", VALUES[0]).await;
    world.arrive(cast, VALUES[0]).await;
    assert!(world.attempts().is_empty(), "what was undone needs nothing");
    world
        .patch_cast(cast, json!({"spec": {"name": "renamed"}}))
        .await;
    world
        .until("the name is patched", async || {
            let live = world.living(cast.collection());
            (live[0].readable["name"] == "renamed").then_some(())
        })
        .await;
    assert_eq!(world.ever(cast.collection()).len(), 1);
}

#[tokio::test]
async fn a_config_that_must_not_be_replaced_stalls_until_the_change_is_undone() {
    never(Config).await;
}

#[tokio::test]
async fn a_vault_that_must_not_be_replaced_stalls_until_the_change_is_undone() {
    never(Vault).await;
}

#[tokio::test]
async fn a_replaced_config_rests_for_its_grace_and_then_goes() {
    let mut world = settled(Config, json!({"replaceGrace": "4s"})).await;
    let former = world.living(Collection::Configs)[0].id.clone();
    world.value("token", VALUES[1]).await;
    let object = world
        .until("the new id is published", async || {
            let object = world.cast(Config).await?;
            (object["status"]["id"] != former.as_str()).then_some(object)
        })
        .await;
    let status = &object["status"];
    assert_eq!(status["retiring"][0]["id"], former.as_str());
    assert_eq!(status["previousIds"][0]["id"], former.as_str());
    assert!(
        world.sim.object(&former).unwrap().readable["status"] == "active",
        "the former one rests"
    );
    world.kill_operator();
    world.start_operator();
    world.arrive(Config, VALUES[1]).await;
    assert_eq!(world.ever(Collection::Configs).len(), 2);
    let object = world.cast(Config).await.unwrap();
    assert_eq!(
        object["status"]["previousIds"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn what_is_deleted_while_its_former_config_rests_takes_both_along() {
    let world = settled(Config, json!({"replaceGrace": "1h"})).await;
    world.value("token", VALUES[1]).await;
    world
        .until("two of them live", async || {
            (world.living(Collection::Configs).len() == 2).then_some(())
        })
        .await;
    world.delete_cast(Config).await;
    world.wait_gone::<ProviderConfig>("cast").await;
    assert!(world.living(Collection::Configs).is_empty());
}

#[tokio::test]
async fn several_changes_in_a_row_leave_one_config_and_the_ids_of_the_others() {
    let world = settled(Config, json!({})).await;
    let mut former = vec![world.living(Collection::Configs)[0].id.clone()];
    for value in [VALUES[1], VALUES[0], "third"] {
        world.value("token", value).await;
        world.arrive(Config, value).await;
        former.insert(0, world.living(Collection::Configs)[0].id.clone());
    }
    former.remove(0);
    let object = world.cast(Config).await.unwrap();
    let previous = object["status"]["previousIds"].as_array().unwrap();
    let ids: Vec<&str> = previous.iter().filter_map(|id| id["id"].as_str()).collect();
    assert_eq!(ids, former);
    assert_eq!(world.ever(Collection::Configs).len(), 4);
}

#[tokio::test]
async fn a_vault_is_replaced_under_its_config_which_moves_first() {
    let world = settled(ConfigOnVault, json!({})).await;
    let vaults = || world.living(Collection::ConfigVaults);
    let of_one = |vault: &Stored| vault.readable["metadata"]["kubernetes"]["name"] == "one";
    let former = vaults().into_iter().find(of_one).unwrap().id;
    world.sim.clear_journal();
    world.value("token", "third").await;
    world
        .until("the former vault is gone", async || {
            (!vaults().iter().any(|vault| vault.id == former)).then_some(())
        })
        .await;
    world.arrive(ConfigOnVault, "").await;
    world.ready::<ProviderConfigVault>("one").await;
    let writes = world.writes();
    let place = |method: &str, path: &str| {
        let sent = |write: &String| write.starts_with(&format!("{method} {path}"));
        writes.iter().position(sent).unwrap()
    };
    let moved = place("POST", "/provider-configs");
    assert!(moved < place("DELETE", "/provider-configs/"), "{writes:?}");
    assert!(
        place("POST", "/provider-config-vaults") < moved
            && moved < place("DELETE", "/provider-config-vaults"),
        "{writes:?}"
    );
    assert_eq!(writes.len(), 4, "{writes:?}");
}

#[tokio::test]
async fn a_persons_edit_of_a_config_replaces_nothing() {
    for drift in ["Correct", "Report"] {
        let world = settled(Config, json!({"drift": drift})).await;
        let id = world.living(Collection::Configs)[0].id.clone();
        world.sim.edit(
            &id,
            json!({"value": {"schema": "theirs"}, "name": "theirs"}),
        );
        world.look(Config).await;
        world.check_cast_quiet(Config).await;
        let live = world.living(Collection::Configs);
        assert_eq!((live.len(), &live[0].id), (1, &id));
        let name = match drift {
            "Correct" => "cast",
            _ => "theirs",
        };
        assert_eq!(live[0].readable["name"], name, "{drift}");
        let object = world.cast(Config).await.unwrap();
        let told = !object["status"]["drift"].is_null();
        assert_eq!(told, drift == "Report", "{drift}");
    }
}

#[tokio::test]
async fn a_config_that_leaves_its_vault_forgets_it_and_lets_it_go() {
    let world = settled(ConfigOnVault, json!({})).await;
    let own = json!({"value": {"literal": {"schema": "own"}}, "vaultRef": null});
    world.patch_cast(ConfigOnVault, json!({"spec": own})).await;
    world.arrive(Config, "own").await;
    let object = world.cast(Config).await.unwrap();
    assert!(object["status"]["vaultId"].is_null(), "{object}");
    world.delete::<ProviderConfigVault>("one").await;
    world.wait_gone::<ProviderConfigVault>("one").await;
    assert_eq!(world.living(Collection::Configs).len(), 1);
}
