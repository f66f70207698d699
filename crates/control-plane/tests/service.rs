//! Behavior of a running control plane: controllers, RBAC, the audit log, kubectl, helm and kubeconfigs.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails where it unwraps; so do the functions it calls"
)]

mod support;

use std::fs;
use std::process::Command;

use control_plane::ControlPlane;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use serde_json::Value;

use support::{
    config_map_names, default_service_account, eventually, new_namespace, write_config_map,
};

#[tokio::test]
async fn the_built_in_controllers_work() {
    let client = ControlPlane::shared().client();
    let namespace = new_namespace(&client).await;

    default_service_account(&client, &namespace).await;

    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    eventually("the namespace has the root certificate", async || {
        config_maps.get("kube-root-ca.crt").await
    })
    .await;
}

#[tokio::test]
async fn a_service_account_may_do_what_it_was_granted_and_nothing_else() {
    let control_plane = ControlPlane::shared();
    let admin = control_plane.client();
    let (namespace, client) = service_account_of_new_namespace(control_plane).await;

    let refused = config_map_names(&client, &namespace).await.unwrap_err();
    assert!(is_forbidden(&refused), "{refused:?}");

    grant_listing_of_config_maps(&admin, &namespace).await;
    eventually("the role lets it list ConfigMaps", async || {
        config_map_names(&client, &namespace).await
    })
    .await;
    let refused = write_config_map(&client, &namespace, "x")
        .await
        .unwrap_err();
    assert!(is_forbidden(&refused), "{refused:?}");
}

#[tokio::test]
async fn the_audit_log_records_the_verbs_of_a_service_account() {
    let control_plane = ControlPlane::shared();
    let (namespace, client) = service_account_of_new_namespace(control_plane).await;

    let _ = config_map_names(&client, &namespace).await;
    let _ = write_config_map(&client, &namespace, "x").await;

    let user = format!("system:serviceaccount:{namespace}:default");
    eventually("the audit log has both requests", async || {
        let text = fs::read_to_string(control_plane.audit_log()).unwrap();
        let verbs: Vec<String> = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|event| event["user"]["username"] == *user)
            .map(|event| event["verb"].as_str().unwrap().to_owned())
            .collect();
        if verbs == ["list", "create"] {
            Ok(())
        } else {
            Err(verbs)
        }
    })
    .await;
}

#[tokio::test]
async fn kubectl_and_helm_reach_the_api_server() {
    let control_plane = ControlPlane::shared();
    let namespaces = output(
        control_plane
            .kubectl()
            .args(["get", "namespaces", "--output=name"]),
    );
    assert!(namespaces.contains("namespace/kube-system"), "{namespaces}");

    let releases = output(
        control_plane
            .helm()
            .args(["list", "--all-namespaces", "--output=json"]),
    );
    assert_eq!(releases.trim(), "[]");
}

#[tokio::test]
async fn a_kubeconfig_file_authenticates_as_its_service_account() {
    let control_plane = ControlPlane::shared();
    let (namespace, _) = service_account_of_new_namespace(control_plane).await;

    let file = control_plane
        .kubeconfig_file_for_service_account(&namespace, "default")
        .await
        .unwrap();

    let who = output(control_plane.kubectl().arg("--kubeconfig").arg(file).args([
        "auth",
        "whoami",
        "--output=jsonpath={.status.userInfo.username}",
    ]));
    assert_eq!(who, format!("system:serviceaccount:{namespace}:default"));
}

/// Creates a namespace and returns its name and a client of its default ServiceAccount.
async fn service_account_of_new_namespace(control_plane: &ControlPlane) -> (String, Client) {
    let admin = control_plane.client();
    let namespace = new_namespace(&admin).await;
    default_service_account(&admin, &namespace).await;
    let client = control_plane.client_for(&namespace, "default").await;
    (namespace, client.unwrap())
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

async fn grant_listing_of_config_maps(admin: &Client, namespace: &str) {
    let metadata = ObjectMeta {
        name: Some("list-config-maps".to_owned()),
        ..ObjectMeta::default()
    };
    let role = Role {
        metadata: metadata.clone(),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["configmaps".to_owned()]),
            verbs: vec!["list".to_owned()],
            ..PolicyRule::default()
        }]),
    };
    let binding = RoleBinding {
        metadata,
        role_ref: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: "Role".to_owned(),
            name: "list-config-maps".to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: "default".to_owned(),
            namespace: Some(namespace.to_owned()),
            ..Subject::default()
        }]),
    };
    let roles: Api<Role> = Api::namespaced(admin.clone(), namespace);
    roles.create(&PostParams::default(), &role).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), namespace);
    bindings
        .create(&PostParams::default(), &binding)
        .await
        .unwrap();
}
