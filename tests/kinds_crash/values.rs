//! Values are checked before anything is sent: each keyword of the schemas that Metorial publishes, pointers, bytes
//! and size. What is refused is told by pointer and keyword, and never shown.

use super::scene::{part, resource};
use super::support::{World, canary, with};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{ProviderAuthConfig, ProviderConfig};
use metorial_simulator::Collection;
use serde_json::{Value, json};

/// An auth config whose whole value is in `values/json`.
fn auth(method: &str) -> Value {
    let whole = with(part("", "json"), json!({"format": "Json"}));
    let spec = json!({"authMethodId": method, "value": {"from": [whole]}});
    resource("ProviderAuthConfig", "bad", spec)
}

/// A config whose whole value is in `values/json`.
fn config(provider: &str) -> Value {
    let whole = with(part("", "json"), json!({"format": "Json"}));
    let spec = json!({"providerId": provider, "value": {"from": [whole]}});
    resource("ProviderConfig", "bad", spec)
}

async fn refused(world: &World, manifest: Value, value: &Value) -> String {
    world.value("json", &value.to_string()).await;
    let auth = manifest["kind"] == "ProviderAuthConfig";
    world.apply(manifest).await;
    let message = match auth {
        true => {
            world
                .reason::<ProviderAuthConfig>("bad", "InvalidValue")
                .await
        }
        false => world.reason::<ProviderConfig>("bad", "InvalidValue").await,
    };
    match auth {
        true => {
            world.delete::<ProviderAuthConfig>("bad").await;
            world.wait_gone::<ProviderAuthConfig>("bad").await;
        }
        false => {
            world.delete::<ProviderConfig>("bad").await;
            world.wait_gone::<ProviderConfig>("bad").await;
        }
    }
    message
}

#[tokio::test]
async fn every_keyword_is_checked_before_anything_is_sent() {
    let world = World::running().await;
    let secret = canary("value");
    let database = json!({"host": "h", "database": "d", "username": "u", "password": secret});
    let postgres = |change: Value| with(database.clone(), change);
    let auths = [
        (postgres(json!({"host": null})), "required"),
        (postgres(json!({"host": ""})), "/host (minLength)"),
        (postgres(json!({"port": secret})), "/port (type)"),
        (postgres(json!({"port": 0})), "/port (minimum)"),
        (postgres(json!({"port": 70000})), "/port (maximum)"),
        (
            postgres(json!({"ssl": {"mode": secret}})),
            "/ssl/mode (enum)",
        ),
        (postgres(json!({"ssl": secret})), "/ssl (type)"),
        (postgres(json!({"other": secret})), "additionalProperties"),
    ];
    for (value, told) in auths {
        let message = refused(&world, auth("postgres-connection"), &value).await;
        assert!(message.contains(told), "{message}");
        assert!(!message.contains(&secret), "{message}");
    }
    let configs = [
        ("postgres", json!({"readOnly": secret}), "/readOnly (type)"),
        ("stripe", json!({"account": {}}), "required"),
        (
            "stripe",
            json!({"webhookSecret": "short"}),
            "/webhookSecret (minLength)",
        ),
        (
            "stripe",
            json!({"webhookSecret": secret, "account": {"region": secret}}),
            "/account/region (enum)",
        ),
        ("weather", json!({"places": [1]}), "/places/0 (type)"),
    ];
    for (provider, value, told) in configs {
        let message = refused(&world, config(provider), &value).await;
        assert!(message.contains(told), "{message}");
        assert!(!message.contains(&secret), "{message}");
    }
    assert!(world.attempts().is_empty(), "{:?}", world.attempts());
    world.check_no_leak(&[&secret]).await;
}

#[tokio::test]
async fn what_can_not_be_composed_names_pointer_and_secret_and_no_value() {
    let world = World::running().await;
    let secret = canary("value");
    world
        .value("json", &format!("{{\"open\": \"{secret}\""))
        .await;
    world.value("text", &secret).await;
    world.value("large", &"x".repeat(100_001)).await;
    let data = json!({"data": {"binary": ByteString(vec![0xff, 0xfe, 0x00])}});
    world.patch::<Secret>("values", data).await;
    let json_part = |pointer: &str, key: &str| with(part(pointer, key), json!({"format": "Json"}));
    let cases = [
        (json!({"from": [json_part("", "json")]}), "json"),
        (json!({"from": [json_part("/token", "text")]}), "/token"),
        (
            json!({"literal": {"token": "t"}, "from": [part("/token/inner", "text")]}),
            "/token/inner",
        ),
        (
            json!({"literal": {"list": ["t"]}, "from": [part("/list/7", "text")]}),
            "/list/7",
        ),
        (json!({"from": [part("/token", "binary")]}), "binary"),
        (json!({"from": [part("/token", "large")]}), "100000"),
    ];
    for (value, told) in cases {
        let spec = json!({"authMethodId": "linear-token", "value": value});
        world
            .apply(resource("ProviderAuthConfig", "bad", spec))
            .await;
        let message = world
            .reason::<ProviderAuthConfig>("bad", "InvalidValue")
            .await;
        assert!(message.contains(told), "{message}");
        assert!(!message.contains(&secret), "{message}");
        world.delete::<ProviderAuthConfig>("bad").await;
        world.wait_gone::<ProviderAuthConfig>("bad").await;
    }
    assert!(world.attempts().is_empty());
    world.check_no_leak(&[&secret]).await;
}

#[tokio::test]
async fn a_value_of_more_than_a_mebibyte_is_not_sent() {
    let world = World::running().await;
    let chunk = "x".repeat(90_000);
    for number in 0..2 {
        let texts: Vec<(String, &str)> = (0..7).map(|key| (format!("k{key}"), &*chunk)).collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (&**key, *text)).collect();
        let name = format!("large-{number}");
        world.apply(super::support::secret(&name, &texts)).await;
    }
    let parts: Vec<Value> = (0..14)
        .map(|n| {
            let source = json!({"name": format!("large-{}", n / 7), "key": format!("k{}", n % 7)});
            json!({"pointer": format!("/k{n}"), "secretKeyRef": source})
        })
        .collect();
    let spec = json!({"authMethodId": "github-oauth2", "value": {"from": parts}});
    world
        .apply(resource("ProviderAuthConfig", "bad", spec))
        .await;
    let message = world
        .reason::<ProviderAuthConfig>("bad", "InvalidValue")
        .await;
    assert!(message.contains("1 MiB"), "{message}");
    assert!(world.attempts().is_empty());
}

#[tokio::test]
async fn without_validation_the_apis_refusal_names_the_field() {
    let world = World::running().await;
    let secret = canary("value");
    let value =
        json!({"host": "h", "database": "d", "username": "u", "password": "p", "port": secret});
    world.value("json", &value.to_string()).await;
    let unchecked = json!({"spec": {"validation": "None"}});
    let manifest = with(auth("postgres-connection"), unchecked);
    world.apply(manifest).await;
    let message = world
        .reason::<ProviderAuthConfig>("bad", "RemoteRejected")
        .await;
    assert!(message.contains("port"), "{message}");
    assert!(!message.contains(&secret), "{message}");
    assert_eq!(world.attempts(), ["POST /provider-auth-configs"]);
    assert!(world.living(Collection::AuthConfigs).is_empty());
    world.check_no_leak(&[&secret]).await;
}
