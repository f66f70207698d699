//! Several resources that use one auth config: each shows what it is for, and one object that is lost is one loss.

use crate::support::{
    Environment, Kind, PATIENCE, VALUES, auth_config, config, export, import_into, initial,
    with_timeouts,
};
use kube::ResourceExt;
use serde_json::{Value, json};

/// The status of the export and the ConfigMap, but for the echo of requests.
async fn shown(env: &Environment) -> (Value, Value) {
    let mut status = env.export("worker").get().await.data["status"].clone();
    let fields = status.as_object_mut().unwrap();
    fields.remove("lastHandledReconcileAt");
    let map = env.config_map("ids").await.unwrap();
    (status, json!([map.data, map.resource_version()]))
}

#[tokio::test]
async fn what_an_export_shows_and_publishes_does_not_depend_on_who_read_the_auth_config_before() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let id = env.create(auth_config("linear")).await.id();
    let manifest = export("worker", "linear", "exported").publishing("ids");
    env.create(manifest).await;
    env.wait_secret_text("exported", "token", VALUES[0]).await;
    let before = shown(&env).await;
    assert_eq!(before.0["authConfigId"], id.as_str());
    assert_eq!(before.1[0]["authConfigId"], id.as_str());

    env.export("worker").reconcile_now().await;
    env.auth_config("linear").reconcile_now().await;
    env.export("worker").reconcile_now().await;
    assert_eq!(shown(&env).await, before);
    env.check_oracles().await;
}

#[tokio::test]
async fn an_auth_config_that_three_resources_use_is_one_loss() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.value("next", VALUES[1]).await;
    env.apply(initial("linear")).await;
    env.create(import_into("import", "linear", "next")).await;
    env.create(export("worker", "linear", "exported")).await;
    let lost = env.only(Kind::AuthConfig).id;
    assert!(env.sim.archive(&lost));
    env.auth_config("linear").request_reconcile().await;
    env.wait_only(Kind::AuthConfig, "it is created again", |it| it.id != lost)
        .await;
    for (kind, name) in [
        (Kind::AuthConfig, "linear"),
        (Kind::Import, "import"),
        (Kind::Export, "worker"),
    ] {
        let resource = env.resource(kind, name);
        let follows = resource.wait("the new id", |it| it.is_ready() && it.id() != lost);
        follows.await;
    }
    // The export may follow before the import does: the value that is imported then is exported once more.
    let export = format!("POST {}", Kind::Export.path());
    env.until("the imported value is exported", async || {
        (env.attempts().last() == Some(&export)).then_some(())
    })
    .await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_schema_that_is_slow_to_come_holds_up_nobody_else() {
    let mut env = Environment::new().await;
    let settings = with_timeouts(env.settings(), 4 * PATIENCE, 4 * PATIENCE);
    env.start_operator_with(settings);
    env.value("token", VALUES[0]).await;
    let gate = env.hold_before("GET", "/provider-config-schema");
    env.apply(config("settings")).await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.create(auth_config("linear")).await;
    gate.open();
    env.config("settings").wait_ready().await;
    env.check_oracles().await;
}
