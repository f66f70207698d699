//! Who creates or changes a resource must be allowed to get the Secrets that it refers to. The policy is the chart's, the
//! users have RBAC roles, and the API server decides.

use crate::admission_manifests::filled;
use crate::installed::{
    AUTHOR, DEPLOYER, check_admitted, check_refused, create_as, grant, install, kubectl_as, text,
    until_authors_are_judged,
};
use crate::support::{
    AllNamespaces, Environment, WORKLOADS, credentials, export, helm_chart, succeed, vault, with,
};
use metorial_operator::resources::definitions;
use serde_json::{Value, json};

/// A namespace where the chart is installed with this value of `admissionPolicy.authorRights`.
async fn judging(rights: &str) -> Environment {
    let env = Environment::new().await;
    install(&env, &[&format!("admissionPolicy.authorRights={rights}")]).await;
    if rights != "Off" {
        until_authors_are_judged(&env).await;
    }
    env
}

/// Credentials whose client secret is in a Secret of this name.
fn with_secret(name: &str) -> Value {
    let id = json!({"secretKeyRef": null, "value": "Iv1.0123456789"});
    let reference = json!({"secretKeyRef": {"name": name, "key": "client-secret"}});
    credentials("github")
        .spec(json!({"oauth": {"clientId": id, "clientSecret": reference}}))
        .into()
}

fn message(env: &Environment, name: &str) -> String {
    format!(
        "spec refers to the Secret {}/{name}, which {AUTHOR} may not get",
        env.namespace
    )
}

/// Every path below the spec of every kind at which a Secret can be named; `[]` stands for the items of a list.
fn paths_to_secrets() -> Vec<(String, Vec<String>)> {
    fn walk(schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = [path, std::slice::from_ref(name)].concat();
            match name.to_lowercase().contains("secretkeyref") {
                true => found.push(path),
                false => walk(field, &path, found),
            }
        }
        if schema["items"].is_object() {
            walk(
                &schema["items"],
                &[path, &["[]".to_owned()]].concat(),
                found,
            );
        }
    }
    let mut all = Vec::new();
    for definition in definitions() {
        let kind = definition.spec.names.kind.clone();
        let version = serde_json::to_value(&definition.spec.versions[0]).unwrap();
        let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
        let mut found = Vec::new();
        walk(spec, &[], &mut found);
        all.extend(found.into_iter().map(|path| (kind.clone(), path)));
    }
    all
}

/// A good manifest of the kind that names this Secret at this path and no other Secret that cannot be read.
fn naming(kind: &str, path: &[String], reference: &Value) -> Value {
    let good = filled()
        .into_iter()
        .find(|manifest| manifest["kind"] == kind);
    let mut manifest = with(good.unwrap(), json!({"metadata": {"name": "judged"}}));
    let mut at = &mut manifest["spec"];
    let (last, parents) = path.split_last().unwrap();
    for step in parents {
        at = match step.as_str() {
            "[]" => {
                *at = json!([{"pointer": "/a"}]);
                &mut at[0]
            }
            step => &mut at[step],
        };
    }
    // A source is a value, a ConfigMap or a Secret.
    if let Some(source) = at.as_object_mut() {
        source.retain(|name, _| name != "value" && name != "configMapKeyRef");
    }
    at[last.as_str()] = reference.clone();
    manifest
}

#[tokio::test]
async fn every_field_that_names_a_secret_needs_the_right_to_get_it() {
    let env = judging("Deny").await;
    // The Secrets that the good manifests name elsewhere.
    grant(&env, AUTHOR, "", "secrets/a", "get").await;
    grant(&env, AUTHOR, "", "secrets/oauth-app", "get").await;
    let paths = paths_to_secrets();
    assert!(paths.len() >= 8, "{paths:?}");
    for (kind, path) in paths.iter().filter(|(kind, _)| kind != "ClusterConnection") {
        let named = |name: &str| naming(kind, path, &json!({"name": name, "key": "b"}));
        let refused = create_as(&env, AUTHOR, &named("another")).await;
        check_refused(&refused, &message(&env, "another"));
        check_admitted(&create_as(&env, AUTHOR, &named("a")).await);
        check_admitted(&create_as(&env, DEPLOYER, &named("another")).await);
    }
}

#[tokio::test]
async fn a_change_of_the_spec_is_judged_and_no_other_change() {
    let env = judging("Deny").await;
    env.apply(with_secret("oauth-app")).await;
    let github = "providerauthcredentials/github";
    let patch = async |user, patch: Value| {
        let patch = patch.to_string();
        kubectl_as(
            &env,
            user,
            &["patch", github, "--type=merge", "-p", &patch],
            "",
        )
        .await
    };
    let annotations =
        json!({"metadata": {"annotations": {"a": "b"}, "finalizers": ["example.com/a"]}});
    check_admitted(&patch(AUTHOR, annotations).await);
    let free = json!({"metadata": {"finalizers": null}});
    check_admitted(&patch(AUTHOR, free).await);
    let same = with_secret("oauth-app");
    check_admitted(&patch(AUTHOR, json!({"spec": same["spec"]})).await);
    let described = json!({"spec": {"description": "changed"}});
    let refused = patch(AUTHOR, described.clone()).await;
    check_refused(&refused, &message(&env, "oauth-app"));
    let status = [
        "patch",
        github,
        "--type=merge",
        "--subresource=status",
        "-p",
        "{\"status\":{}}",
    ];
    check_admitted(&kubectl_as(&env, AUTHOR, &status, "").await);
    check_admitted(&patch(DEPLOYER, described).await);
    let reference = json!({"secretKeyRef": {"name": "metorial"}});
    let other = json!({"spec": {"oauth": {"clientSecret": reference}}});
    check_refused(
        &patch(AUTHOR, other.clone()).await,
        &message(&env, "metorial"),
    );
    grant(&env, AUTHOR, "", "secrets", "get").await;
    check_admitted(&patch(AUTHOR, other).await);
    let gone = ["delete", github, "--wait=false"];
    check_admitted(&kubectl_as(&env, AUTHOR, &gone, "").await);
}

#[tokio::test]
async fn an_auth_export_needs_the_right_to_create_secrets() {
    let env = judging("Deny").await;
    let worker = export("worker", "linear", "linear-token").into();
    let refused = create_as(&env, AUTHOR, &worker).await;
    check_refused(&refused, "author may not create Secrets");
    check_admitted(&create_as(&env, DEPLOYER, &worker).await);
    grant(&env, AUTHOR, "", "secrets", "create").await;
    check_admitted(&create_as(&env, AUTHOR, &worker).await);
}

#[tokio::test]
async fn workloads_to_restart_need_the_chart_to_permit_it_and_the_right_to_patch_them() {
    let restarting = |kind: &str| -> Value {
        let workload = json!([{"kind": kind, "name": "worker"}]);
        let worker = export("worker", "linear", "linear-token");
        worker.spec(json!({"rolloutRestart": workload})).into()
    };
    let env = judging("Deny").await;
    let refused = create_as(&env, DEPLOYER, &restarting("Deployment")).await;
    check_refused(
        &refused,
        "set rolloutRestart.enabled in the values of the operator's chart",
    );

    let env = Environment::new().await;
    install(&env, &["rolloutRestart.enabled=true"]).await;
    until_authors_are_judged(&env).await;
    grant(&env, AUTHOR, "", "secrets", "create").await;
    for (kind, resource) in WORKLOADS {
        let refused = create_as(&env, AUTHOR, &restarting(kind)).await;
        check_refused(&refused, &format!("author may not patch {kind}s"));
        check_admitted(&create_as(&env, DEPLOYER, &restarting(kind)).await);
        grant(&env, AUTHOR, "apps", resource, "patch").await;
        check_admitted(&create_as(&env, AUTHOR, &restarting(kind)).await);
    }
}

/// A vault with parts from this many Secrets.
fn with_secrets(count: usize) -> Value {
    let part = |number: usize| {
        let reference = json!({"name": format!("s{}", number % count), "key": "a"});
        json!({"pointer": format!("/p{number}"), "secretKeyRef": reference})
    };
    let parts: Vec<Value> = (0..64).map(part).collect();
    with(
        vault("many", "token"),
        json!({"spec": {"value": {"from": parts}}}),
    )
}

#[tokio::test]
async fn up_to_twenty_secrets_are_judged_one_by_one_and_more_need_the_right_to_get_all() {
    let env = judging("Deny").await;
    for number in 0..19 {
        grant(&env, AUTHOR, "", &format!("secrets/s{number}"), "get").await;
    }
    let last = create_as(&env, AUTHOR, &with_secrets(20)).await;
    check_refused(&last, &message(&env, "s19"));
    grant(&env, AUTHOR, "", "secrets/s19", "get").await;
    grant(&env, AUTHOR, "", "secrets/s20", "get").await;
    check_admitted(&create_as(&env, AUTHOR, &with_secrets(20)).await);
    let more = create_as(&env, AUTHOR, &with_secrets(21)).await;
    check_refused(&more, "spec refers to more than 20 Secrets");
    check_admitted(&create_as(&env, DEPLOYER, &with_secrets(64)).await);
}

#[tokio::test]
async fn warn_admits_with_a_warning_and_off_without() {
    let env = judging("Warn").await;
    let warned = create_as(&env, AUTHOR, &with_secret("oauth-app")).await;
    let said = text(&warned);
    assert!(warned.status.success(), "{said}");
    assert!(said.contains("Warning: Validation failed"), "{said}");
    assert!(said.contains(&message(&env, "oauth-app")), "{said}");
    check_admitted(&create_as(&env, DEPLOYER, &with_secret("oauth-app")).await);

    let env = judging("Off").await;
    check_admitted(&create_as(&env, AUTHOR, &with_secret("oauth-app")).await);
    let get = ["get", "validatingadmissionpolicies", "-o", "name"];
    let policies = env.kubectl_prints(&get, "").await;
    let ours = policies
        .lines()
        .filter(|name| name.contains(&env.namespace));
    assert!(
        !ours.collect::<String>().contains("author-rights"),
        "{policies}"
    );
}

#[tokio::test]
async fn a_namespaced_release_judges_authors_in_its_own_namespaces_only() {
    let env = judging("Deny").await;
    let elsewhere = Environment::new().await;
    grant(&elsewhere, AUTHOR, "metorial.com", "*", "*").await;
    check_refused(
        &create_as(&env, AUTHOR, &with_secret("oauth-app")).await,
        &message(&env, "oauth-app"),
    );
    check_admitted(&create_as(&elsewhere, AUTHOR, &with_secret("oauth-app")).await);
}

#[tokio::test]
async fn a_cluster_connection_needs_the_right_in_the_namespace_of_its_key() {
    let everywhere = AllNamespaces::new().await;
    let env = &everywhere.home;
    let mut helm = helm_chart(env.plane, &["upgrade", "--install", "metorial-operator"]);
    helm.args(["--namespace", &env.namespace, "--take-ownership"]);
    helm.args(["--set", "crds.install=false,replicaCount=0"]);
    succeed(helm).await;
    grant(env, AUTHOR, "metorial.com", "*", "*").await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "wide"},
        "rules": [{"apiGroups": ["metorial.com"], "resources": ["*"], "verbs": ["*"]}]
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "wide"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "wide"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": AUTHOR}]
    });
    for object in [role, binding] {
        env.kubectl_prints(&["apply", "-f", "-"], &object.to_string())
            .await;
    }
    until_authors_are_judged(env).await;
    let wide: Value = everywhere.cluster_connection("wide", json!(null)).into();
    let refused = create_as(env, AUTHOR, &wide).await;
    check_refused(&refused, &message(env, "metorial"));
    // The right counts where the key is.
    let other = everywhere.namespace(json!({})).await;
    grant(&other, AUTHOR, "", "secrets", "get").await;
    check_refused(
        &create_as(env, AUTHOR, &wide).await,
        &message(env, "metorial"),
    );
    grant(env, AUTHOR, "", "secrets/metorial", "get").await;
    check_admitted(&create_as(env, AUTHOR, &wide).await);
    let mut uninstall = env.plane.helm();
    uninstall.args([
        "uninstall",
        "metorial-operator",
        "--namespace",
        &env.namespace,
    ]);
    succeed(uninstall).await;
}
