//! Two resources write to one auth config, one after the other: the server's PATCH is a read-modify-write.

use crate::support::{
    Environment, FOREVER, Kind, PATIENCE, RECONCILIATIONS_RUNNING, Samples, VALUES, free_address,
    import_into, initial, with_timeouts,
};
use metorial_operator::settings::Settings;
use metorial_simulator::{Action, Gate};
use serde_json::json;

#[tokio::test]
async fn an_import_waits_for_a_patch_of_the_same_auth_config_and_neither_is_lost() {
    let mut env = Environment::new().await;
    env.value("token", VALUES[0]).await;
    let listen = free_address();
    let settings = Settings {
        listen,
        ..with_timeouts(env.settings(), FOREVER, FOREVER)
    };
    env.start_operator_with(settings);
    let id = env.create(initial("linear")).await.id();
    env.create(import_into("rotation", "linear", "token")).await;

    let (gate, path) = (Gate::new(), format!("/provider-auth-configs/{id}"));
    let held = Action::HoldAfterRead(gate.clone());
    env.next("PATCH", &path, held);
    env.auth_config("linear")
        .edit(json!({"name": "renamed", "description": "edited"}))
        .await;
    assert!(gate.wait_for_arrivals(1, PATIENCE).await);
    env.value("token", VALUES[1]).await;
    env.until("both are reconciled", async || {
        let samples = Samples::find(listen).await?;
        (samples.get(RECONCILIATIONS_RUNNING) == 2.0).then_some(())
    })
    .await;
    env.check_quiet().await;
    let (patch, import) = (
        format!("PATCH {path}"),
        "POST /provider-auth-config-imports".to_owned(),
    );
    assert_eq!(env.attempts().last(), Some(&patch));

    gate.open();
    env.wait_only(Kind::AuthConfig, "both have their effect", |object| {
        let value = &object.write_only["value"]["token"];
        let (name, description) = (&object.readable["name"], &object.readable["description"]);
        name == "renamed" && description == "edited" && value == VALUES[1]
    })
    .await;
    env.auth_config("linear").wait_recorded().await;
    env.import("rotation").wait_ready().await;
    env.check_oracles().await;
    assert_eq!(env.imports().len(), 2);
    let sent = env.attempts();
    assert_eq!(sent[sent.len() - 2..], [patch, import]);
}
