//! Values are checked before anything is sent: each keyword of the schemas that Metorial publishes, pointers, bytes
//! and size. What is refused is named by pointer and keyword, and never shown.

use crate::support::{Environment, Kind, Manifest, canary, part, resource, secret, with};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

/// An auth config whose whole value is in `values/json`.
fn auth(method: &str) -> Manifest {
    let whole = with(part("", "json"), json!({"format": "Json"}));
    let spec = json!({"authMethodId": method, "value": {"from": [whole]}});
    resource("ProviderAuthConfig", "bad", spec)
}

/// A config whose whole value is in `values/json`.
fn config(provider: &str) -> Manifest {
    let whole = with(part("", "json"), json!({"format": "Json"}));
    let spec = json!({"providerId": provider, "value": {"from": [whole]}});
    resource("ProviderConfig", "bad", spec)
}

/// Applies a manifest whose value is in `values/json`; returns the message of the refusal.
async fn refused(env: &Environment, manifest: Manifest, value: &Value) -> String {
    env.value("json", &value.to_string()).await;
    let kind = Kind::named(manifest["kind"].as_str().unwrap());
    env.apply(manifest).await;
    let refused = env.resource(kind, "bad").wait_reason("InvalidValue").await;
    env.resource(kind, "bad").remove().await;
    refused.message()
}

#[tokio::test]
async fn every_keyword_is_checked_before_anything_is_sent() {
    let env = Environment::running().await;
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
    for (value, expected) in auths {
        let message = refused(&env, auth("postgres-connection"), &value).await;
        assert!(message.contains(expected), "{message}");
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
    for (provider, value, expected) in configs {
        let message = refused(&env, config(provider), &value).await;
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains(&secret), "{message}");
    }
    assert!(env.attempts().is_empty(), "{:?}", env.attempts());
    env.check_no_leak(&[&secret]).await;
}

#[tokio::test]
async fn what_can_not_be_composed_names_pointer_and_secret_and_no_value() {
    let env = Environment::running().await;
    let secret = canary("value");
    env.value("json", &format!("{{\"open\": \"{secret}\""))
        .await;
    env.value("text", &secret).await;
    env.value("large", &"x".repeat(100_001)).await;
    let data = json!({"data": {"binary": ByteString(vec![0xff, 0xfe, 0x00])}});
    env.patch::<Secret>("values", data).await;
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
    for (value, expected) in cases {
        let spec = json!({"authMethodId": "linear-token", "value": value});
        env.apply(resource("ProviderAuthConfig", "bad", spec)).await;
        let message = env
            .auth_config("bad")
            .wait_reason("InvalidValue")
            .await
            .message();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains(&secret), "{message}");
        env.auth_config("bad").remove().await;
    }
    assert!(env.attempts().is_empty());
    env.check_no_leak(&[&secret]).await;
}

#[tokio::test]
async fn a_value_of_more_than_a_mebibyte_is_not_sent() {
    let env = Environment::running().await;
    let chunk = "x".repeat(90_000);
    for number in 0..2 {
        let texts: Vec<(String, &str)> = (0..7).map(|key| (format!("k{key}"), &*chunk)).collect();
        let texts: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (&**key, *text)).collect();
        let name = format!("large-{number}");
        env.apply(secret(&name, &texts)).await;
    }
    let parts: Vec<Value> = (0..14)
        .map(|n| {
            let source = json!({"name": format!("large-{}", n / 7), "key": format!("k{}", n % 7)});
            json!({"pointer": format!("/k{n}"), "secretKeyRef": source})
        })
        .collect();
    let spec = json!({"authMethodId": "github-oauth2", "value": {"from": parts}});
    env.apply(resource("ProviderAuthConfig", "bad", spec)).await;
    let message = env
        .auth_config("bad")
        .wait_reason("InvalidValue")
        .await
        .message();
    assert!(message.contains("1 MiB"), "{message}");
    assert!(env.attempts().is_empty());
}

#[tokio::test]
async fn without_validation_the_apis_refusal_names_the_field() {
    let env = Environment::running().await;
    let secret = canary("value");
    let value =
        json!({"host": "h", "database": "d", "username": "u", "password": "p", "port": secret});
    env.value("json", &value.to_string()).await;
    let unchecked = json!({"spec": {"validation": "None"}});
    let manifest = with(auth("postgres-connection"), unchecked);
    env.apply(manifest).await;
    let message = env
        .auth_config("bad")
        .wait_reason("RemoteRejected")
        .await
        .message();
    assert!(message.contains("port"), "{message}");
    assert!(!message.contains(&secret), "{message}");
    assert_eq!(env.attempts(), ["POST /provider-auth-configs"]);
    assert!(env.live(Kind::AuthConfig).is_empty());
    env.check_no_leak(&[&secret]).await;
}
