//! Imports can't be taken back: exactly one for each change of a value, whatever happens to the operator, its books or
//! the config in between.

use super::cast::{Auth, Cast, Config, ImportInto, ImportNew, VALUES};
use super::support::{World, with};
use metorial::{AuthConfig, Body};
use metorial_simulator::Collection;
use serde_json::{Value, json};

/// The cast in step; the imports that led there.
async fn settled(cast: Cast) -> (World, String, usize) {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = match cast {
        ImportInto => world.theirs().await,
        _ => String::new(),
    };
    world.start_operator();
    world.apply(cast.manifest(&theirs)).await;
    world.arrive(cast, VALUES[0]).await;
    let count = world.imports().len();
    (world, theirs, count)
}

async fn restart(world: &mut World) {
    world.kill_operator();
    world.start_operator();
}

async fn flips(cast: Cast) {
    let (mut world, _, before) = settled(cast).await;
    let values = [VALUES[1], VALUES[0], VALUES[1], "third", VALUES[0]];
    for (count, value) in values.iter().enumerate() {
        world.value("token", value).await;
        world.arrive(cast, value).await;
        assert_eq!(world.imports().len(), before + count + 1);
        restart(&mut world).await;
        world.look(cast).await;
        assert_eq!(world.imports().len(), before + count + 1, "a restart");
    }
    world.check_cast_quiet(cast).await;
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
}

async fn lost_status(cast: Cast) {
    let (mut world, _, before) = settled(cast).await;
    for (count, value) in [VALUES[1], VALUES[0]].iter().enumerate() {
        world.value("token", value).await;
        world.arrive(cast, value).await;
        world.stop_operator().await;
        world.lose_status(cast).await;
        world.start_operator();
        world.arrive(cast, value).await;
        assert_eq!(world.imports().len(), before + count + 1);
    }
    world.check_cast_quiet(cast).await;
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
}

async fn restored(cast: Cast) {
    let (world, theirs, before) = settled(cast).await;
    world.value("token", VALUES[1]).await;
    world.arrive(cast, VALUES[1]).await;
    restore(world, cast, &theirs, VALUES[1], before + 1).await;
}

async fn restored_as_it_was_made(cast: Cast) {
    let (world, theirs, before) = settled(cast).await;
    restore(world, cast, &theirs, VALUES[0], before).await;
}

/// A backup is restored with the same name and another uid, with its finalizer and without its status.
async fn restore(mut world: World, cast: Cast, theirs: &str, value: &str, imports: usize) {
    world.stop_operator().await;
    let none: Value = json!({"metadata": {"finalizers": null}});
    world.patch_cast(cast, none).await;
    world.delete_cast(cast).await;
    let gone = "the cast is gone from the cluster";
    world
        .wait_until(gone, async |world| world.cast(cast).await.is_none())
        .await;
    let held = json!({"metadata": {"finalizers": ["metorial.com/remote"]}});
    world.apply(with(cast.manifest(theirs), held)).await;
    world.start_operator();
    world.arrive(cast, value).await;
    world.check_cast_quiet(cast).await;
    assert_eq!(world.imports().len(), imports);
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
    assert_eq!(world.ever(Collection::AuthConfigs).len(), 1);
}

macro_rules! stories {
    ($($name:ident: $story:ident($cast:ident);)*) => {$(
        #[tokio::test]
        async fn $name() {
            $story($cast).await;
        }
    )*};
}

stories! {
    a_value_that_flips_goes_into_an_auth_config_once_for_each_change: flips(Auth);
    a_value_that_flips_goes_into_somebodys_config_once_for_each_change: flips(ImportInto);
    a_value_that_flips_goes_into_the_config_of_an_import_once_for_each_change: flips(ImportNew);
    an_auth_config_that_lost_its_status_imports_nothing_again: lost_status(Auth);
    an_import_that_lost_its_status_imports_nothing_again: lost_status(ImportInto);
    an_import_that_lost_its_status_makes_no_second_config: lost_status(ImportNew);
    a_restored_auth_config_imports_nothing_again: restored(Auth);
    a_restored_import_imports_nothing_again: restored(ImportInto);
    a_restored_import_makes_no_second_config: restored(ImportNew);
    an_auth_config_that_is_restored_as_it_was_made_imports_nothing: restored_as_it_was_made(Auth);
    an_import_that_is_restored_as_it_was_made_imports_nothing: restored_as_it_was_made(ImportInto);
    the_config_of_an_import_is_restored_as_it_was_made: restored_as_it_was_made(ImportNew);
}

#[tokio::test]
async fn a_value_that_a_person_imported_into_our_config_is_put_right_once() {
    let (mut world, _, before) = settled(Auth).await;
    let id = world.living(Collection::AuthConfigs)[0].id.clone();
    world.import_by_hand(&id, "theirs").await;
    world.look(Auth).await;
    let ours = |world: &World| {
        let value = &world.living(Collection::AuthConfigs)[0].write_only["value"]["token"];
        value == VALUES[0]
    };
    assert!(ours(&world), "{}", world.describe().await);
    assert_eq!(world.imports().len(), before + 2, "theirs and ours");
    world.look(Auth).await;
    restart(&mut world).await;
    world.look(Auth).await;
    world.check_cast_quiet(Auth).await;
    assert_eq!(world.imports().len(), before + 2);
}

#[tokio::test]
async fn under_report_a_value_that_a_person_imported_is_told_and_left() {
    let (world, _, before) = settled(Auth).await;
    world
        .patch_cast(Auth, json!({"spec": {"drift": "Report"}}))
        .await;
    let id = world.living(Collection::AuthConfigs)[0].id.clone();
    world.import_by_hand(&id, "theirs").await;
    world.look(Auth).await;
    let object = world.cast(Auth).await.unwrap();
    assert_eq!(object["status"]["drift"][0]["field"], "value");
    assert_eq!(object["status"]["drift"][0]["observed"], "<hidden>");
    assert_eq!(world.imports().len(), before + 1);
    world.check_cast_quiet(Auth).await;
}

#[tokio::test]
async fn a_persons_patch_that_changes_nothing_leads_to_no_import() {
    let (world, _, before) = settled(Auth).await;
    let config = world.living(Collection::AuthConfigs)[0].clone();
    let same = Body::from(json!({"name": config.readable["name"]}));
    let person = world.person();
    let patched = person.update::<AuthConfig>(&config.id, &same).await;
    patched.unwrap();
    world.look(Auth).await;
    world.check_cast_quiet(Auth).await;
    assert_eq!(world.imports().len(), before);
}

#[tokio::test]
async fn an_import_once_brings_nothing_in_a_second_time() {
    let mut world = World::new().await;
    world.value("token", VALUES[0]).await;
    let theirs = world.theirs().await;
    world.start_operator();
    let once = json!({"spec": {"when": "Once"}});
    let manifest = with(ImportInto.manifest(&theirs), once);
    world.apply(manifest).await;
    world.arrive(ImportInto, VALUES[0]).await;
    world.value("token", VALUES[1]).await;
    world.look(ImportInto).await;
    restart(&mut world).await;
    world.look(ImportInto).await;
    world.stop_operator().await;
    world.lose_status(ImportInto).await;
    world.start_operator();
    let ready = "it is ready again";
    world
        .wait_until(ready, async |world| world.cast_is_ready(ImportInto).await)
        .await;
    world.check_cast_quiet(ImportInto).await;
    assert_eq!(world.imports().len(), 1);
}

#[tokio::test]
async fn a_config_that_lost_its_status_is_not_replaced() {
    let (mut world, _, _) = settled(Config).await;
    let id = world.living(Collection::Configs)[0].id.clone();
    world.stop_operator().await;
    world.lose_status(Config).await;
    world.start_operator();
    world.arrive(Config, VALUES[0]).await;
    assert_eq!(world.living(Collection::Configs)[0].id, id);
    assert_eq!(world.ever(Collection::Configs).len(), 1);
    world.value("token", VALUES[1]).await;
    world.arrive(Config, VALUES[1]).await;
    assert_eq!(world.ever(Collection::Configs).len(), 2);
}
