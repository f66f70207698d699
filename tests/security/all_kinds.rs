//! One resource of each kind, in one story that several tests share.

use crate::support::{
    Environment, Kind, config_on, deployment, export, import_into, initial, literal_vault,
};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// A deployment, and one resource of each kind that has a value, users before what they use.
const ALL: [(Kind, &str); 6] = [
    (Kind::Export, "used"),
    (Kind::Import, "moved"),
    (Kind::AuthConfig, "linear"),
    (Kind::Config, "db"),
    (Kind::Vault, "vault"),
    (Kind::Deployment, "tracker"),
];

/// Creates a deployment, an auth config in it whose value is imported and exported, and a config on a vault; all of them
/// ready, then the exported Secret is edited and gets another type.
pub async fn create_all(env: &Environment) {
    let token = "first-0123456789";
    env.value("token", token).await;
    env.apply(deployment("tracker")).await;
    env.create(initial("linear").deployed("tracker")).await;
    env.apply(import_into("moved", "linear", "token")).await;
    env.apply(export("used", "linear", "used")).await;
    env.apply(literal_vault("vault")).await;
    env.apply(config_on("db", "vault")).await;
    for (kind, name) in ALL {
        env.resource(kind, name).wait_ready().await;
    }
    env.wait_secret_text("used", "token", token).await;

    let edited = json!({"stringData": {"token": "theirs"}});
    env.patch::<Secret>("used", edited).await;
    env.wait_secret_text("used", "token", token).await;
    let other_type = json!({"secret": {"type": "example.com/token"}});
    env.apply(export("used", "linear", "used").spec(other_type))
        .await;
    let typed = |secret: &Secret| secret.type_.as_deref() == Some("example.com/token");
    env.wait_for("used", "made again", typed).await;
    env.export("used").wait_ready().await;
}

/// Deletes all of them, and waits until they are gone.
pub async fn delete_all(env: &Environment) {
    for (kind, name) in ALL {
        env.resource(kind, name).delete().await;
    }
    for (kind, name) in ALL {
        env.resource(kind, name).wait_gone().await;
    }
}
