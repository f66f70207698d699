//! Exports: into a Secret of ours, exactly one for each due moment, and healed without another while the value is known.

use super::scene::{auth_config, resource, status};
use super::support::{World, secret};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::resources::{AuthExport, ProviderAuthConfig};
use metorial_simulator::{Collection, Stored};
use serde_json::{Value, json};

/// The export of `linear` into the Secret `linear-token`.
pub fn export(extra: &Value) -> Value {
    let spec = json!({"note": "for the worker", "authConfigRef": {"name": "linear"}, "secret": {"name": "linear-token"}});
    super::support::with(
        resource("AuthExport", "worker", spec),
        json!({"spec": extra}),
    )
}

/// OAuth tokens of Slack that expire.
fn slack_tokens(name: &str) -> Value {
    let value = json!({
        "literal": {"expires_at": "2030-01-01T00:00:00.000Z"},
        "from": [super::scene::part("/access_token", "token")]
    });
    resource(
        "ProviderAuthConfig",
        name,
        json!({"authMethodId": "slack-oauth2", "value": value}),
    )
}

impl World {
    /// All exports that were made.
    pub fn exports(&self) -> Vec<Stored> {
        self.sim.objects(&self.instance, Collection::AuthExports)
    }

    /// A text of the Secret that exports go into.
    pub async fn text(&self, key: &str) -> Option<String> {
        let secret = self
            .api::<Secret>()
            .get_opt("linear-token")
            .await
            .unwrap()?;
        let bytes = secret.data?.remove(key)?;
        Some(String::from_utf8(bytes.0).unwrap())
    }

    /// Waits until the Secret has this token.
    pub async fn wait_text(&self, wanted: &str) {
        self.until(&format!("the Secret has {wanted}"), async || {
            (self.text("token").await.as_deref() == Some(wanted)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_value_comes_out_once_for_each_change_and_is_healed_without_another() {
    let mut world = World::running().await;
    world.apply(export(&json!({}))).await;
    world
        .reason::<AuthExport>("worker", "ReferenceNotFound")
        .await;
    world.value("token", "first").await;
    world.apply(auth_config("linear")).await;
    world.ready::<AuthExport>("worker").await;
    world.wait_text("first").await;
    assert_eq!(world.exports().len(), 1);

    world
        .patch::<Secret>(
            "linear-token",
            json!({"data": {"token": null, "extra": "eA=="}}),
        )
        .await;
    world.wait_text("first").await;
    world.delete::<Secret>("linear-token").await;
    world.wait_text("first").await;
    assert_eq!(world.exports().len(), 1, "the value was still known");

    world
        .patch::<ProviderAuthConfig>("linear", json!({"spec": {"name": "another name"}}))
        .await;
    world.ready::<ProviderAuthConfig>("linear").await;
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world.patch::<AuthExport>("worker", ask).await;
    world
        .wait_for("worker", "handled", |object: &AuthExport| {
            status(object).last_handled_reconcile_at.as_deref() == Some("1")
        })
        .await;
    assert_eq!(world.exports().len(), 1, "a changed name is no reason");

    world.value("token", "second").await;
    world
        .until("the import", async || {
            (world.imports().len() == 1).then_some(())
        })
        .await;
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "2"}}});
    world.patch::<AuthExport>("worker", ask).await;
    world.wait_text("second").await;
    assert_eq!(world.exports().len(), 2);

    world.kill_operator();
    world.start_operator();
    world.check_quiet().await;
    world.ready::<AuthExport>("worker").await;
    assert_eq!(world.exports().len(), 2, "a restart exports nothing");
    world.check_no_leak(&["second"]).await;

    world.delete::<AuthExport>("worker").await;
    world.wait_gone::<AuthExport>("worker").await;
    world.wait_gone::<Secret>("linear-token").await;
    assert_eq!(world.living(Collection::AuthConfigs).len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_not_ours_is_left_alone_and_a_spent_budget_waits() {
    let world = World::running().await;
    world.value("token", "first").await;
    world.apply(auth_config("linear")).await;
    world
        .apply(secret("linear-token", &[("theirs", "t")]))
        .await;
    world.apply(export(&json!({"maxPerDay": 1}))).await;
    world.reason::<AuthExport>("worker", "SecretNotOwned").await;
    assert!(world.exports().is_empty());
    assert_eq!(world.text("theirs").await.as_deref(), Some("t"));
    world.delete::<Secret>("linear-token").await;
    world.ready::<AuthExport>("worker").await;
    world.wait_text("first").await;

    world.value("token", "second").await;
    world
        .until("the import", async || {
            (world.imports().len() == 1).then_some(())
        })
        .await;
    let ask = json!({"metadata": {"annotations": {"metorial.com/reconcile-requested-at": "1"}}});
    world.patch::<AuthExport>("worker", ask).await;
    world
        .reason::<AuthExport>("worker", "ExportBudgetSpent")
        .await;
    assert_eq!(world.exports().len(), 1);
}

#[tokio::test]
async fn a_secret_of_another_type_is_made_again_and_expiry_is_shown() {
    let world = World::running().await;
    world.value("token", "first").await;
    world.apply(slack_tokens("chat")).await;
    world.ready::<ProviderAuthConfig>("chat").await;
    let to = |kind: &str| json!({"authConfigRef": {"name": "chat"}, "secret": {"type": kind}});
    world.apply(export(&to("example.com/one"))).await;
    let made: AuthExport = world.ready("worker").await;
    let until = made.status.unwrap().export.expires_at.unwrap();
    assert!(until.starts_with("2030-01-01T00:00:00"), "{until}");
    world.apply(export(&to("example.com/two"))).await;
    world
        .wait_for("linear-token", "the other type", |secret: &Secret| {
            secret.type_.as_deref() == Some("example.com/two")
        })
        .await;
    world.ready::<AuthExport>("worker").await;
    assert_eq!(world.text("access_token").await.as_deref(), Some("first"));
    assert_eq!(world.exports().len(), 1, "the value was still known");
}
