//! Exports: into a Secret of ours, exactly one for each due moment, and healed without another while the value is known.

use crate::support::{Environment, Kind, Manifest, auth_config, export, part, resource, secret};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

/// OAuth tokens of Slack that expire.
fn slack_tokens(name: &str) -> Manifest {
    let value = json!({
        "literal": {"expires_at": "2030-01-01T00:00:00.000Z"},
        "from": [part("/access_token", "token")]
    });
    let spec = json!({"authMethodId": "slack-oauth2", "value": value});
    resource("ProviderAuthConfig", name, spec)
}

/// The export of `linear` into the Secret `linear-token`.
fn worker() -> Manifest {
    export("worker", "linear", "linear-token")
}

#[tokio::test]
async fn a_value_is_exported_once_for_each_change_and_healed_without_another_export() {
    let mut env = Environment::running().await;
    env.apply(worker()).await;
    env.export("worker").wait_reason("ReferenceNotFound").await;
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "first").await;
    assert_eq!(env.exports().len(), 1);

    env.patch::<Secret>(
        "linear-token",
        json!({"data": {"token": null, "extra": "eA=="}}),
    )
    .await;
    env.wait_secret_text("linear-token", "token", "first").await;
    env.delete::<Secret>("linear-token").await;
    env.wait_secret_text("linear-token", "token", "first").await;
    assert_eq!(env.exports().len(), 1, "the value was still known");

    env.auth_config("linear")
        .edit(json!({"name": "another name"}))
        .await;
    env.auth_config("linear").wait_ready().await;
    env.export("worker").reconcile_now().await;
    assert_eq!(env.exports().len(), 1, "a changed name is no reason");

    env.value("token", "second").await;
    env.wait_imports(1).await;
    env.export("worker").request_reconcile().await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    assert_eq!(env.exports().len(), 2);

    env.restart_operator();
    env.export("worker").reconcile_now().await;
    env.check_oracles().await;
    assert_eq!(env.exports().len(), 2, "a restart exports nothing");
    env.check_no_leak(&["second"]).await;

    env.export("worker").remove().await;
    env.wait_gone::<Secret>("linear-token").await;
    assert_eq!(env.live(Kind::AuthConfig).len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_ours_is_left_alone_and_a_spent_budget_waits() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    env.apply(secret("linear-token", &[("theirs", "t")])).await;
    env.apply(worker().spec(json!({"maxPerDay": 1}))).await;
    env.export("worker").wait_reason("SecretNotOwned").await;
    assert!(env.exports().is_empty());
    assert_eq!(
        env.secret_text("linear-token", "theirs").await.as_deref(),
        Some("t")
    );
    env.delete::<Secret>("linear-token").await;
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "first").await;

    env.value("token", "second").await;
    env.wait_imports(1).await;
    env.export("worker").request_reconcile().await;
    env.export("worker").wait_reason("ExportBudgetSpent").await;
    assert_eq!(env.exports().len(), 1);
}

#[tokio::test]
async fn tokens_that_never_expire_are_rotated_and_exported() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    let forms = [
        ("chat", "9999-12-31T23:59:59.999Z"),
        ("mail", "+012345-01-01T00:00:00.000Z"),
    ];
    for (name, until) in forms {
        let value = json!({"value": {"literal": {"expires_at": until}}});
        env.apply(slack_tokens(name).spec(value)).await;
        env.auth_config(name).wait_ready().await;
    }
    env.value("token", "second").await;
    env.wait_imports(forms.len()).await;
    for (name, until) in forms {
        env.auth_config(name).wait_recorded().await;
        env.apply(export(name, name, name)).await;
        let made = env.export(name).wait_ready().await;
        assert!(made.field("exportId").is_string());
        assert!(made.field("expiresAt").is_null(), "{}", made.data);
        env.wait_secret_text(name, "access_token", "second").await;
        env.wait_secret_text(name, "expires_at", until).await;
    }
    assert_eq!(env.exports().len(), forms.len());
    env.check_quiet().await;
}

#[tokio::test]
async fn a_secret_of_another_type_is_made_again_and_expiry_is_shown() {
    let env = Environment::running().await;
    env.value("token", "first").await;
    env.apply(slack_tokens("chat")).await;
    env.auth_config("chat").wait_ready().await;
    let to = |kind: &str| json!({"authConfigRef": {"name": "chat"}, "secret": {"type": kind}});
    env.apply(worker().spec(to("example.com/one"))).await;
    let made = env.export("worker").wait_ready().await;
    let until = made.field("expiresAt").as_str().unwrap();
    assert!(until.starts_with("2030-01-01T00:00:00"), "{until}");
    env.apply(worker().spec(to("example.com/two"))).await;
    env.wait_for("linear-token", "the other type", |secret: &Secret| {
        secret.type_.as_deref() == Some("example.com/two")
    })
    .await;
    env.export("worker").wait_ready().await;
    assert_eq!(
        env.secret_text("linear-token", "access_token")
            .await
            .as_deref(),
        Some("first")
    );
    assert_eq!(env.exports().len(), 1, "the value was still known");
}
