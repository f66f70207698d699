//! The same under other circumstances: defaults of the connection, and a server as the published reference has it.

use crate::support::{World, condition, credentials, drifted, status, with};
use metorial_operator::resources::{Connection, ProviderAuthCredentials};
use metorial_simulator::Profile;
use serde_json::json;

#[tokio::test]
async fn what_the_connection_says_holds_for_resources_that_say_nothing_and_changes_with_it() {
    let mut world = World::new().await;
    let defaults = json!({"drift": "Report", "deletionPolicy": "Orphan"});
    let defaults = json!({"spec": {"defaults": defaults}});
    world.apply(with(world.connection(), defaults)).await;
    world.start_operator();
    world.make(credentials("silent")).await;
    let own = json!({"spec": {"drift": "Correct", "deletionPolicy": "Delete"}});
    world.make(with(credentials("outspoken"), own)).await;
    for remote in world.remote() {
        world.sim.edit(&remote.id, json!({"name": "theirs"}));
    }

    let silent = world.look_again("silent").await;
    assert_eq!(drifted(&silent), ["name"]);
    world.look_again("outspoken").await;
    world.wait_recorded("outspoken").await;
    assert_eq!(world.patches().len(), 1);

    let correct = json!({"spec": {"defaults": {"drift": "Correct"}}});
    world.patch::<Connection>("default", correct).await;
    let silent = world.wait_recorded("silent").await;
    assert!(condition(&silent, "Drifted").is_none());
    assert_eq!(world.patches().len(), 2);
    world.check_oracles().await;

    for name in ["silent", "outspoken"] {
        world.delete::<ProviderAuthCredentials>(name).await;
        world.wait_gone::<ProviderAuthCredentials>(name).await;
    }
    assert_eq!(world.only_remote().readable["name"], "silent");
}

#[tokio::test]
async fn a_server_like_the_published_reference_is_kept_in_line_as_well() {
    let mut world = World::of(Profile::Reference).await;
    world.start_operator();
    world.make(world.github()).await;
    let first = world.only_remote();

    let edits = [json!({"description": "ours"}), json!({"description": null})];
    for (i, edit) in edits.into_iter().enumerate() {
        world.edit_spec("github", edit).await;
        world.wait_ready("github").await;
        assert_eq!(world.patches().len(), i + 1);
    }
    world.rotate("oauth-app", "client-secret", "rotated").await;
    world
        .wait_remote("the new value", |remote| {
            remote.write_only["client_secret"] == "rotated"
        })
        .await;
    world.wait_recorded("github").await;
    world.sim.edit(&first.id, json!({"name": "theirs"}));
    world.look_again("github").await;
    world.wait_recorded("github").await;
    assert_eq!(world.patches().len(), 4);
    assert_eq!(world.only_remote().readable["name"], "github");

    world.sim.archive(&first.id);
    world.sim.purge(&first.id);
    world.look_again("github").await;
    let remade = world
        .wait_remote("another object", |remote| remote.id != first.id)
        .await;
    let object = world.wait_recorded("github").await;
    assert_eq!(status(&object).id, Some(remade.id));
    assert_eq!(remade.write_only["client_secret"], "rotated");
    world.check_oracles().await;
}
