//! The chart, installed by Helm for the namespace of a test, and users with the rights of an author there.

use crate::support::{Environment, SERVICE_ACCOUNT, helm_chart, run, succeed};
use serde_json::{Value, json};
use std::process::Output;

/// All verbs on the operator's kinds in the namespace, and no right on Secrets.
pub const AUTHOR: &str = "author";
/// Everything in the namespace, as the ServiceAccount of a GitOps controller has it.
pub const DEPLOYER: &str = "deployer";

/// Installs the chart without pods for the namespace of `env`, or upgrades it to other values, and makes the users.
pub async fn install(env: &Environment, values: &[&str]) {
    let mut helm = helm_chart(env.plane, &["upgrade", "--install", SERVICE_ACCOUNT]);
    // The namespace of every test has the operator's roles already.
    helm.args([
        "--namespace",
        &env.namespace,
        "--take-ownership",
        "--force-conflicts",
    ]);
    let namespaces = format!("watchNamespaces={{{}}}", env.namespace);
    let fixed = [&namespaces, "crds.install=false", "replicaCount=0"];
    for value in fixed.iter().chain(values) {
        helm.args(["--set", value]);
    }
    succeed(helm).await;
    grant(env, AUTHOR, "metorial.com", "*", "*").await;
    grant(env, DEPLOYER, "*", "*", "*").await;
}

/// Waits until the API server applies the policy for authors, which it does a moment after it was installed.
pub async fn until_authors_are_judged(env: &Environment) {
    let probe = json!({
        "apiVersion": "metorial.com/v1alpha1", "kind": "Connection", "metadata": {"name": "probe"},
        "spec": {"apiKey": {"secretKeyRef": {"name": "no-such-secret", "key": "a"}}}
    });
    env.until("authors are judged", async || {
        let judged = create_as(env, AUTHOR, &probe).await;
        text(&judged).contains("no-such-secret").then_some(())
    })
    .await;
}

/// Waits until the API server applies the policy for the operator.
pub async fn until_the_operator_is_judged(env: &Environment) {
    let probe = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}
    });
    env.until("the operator is judged", async || {
        let judged = create_as(env, &operator(env), &probe).await;
        text(&judged).contains("may write only").then_some(())
    })
    .await;
}

/// The operator's user.
pub fn operator(env: &Environment) -> String {
    format!("system:serviceaccount:{}:{SERVICE_ACCOUNT}", env.namespace)
}

/// Lets a user do this in the namespace: `resource` or `resource/name`.
pub async fn grant(env: &Environment, user: &str, group: &str, resource: &str, verb: &str) {
    let (resource, name) = match resource.split_once('/') {
        Some((resource, name)) => (resource, json!([name])),
        None => (resource, Value::Null),
    };
    let role = format!("{user}-{:08x}", rand::random::<u32>());
    let rule = json!({
        "apiGroups": [group], "resources": [resource], "resourceNames": name, "verbs": [verb]
    });
    let (api, group) = ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io");
    let subject = json!({"apiGroup": group, "kind": "User", "name": user});
    env.apply(json!({
        "apiVersion": api, "kind": "Role", "metadata": {"name": role}, "rules": [rule]
    }))
    .await;
    env.apply(json!({
        "apiVersion": api, "kind": "RoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": role}, "subjects": [subject]
    }))
    .await;
}

/// What kubectl says when a user creates this, without storing it.
pub async fn create_as(env: &Environment, user: &str, manifest: &Value) -> Output {
    let args = ["create", "--dry-run=server", "-f", "-"];
    kubectl_as(env, user, &args, &manifest.to_string()).await
}

/// Runs kubectl as a user.
pub async fn kubectl_as(env: &Environment, user: &str, args: &[&str], stdin: &str) -> Output {
    let mut kubectl = env.plane.kubectl();
    kubectl
        .args(["--as", user, "-n", &env.namespace])
        .args(args);
    run(kubectl, stdin).await
}

/// Everything that a program printed.
pub fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// It succeeded and had nothing to warn of.
pub fn check_admitted(output: &Output) {
    let text = text(output);
    assert!(
        output.status.success() && !text.contains("Warning"),
        "{text}"
    );
}

/// The policy refused it with this in its message.
pub fn check_refused(output: &Output, message: &str) {
    let text = text(output);
    assert!(!output.status.success(), "{text}");
    assert!(text.contains("ValidatingAdmissionPolicy"), "{text}");
    assert!(text.contains(message), "{message} is not in: {text}");
}
