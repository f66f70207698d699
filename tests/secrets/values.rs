//! What a value may be, and what is said about one that can't be used.

use crate::support::{World, credentials, ready, with};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::ProviderAuthCredentials;
use serde_json::json;

impl World {
    /// Makes the client secret exactly these bytes; `None` takes the key away.
    async fn put_bytes(&self, bytes: Option<&[u8]>) {
        let bytes = bytes.map(|bytes| ByteString(bytes.to_vec()));
        self.patch::<Secret>("oauth-app", json!({"data": {"client-secret": bytes}}))
            .await;
    }
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
async fn a_value_that_cannot_be_used_is_named_nothing_is_sent_and_its_repair_is_taken_up() {
    let world = World::running().await;
    world.make(credentials("made")).await;
    world.put_bytes(None).await;
    world.apply(credentials("new")).await;
    let calls = world.calls();

    for (bytes, reason, why) in unusable() {
        world.put_bytes(bytes.as_deref()).await;
        for name in ["made", "new"] {
            let what = format!("{reason}: {why}");
            let object: ProviderAuthCredentials = world
                .wait_for(name, &what, |object| {
                    ready(object)
                        .is_some_and(|(_, is, message)| is == reason && message.contains(why))
                })
                .await;
            let (status, _, message) = ready(&object).unwrap();
            assert_eq!(status, "False");
            assert!(message.contains("oauth-app") && message.contains("client-secret"));
            assert!(!message.contains("within") && !message.contains("xxx"));
        }
    }
    world.check_quiet().await;
    assert_eq!(world.calls(), calls, "nothing was asked of the API");

    world.put_bytes(Some(b"good again")).await;
    for name in ["made", "new"] {
        world.wait_ready(name).await;
        world.wait_recorded(name).await;
    }
    for remote in world.remote() {
        assert_eq!(remote.write_only["client_secret"], "good again");
    }
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}

#[tokio::test]
async fn values_arrive_byte_for_byte() {
    let world = World::running().await;
    world.make(credentials("github")).await;
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
        world.put_bytes(Some(value.as_bytes())).await;
        let start: String = value.chars().take(20).collect();
        world
            .wait_remote(&format!("{start:?} at the API"), |o| {
                o.write_only["client_secret"] == value.as_str()
            })
            .await;
    }
    world.wait_recorded("github").await;
    assert_eq!(world.patches().len(), values.len());
    world.check_oracles().await;
}

#[tokio::test]
async fn a_deleted_secret_is_named_and_taken_up_as_soon_as_it_is_back() {
    let world = World::running().await;
    world.make(credentials("github")).await;
    let calls = world.calls();

    world.delete::<Secret>("oauth-app").await;
    let waiting = world.wait_reason("github", "SecretNotFound").await;
    let (_, _, message) = ready(&waiting).unwrap();
    assert!(message.contains("Secret oauth-app"), "{message}");
    world.check_quiet().await;

    world.apply(world.app_secret()).await;
    world.wait_ready("github").await;
    world.check_oracles().await;
    assert_eq!(world.calls(), calls, "the same value is there already");

    world.delete::<Secret>("oauth-app").await;
    world.wait_reason("github", "SecretNotFound").await;
    let other = with(
        world.app_secret(),
        json!({"stringData": {"client-secret": "made anew"}}),
    );
    world.apply(other).await;
    world
        .wait_remote("the new value", |o| {
            o.write_only["client_secret"] == "made anew"
        })
        .await;
    world.wait_recorded("github").await;
    assert_eq!(world.patches().len(), 1);
    world.check_oracles().await;
}
