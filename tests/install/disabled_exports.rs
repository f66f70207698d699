//! AuthExports that the chart disables: the operator has no right to write Secrets, and each says so.

use crate::installed::{
    DEPLOYER, check_refused, create_as, install, operator, text, until_authors_are_judged,
};
use crate::support::{Environment, auth_config, credentials, export};
use k8s_openapi::api::core::v1::Secret;
use metorial_operator::settings::Settings;
use serde_json::Value;

const ENABLED: &str = "authExport.enabled=true";
const DISABLED: &str = "authExport.enabled=false";
/// Without the policy an AuthExport is admitted all the same.
const NO_POLICY: &str = "admissionPolicy.authorRights=Off";

/// Starts the operator as the chart does that disables AuthExports.
fn start_without_exports(env: &mut Environment) {
    let settings = Settings {
        serve_auth_exports: false,
        ..env.settings()
    };
    env.start_operator_with(settings);
}

/// Waits until RBAC lets the operator change Secrets, or no longer.
async fn until_secrets_may_be_changed(env: &Environment, expected: bool) {
    let operator = operator(env);
    env.until("the roles are in force", async || {
        let mut all = Vec::new();
        for verb in ["patch", "delete"] {
            let may = ["auth", "can-i", verb, "secrets/any", "--as", &operator];
            all.push(text(&env.kubectl(&may, "").await).trim() == "yes");
        }
        all.iter().all(|may| *may == expected).then_some(())
    })
    .await;
}

#[tokio::test]
async fn new_exports_are_refused_and_no_secret_may_be_written() {
    let mut env = Environment::new().await;
    install(&env, &[DISABLED]).await;
    until_authors_are_judged(&env).await;
    let worker: Value = export("worker", "linear", "linear-token").into();
    let refused = create_as(&env, DEPLOYER, &worker).await;
    check_refused(&refused, "AuthExports are disabled");
    let operator = operator(&env);
    for verb in ["create", "patch", "update", "delete"] {
        let may = ["auth", "can-i", verb, "secrets/any", "--as", &operator];
        let may = text(&env.kubectl(&may, "").await);
        // RBAC can't restrict create by name: the other policy does.
        let expected = if verb == "create" { "yes" } else { "no" };
        assert_eq!(may.trim(), expected, "{verb}");
    }
    start_without_exports(&mut env);
    env.create(credentials("github")).await;
    env.credentials("github").remove().await;
    env.connection("default").remove().await;
}

#[tokio::test]
async fn an_export_reports_that_it_is_disabled_keeps_its_secret_and_can_be_deleted() {
    let mut env = Environment::new().await;
    install(&env, &[NO_POLICY, ENABLED]).await;
    env.start_operator();
    env.value("token", "first").await;
    env.create(auth_config("linear")).await;
    env.create(export("worker", "linear", "linear-token")).await;
    env.stop_operator().await;

    install(&env, &[NO_POLICY, DISABLED]).await;
    until_secrets_may_be_changed(&env, false).await;
    start_without_exports(&mut env);
    env.apply(export("late", "linear", "late-token")).await;
    for name in ["worker", "late"] {
        let disabled = env.export(name);
        disabled
            .wait_message("Forbidden", "authExport.enabled: true")
            .await;
    }
    env.value("token", "second").await;
    env.auth_config("linear").wait_recorded().await;
    for name in ["worker", "late"] {
        env.export(name).reconcile_now().await;
    }
    assert_eq!(env.exports().len(), 1);
    let exported = env.secret_text("linear-token", "token").await;
    assert_eq!(exported.as_deref(), Some("first"));
    assert_eq!(env.secret_text("late-token", "token").await, None);
    env.export("worker").remove().await;
    env.wait_gone::<Secret>("linear-token").await;
    env.stop_operator().await;

    install(&env, &[NO_POLICY, ENABLED]).await;
    until_secrets_may_be_changed(&env, true).await;
    env.start_operator();
    env.wait_secret_text("late-token", "token", "second").await;
    env.export("late").wait_ready().await;
    env.check_oracles().await;
}
