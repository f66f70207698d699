//! A Secret that Kubernetes refuses in the form that the spec wants: the one that exists stays, and every export is recorded.

use crate::support::policies::{NO_TYPE, SAYS};
use crate::support::{Environment, Kind, Manifest, auth_config, export};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::PostParams;
use metorial_simulator::{Action, Fault};
use serde_json::{Value, json};

/// The export of `linear` into the Secret `linear-token`.
fn worker() -> Manifest {
    export("worker", "linear", "linear-token")
}

fn of_type(type_: impl Into<Value>) -> Value {
    json!({"secret": {"type": type_.into()}})
}

impl Environment {
    /// An export of `first` that reached its Secret, which is returned.
    async fn exported(&self, spec: Value) -> Secret {
        self.value("token", "first").await;
        self.apply(auth_config("linear")).await;
        self.create(worker().spec(spec)).await;
        self.wait_secret_text("linear-token", "token", "first")
            .await;
        self.export("worker").wait_ready().await;
        self.secret().await
    }

    /// Whether the Secret can't have another type, tried without effect.
    async fn is_other_type_refused(&self) -> bool {
        let mut probe = Secret::default();
        probe.metadata.name = Some("linear-token".to_owned());
        probe.type_ = Some("example.com/token".to_owned());
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let tried = self.api::<Secret>().create(&params, &probe).await;
        matches!(tried, Err(kube::Error::Api(status)) if status.message.contains(SAYS))
    }

    async fn secret(&self) -> Secret {
        self.api::<Secret>().get("linear-token").await.unwrap()
    }
}

#[tokio::test]
async fn another_type_that_kubernetes_refuses_leaves_the_secret_as_it_is() {
    for (type_, key) in [
        ("kubernetes.io/tls", "tls.crt"),
        ("kubernetes.io/basic-auth", "username"),
    ] {
        let mut env = Environment::running().await;
        let before = env.exported(json!({"maxPerDay": 1})).await;
        env.export("worker").edit(of_type(type_)).await;
        let refused = env.export("worker").wait_message("InvalidSpec", key).await;
        let message = refused.message();
        assert!(message.contains("is unchanged"), "{message}");
        assert_eq!(env.secret().await, before, "{type_}");

        env.restart_operator();
        let refused = env.export("worker").reconcile_now().await;
        assert_eq!(refused.reason(), "InvalidSpec", "{}", refused.message());
        assert_eq!(env.secret().await, before, "{type_}: after a restart");
        env.export("worker").edit(of_type(Value::Null)).await;
        env.export("worker").wait_ready().await;
        assert_eq!(env.secret().await, before, "{type_}: set back");
        assert_eq!(env.exports().len(), 1, "{type_}");
        env.check_oracles().await;
    }
}

#[tokio::test]
async fn another_type_that_a_policy_refuses_for_this_name_replaces_the_secret_once_it_is_accepted()
{
    let env = Environment::running().await;
    let before = env.exported(json!({})).await;
    let refused = async |env: &Environment| env.is_other_type_refused().await;
    env.refuse(NO_TYPE, refused).await;
    env.export("worker")
        .edit(of_type("example.com/token"))
        .await;
    env.export("worker").wait_message("Forbidden", SAYS).await;
    assert_eq!(env.secret().await, before);

    env.refuse_no_longer(refused).await;
    env.export("worker").request_reconcile().await;
    env.wait_for("linear-token", "the new type", |secret: &Secret| {
        secret.type_.as_deref() == Some("example.com/token")
    })
    .await;
    env.export("worker").wait_ready().await;
    env.wait_secret_text("linear-token", "token", "first").await;
    assert_ne!(env.secret().await.uid(), before.uid());
    assert_eq!(env.exports().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn another_type_that_refuses_the_value_itself_leaves_the_secret_as_it_is() {
    let env = Environment::running().await;
    let value = json!({".dockerconfigjson": "canary-8151"});
    let answer = Action::rewrite(move |body| body["value"] = value.clone());
    let fault = Fault::on("POST", Kind::Export.path());
    env.sim.faults().add(fault, answer);
    env.value("token", "first").await;
    env.apply(auth_config("linear")).await;
    env.create(worker()).await;
    let before = env.secret().await;
    let docker = of_type("kubernetes.io/dockerconfigjson");
    env.export("worker").edit(docker).await;
    env.export("worker")
        .wait_message("InvalidSpec", "does not fit")
        .await;
    assert_eq!(env.secret().await, before);
    env.export("worker").edit(of_type(Value::Null)).await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.secret().await, before);
    assert_eq!(env.exports().len(), 1);
    env.check_no_leak(&["canary-8151"]).await;
}

#[tokio::test]
async fn another_form_of_the_secret_costs_no_export_even_after_a_restart() {
    let mut env = Environment::running().await;
    let before = env.exported(json!({"maxPerDay": 1})).await;
    env.stop_operator().await;
    let form = json!({"secret": {"type": "example.com/token", "labels": {"app": "worker"}}});
    env.export("worker").edit(form).await;
    env.start_operator();
    env.wait_for("linear-token", "in its new form", |secret: &Secret| {
        secret.type_.as_deref() == Some("example.com/token") && secret.labels().contains_key("app")
    })
    .await;
    env.export("worker").wait_ready().await;
    let after = env.secret().await;
    assert_eq!(after.data, before.data);
    env.restart_operator();
    env.export("worker").reconcile_now().await;
    assert_eq!(env.secret().await, after);
    assert_eq!(env.exports().len(), 1);
    env.check_oracles().await;
}

#[tokio::test]
async fn exports_whose_secret_is_refused_are_recorded_and_count_after_a_restart() {
    let mut env = Environment::running().await;
    env.value("token", "0").await;
    env.apply(auth_config("linear")).await;
    let spec = json!({"secret": {"type": "kubernetes.io/tls"}, "maxPerDay": 3});
    env.apply(worker().spec(spec)).await;
    for made in 1..=3 {
        env.export("worker")
            .wait("recorded", |export| {
                let recent = export.field("recentExports").as_array();
                recent.is_some_and(|recent| recent.len() == made)
            })
            .await;
        assert_eq!(env.exports().len(), made);
        env.value("token", &made.to_string()).await;
    }
    env.wait_imports(3).await;
    let refused = env.export("worker").reconcile_now().await;
    assert_eq!(refused.reason(), "InvalidSpec", "{}", refused.message());
    let newest = env.exports().last().map(|export| export.id.clone());
    assert_eq!(refused.field("exportId").as_str(), newest.as_deref());
    assert!(refused.field("secretFingerprint").is_null());

    env.stop_operator().await;
    env.start_operator();
    let after = env.export("worker").reconcile_now().await;
    assert_eq!(after.reason(), "ExportBudgetSpent", "{}", after.message());
    env.check_quiet().await;
    assert_eq!(env.exports().len(), 3, "a restart exports nothing");
    let fits = json!({"secret": {"type": null}, "maxPerDay": 4});
    env.export("worker").edit(fits).await;
    env.wait_secret_text("linear-token", "token", "3").await;
    env.export("worker").wait_ready().await;
    assert_eq!(env.exports().len(), 4, "the value was lost");
    env.check_oracles().await;
}

#[tokio::test]
async fn a_value_whose_secret_is_refused_is_written_once_the_spec_fits_whatever_the_budget() {
    let env = Environment::running().await;
    env.exported(json!({"maxPerDay": 2})).await;
    env.export("worker")
        .edit(of_type("kubernetes.io/tls"))
        .await;
    env.export("worker")
        .wait_message("InvalidSpec", "tls.crt")
        .await;
    env.value("token", "second").await;
    env.export("worker")
        .wait("recorded", |export| {
            let recent = export.field("recentExports").as_array();
            recent.is_some_and(|recent| recent.len() == 2)
        })
        .await;
    assert_eq!(
        env.secret_text("linear-token", "token").await.as_deref(),
        Some("first")
    );
    env.value("token", "third").await;
    env.wait_imports(2).await;
    env.export("worker").edit(of_type(Value::Null)).await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    env.export("worker").wait_reason("ExportBudgetSpent").await;
    assert_eq!(env.exports().len(), 2, "the value was still known");
    env.export("worker").edit(json!({"maxPerDay": 3})).await;
    env.wait_secret_text("linear-token", "token", "third").await;
    env.export("worker").wait_ready().await;
    env.check_oracles().await;
}
