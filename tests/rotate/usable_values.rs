//! What a value may be, and which message names one that can't be used.

use crate::support::{Environment, Kind, credentials, with};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// Makes the client secret exactly these bytes; `None` takes the key away.
async fn put_bytes(env: &Environment, bytes: Option<&[u8]>) {
    let bytes = bytes.map(|bytes| ByteString(bytes.to_vec()));
    let data = json!({"data": {"client-secret": bytes}});
    env.patch::<Secret>("oauth-app", data).await;
}

/// Bytes that can't be a value, with the reason and a part of the message.
fn unusable() -> Vec<(Option<Vec<u8>>, &'static str, &'static str)> {
    let text = |text: &str| Some(text.as_bytes().to_vec());
    vec![
        (None, "SecretKeyNotFound", "no key client-secret"),
        (text(""), "InvalidValue", "is empty"),
        (Some(vec![0xc3, 0x28]), "InvalidValue", "not UTF-8"),
        (text("nul\0within"), "InvalidValue", "NUL"),
        (
            text(&"x".repeat(100_001)),
            "InvalidValue",
            "100000 characters",
        ),
    ]
}

#[tokio::test]
async fn a_value_that_cannot_be_used_is_named_and_not_sent_and_its_repair_is_pushed() {
    let env = Environment::running().await;
    env.create(credentials("made")).await;
    put_bytes(&env, None).await;
    env.apply(credentials("new")).await;
    let calls = env.calls();

    for (bytes, reason, why) in unusable() {
        put_bytes(&env, bytes.as_deref()).await;
        for name in ["made", "new"] {
            let object = env.credentials(name).wait_message(reason, why).await;
            assert_eq!(object.ready().status, "False");
            let message = object.message();
            assert!(message.contains("oauth-app") && message.contains("client-secret"));
            assert!(!message.contains("within") && !message.contains("xxx"));
        }
    }
    env.check_quiet().await;
    assert_eq!(env.calls(), calls, "nothing was asked of the API");

    put_bytes(&env, Some(b"good again")).await;
    for name in ["made", "new"] {
        env.credentials(name).wait_ready().await;
        env.credentials(name).wait_recorded().await;
    }
    for remote in env.live(Kind::Credentials) {
        assert_eq!(remote.write_only["client_secret"], "good again");
    }
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn values_arrive_byte_for_byte() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let values = [
        "trailing newline\n".to_owned(),
        "windows\r\nlines\r\n".to_owned(),
        "\u{feff}with a byte order mark".to_owned(),
        "emoji 🦀👩‍👩‍👧 and \u{202e}rtl".to_owned(),
        " blanks around \t".to_owned(),
        r#""quotes" \u0041 {"a": 1} %2F"#.to_owned(),
        "🦀".repeat(100_000),
        "x".repeat(100_000),
    ];
    for value in &values {
        put_bytes(&env, Some(value.as_bytes())).await;
        let start: String = value.chars().take(20).collect();
        env.wait_only(Kind::Credentials, &format!("{start:?} at the API"), |o| {
            o.write_only["client_secret"] == value.as_str()
        })
        .await;
    }
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.patches().len(), values.len());
    env.check_oracles().await;
}

#[tokio::test]
async fn a_deleted_secret_is_named_and_used_as_soon_as_it_is_back() {
    let env = Environment::running().await;
    env.create(credentials("github")).await;
    let calls = env.calls();

    env.delete::<Secret>("oauth-app").await;
    let waiting = env
        .credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    let message = waiting.message();
    assert!(message.contains("Secret oauth-app"), "{message}");
    env.check_quiet().await;

    env.apply(env.app_secret()).await;
    env.credentials("github").wait_ready().await;
    env.check_oracles().await;
    assert_eq!(env.calls(), calls, "the same value is there already");

    env.delete::<Secret>("oauth-app").await;
    env.credentials("github")
        .wait_reason("SecretNotFound")
        .await;
    let other = with(
        env.app_secret(),
        json!({"stringData": {"client-secret": "made anew"}}),
    );
    env.apply(other).await;
    env.wait_only(Kind::Credentials, "the new value", |o| {
        o.write_only["client_secret"] == "made anew"
    })
    .await;
    env.credentials("github").wait_recorded().await;
    assert_eq!(env.patches().len(), 1);
    env.check_oracles().await;
}
