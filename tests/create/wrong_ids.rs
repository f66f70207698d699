//! Ids in specs that name nothing at Metorial: the message says which, and they can be corrected.

use crate::support::{Environment, Kind, Manifest, VALUES, auth_config, config, credentials};
use crate::support::{config_on, import_new, vault, with};
use serde_json::{Value, json};

/// The API refuses a resource whose field names nothing, and serves it once that is corrected.
async fn check(manifest: Manifest, field: &str, wrong: &str, right: Value, noun: &str) {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    let refused = manifest.spec(json!({field: wrong}));
    let object = Value::from(refused.clone());
    let kind = Kind::named(object["kind"].as_str().unwrap());
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    env.apply(refused).await;
    let stalled = env.resource(kind, &name).wait_reason("InvalidSpec").await;
    let expected = format!("spec.{field}: Metorial has no {noun} {wrong:?}; correct it");
    assert_eq!(stalled.message(), expected);
    env.resource(kind, &name).edit(json!({field: right})).await;
    env.resource(kind, &name).wait_ready().await;
    env.check_oracles().await;
}

#[tokio::test]
async fn a_provider_that_does_not_exist_is_named_and_can_be_corrected() {
    let unchecked = json!({"validation": "None"});
    for (manifest, right) in [
        (credentials("one"), "github"),
        (config("one"), "postgres"),
        (vault("one", "token"), "postgres"),
        (import_new("one").spec(unchecked.clone()), "linear"),
    ] {
        check(manifest, "providerId", "githubb", right.into(), "provider").await;
    }
}

#[tokio::test]
async fn an_auth_method_that_does_not_exist_is_named_and_can_be_corrected() {
    let right = json!("linear-token");
    check(
        auth_config("one"),
        "authMethodId",
        "linear-tokn",
        right,
        "auth method",
    )
    .await;
}

#[tokio::test]
async fn a_deployment_that_does_not_exist_is_named_and_can_be_corrected() {
    for manifest in [
        auth_config("one"),
        config("one"),
        vault("one", "token"),
        import_new("one"),
    ] {
        check(
            manifest,
            "deploymentId",
            "pde_none",
            Value::Null,
            "deployment",
        )
        .await;
    }
}

#[tokio::test]
async fn a_vault_that_does_not_exist_is_named_and_can_be_corrected() {
    let env = Environment::running().await;
    env.value("token", VALUES[0]).await;
    env.create(vault("shared", "token")).await;
    let wrong = json!({"spec": {"vaultRef": null, "vaultId": "pcvt_none"}});
    env.apply(with(config_on("db", "shared"), wrong)).await;
    let stalled = env.config("db").wait_reason("InvalidSpec").await;
    let message = stalled.message();
    assert_eq!(
        message,
        "spec.vaultId: Metorial has no vault \"pcvt_none\"; correct it"
    );
    let right = json!({"vaultRef": {"name": "shared"}, "vaultId": null});
    env.config("db").edit(right).await;
    env.config("db").wait_ready().await;
    env.check_oracles().await;
}
