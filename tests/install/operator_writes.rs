//! What the API server lets the operator write: the policy is the chart's, and the operator has its own token.

use crate::installed::{
    check_admitted, check_refused, grant, install, kubectl_as, operator, until_authors_are_judged,
    until_the_operator_is_judged,
};
use crate::support::{Environment, WORKLOADS, auth_config, credentials, export, secret, workload};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::{Value, json};

/// A namespace where the chart is installed and both policies are in force.
async fn judged() -> Environment {
    let env = Environment::new().await;
    install(&env, &[]).await;
    until_authors_are_judged(&env).await;
    until_the_operator_is_judged(&env).await;
    env
}

/// A Secret that a resource of ours owns, or seems to.
fn owned(name: &str, type_: &str) -> Value {
    let owner = json!({
        "apiVersion": "metorial.com/v1alpha1", "kind": "AuthExport", "name": "worker", "uid": "1"
    });
    let metadata = json!({
        "name": name,
        "ownerReferences": [owner],
        "annotations": {"kubernetes.io/service-account.name": "default"}
    });
    json!({"apiVersion": "v1", "kind": "Secret", "type": type_, "metadata": metadata})
}

async fn as_operator(env: &Environment, args: &[&str], manifest: &Value) -> std::process::Output {
    let args = [args, &["--dry-run=server"]].concat();
    let stdin = match manifest {
        Value::Null => String::new(),
        manifest => manifest.to_string(),
    };
    kubectl_as(env, &operator(env), &args, &stdin).await
}

#[tokio::test]
async fn it_writes_only_what_a_resource_of_its_own_kinds_owns_and_its_own_objects() {
    let env = judged().await;
    let create = ["create", "-f", "-"];
    let only = "may write only secrets that a resource of metorial.com owns";
    let plain = secret("any", &[("a", "b")]);
    check_refused(&as_operator(&env, &create, &plain).await, only);
    check_admitted(&as_operator(&env, &create, &owned("any", "Opaque")).await);
    let mut foreign = owned("any", "Opaque");
    foreign["metadata"]["ownerReferences"][0]["apiVersion"] = json!("apps/v1");
    check_refused(&as_operator(&env, &create, &foreign).await, only);

    let adopt = json!({"metadata": owned("oauth-app", "Opaque")["metadata"]}).to_string();
    for patch in [adopt.as_str(), r#"{"data": null}"#] {
        let patch = ["patch", "secret/oauth-app", "--type=merge", "-p", patch];
        check_refused(&as_operator(&env, &patch, &Value::Null).await, only);
    }
    let delete = ["delete", "secret/oauth-app"];
    check_refused(&as_operator(&env, &delete, &Value::Null).await, only);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "any"}});
    let only = "may write only configmaps that a resource of metorial.com owns";
    check_refused(&as_operator(&env, &create, &map).await, only);

    let key = secret("metorial-operator-fingerprint-key", &[("a", "b")]);
    check_admitted(&as_operator(&env, &create, &key).await);
    let mut orphans = map.clone();
    orphans["metadata"]["name"] = json!("metorial-orphans");
    check_admitted(&as_operator(&env, &create, &orphans).await);
}

#[tokio::test]
async fn it_writes_no_secret_that_kubernetes_turns_into_a_credential() {
    let env = judged().await;
    let create = ["create", "-f", "-"];
    for type_ in [
        "kubernetes.io/service-account-token",
        "bootstrap.kubernetes.io/token",
    ] {
        let refused = as_operator(&env, &create, &owned("any", type_)).await;
        check_refused(&refused, "turns into a credential");
        let own = owned("metorial-operator-fingerprint-key", type_);
        let refused = as_operator(&env, &create, &own).await;
        check_refused(&refused, "turns into a credential");
    }
    for type_ in ["Opaque", "example.com/token"] {
        check_admitted(&as_operator(&env, &create, &owned("any", type_)).await);
    }
}

#[tokio::test]
async fn it_does_all_of_its_work_under_both_policies() {
    let mut env = judged().await;
    env.start_operator();
    env.create(credentials("github").publishing("ids")).await;
    env.wait_for("ids", "published", |map: &ConfigMap| map.data.is_some())
        .await;
    env.value("token", "first").await;
    env.create(auth_config("linear")).await;
    env.create(export("worker", "linear", "linear-token")).await;
    env.wait_secret_text("linear-token", "token", "first").await;
    env.value("token", "second").await;
    env.wait_secret_text("linear-token", "token", "second")
        .await;
    // A Secret's type can't be changed: it is deleted and made again.
    let typed = json!({"secret": {"type": "example.com/token"}});
    env.export("worker").edit(typed).await;
    env.wait_for("linear-token", "of that type", |secret: &Secret| {
        secret.type_.as_deref() == Some("example.com/token") && secret.data.is_some()
    })
    .await;
    env.export("worker").wait_ready().await;
    env.export("worker").remove().await;
    env.wait_gone::<Secret>("linear-token").await;
    env.credentials("github").remove().await;
    env.wait_gone::<ConfigMap>("ids").await;
    env.auth_config("linear").remove().await;
    env.connection("default").remove().await;
    env.stop_operator().await;
}

#[tokio::test]
async fn it_changes_nothing_of_a_workload_but_its_own_annotation() {
    let env = Environment::new().await;
    install(&env, &["rolloutRestart.enabled=true"]).await;
    until_the_operator_is_judged(&env).await;
    let only = "may change only the annotation metorial.com/restarted-for";
    let template = |change: Value| json!({"spec": {"template": change}});
    let annotations = |key: &str| template(json!({"metadata": {"annotations": {key: "x"}}}));
    for (kind, resource) in WORKLOADS {
        let mut worker = workload(kind, "worker");
        worker["spec"]["template"]["metadata"]["annotations"] = json!({"theirs": "1"});
        env.apply(worker).await;
        // Where the operator only sends a patch, kubectl reads the object first.
        grant(&env, &operator(&env), "apps", resource, "get").await;
        let object = format!("{resource}/worker");
        let patch = async |change: &Value| {
            let change = change.to_string();
            let patch = ["patch", &object, "--type=merge", "-p", &change];
            as_operator(&env, &patch, &Value::Null).await
        };
        let restart = annotations("metorial.com/restarted-for");
        // The policy is in force a moment after it was installed.
        let image =
            json!({"spec": {"containers": [{"name": "app", "image": "example.com/other"}]}});
        env.until("the policy is in force", async || {
            let judged = patch(&template(image.clone())).await;
            (!judged.status.success()).then_some(())
        })
        .await;
        check_admitted(&patch(&restart).await);
        for refused in [
            template(image.clone()),
            annotations("theirs"),
            annotations("other"),
            template(json!({"metadata": {"annotations": null}})),
            template(json!({"metadata": {"labels": {"more": "x"}}})),
            template(json!({"spec": {"serviceAccountName": "admin"}})),
            json!({"spec": {"minReadySeconds": 7}}),
            json!({"metadata": {"labels": {"more": "x"}}}),
            json!({"metadata": {"annotations": {"more": "x"}}}),
            json!({"metadata": {"finalizers": ["example.com/a"]}}),
        ] {
            check_refused(&patch(&refused).await, only);
        }
    }
}
