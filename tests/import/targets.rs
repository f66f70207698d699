//! Imports are records in somebody's audit log: into an existing auth config, or into one that the import creates.

use crate::support::{Environment, Form, Given, Kind, VALUES, auth_config, import_into, initial};
use serde_json::json;

#[tokio::test]
async fn an_import_waits_for_its_auth_config_and_for_the_right_to_its_value() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.apply(import_into("rotation", "linear", "token")).await;
    env.import("rotation")
        .wait_reason("ReferenceNotFound")
        .await;
    env.apply(auth_config("linear")).await;
    env.import("rotation").wait_reason("ValueConflict").await;
    env.apply(initial("linear")).await;
    let import = env.import("rotation").wait_ready().await;
    let config = env.auth_config("linear").wait_ready().await;
    assert_eq!(import.id(), config.id());
    assert_eq!(env.imports().len(), 1);
    env.value("token", "second").await;
    env.wait_imports(2).await;
    env.import("rotation").wait_ready().await;
    let token = &env.only(Kind::AuthConfig).write_only["value"]["token"];
    assert_eq!(token, "second");
    env.check_oracles().await;
    env.import("rotation").remove().await;
    env.only(Kind::AuthConfig);
}

#[tokio::test]
async fn an_import_by_provider_creates_an_auth_config_that_is_deleted_with_it() {
    let scenario = Given::form(Form::ImportNew).settled().await;
    let import = scenario.tested().get().await;
    assert_eq!(scenario.imports().len(), 1);
    assert_eq!(import.field("authConfigId"), import.id().as_str());
    scenario.change(VALUES[1]).await;
    scenario.wait_synced(VALUES[1]).await;
    assert_eq!(scenario.imports().len(), 2);
    scenario.check_oracles().await;
    scenario.tested().remove().await;
    assert!(scenario.live_objects().is_empty());
}

#[tokio::test]
async fn an_import_that_comes_back_to_an_auth_config_replaces_what_others_imported_meanwhile() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let first = env.create(initial("first")).await.id();
    env.create(initial("second")).await;
    env.create(import_into("rotation", "first", "token")).await;
    let target = |name: &str| json!({"authConfigRef": {"name": name}});
    env.import("rotation").edit(target("second")).await;
    env.import("rotation").wait_ready().await;
    env.import_by_hand(&first, VALUES[1]).await;
    env.import("rotation").edit(target("first")).await;
    let back = env.import("rotation").wait_ready().await;
    assert_eq!(back.id(), first);
    let value = &env.sim.object(&first).unwrap().write_only["value"]["token"];
    assert_eq!(value, VALUES[0]);
    assert_eq!(env.imports().len(), 4);

    // Where nobody else imported anything, the value is there still.
    env.import("rotation").edit(target("second")).await;
    env.import("rotation").wait_ready().await;
    env.import("rotation").edit(target("first")).await;
    env.import("rotation").wait_ready().await;
    assert_eq!(env.imports().len(), 4);
    env.check_oracles().await;
}
