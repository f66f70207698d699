//! One operator for each team, as docs/multi-tenancy.md shows it: the platform team applies the definitions, permissions and
//! policies, and the team, which may edit its namespace only, installs the rest.

use crate::chart::{check_rights, kubectl, restricted_namespace, until};
use crate::support::{fail, helm_chart, run, succeed};
use control_plane::ControlPlane;
use std::process::Command;

/// The values that both teams have, apart from the namespace.
const TEAM: [&str; 4] = [
    "crds.install=false",
    "rbac.create=false",
    "admissionPolicy.authorRights=Off",
    "admissionPolicy.operatorWrites=Off",
];

/// Renders templates for a namespace, or for all, and applies them as an administrator of the cluster.
async fn apply(plane: &ControlPlane, namespace: Option<&str>, templates: &[&str]) {
    let mut helm = helm_chart(plane, &["template", "metorial-operator"]);
    if let Some(namespace) = namespace {
        helm.args(["--namespace", namespace]);
        helm.args(["--set", &format!("watchNamespaces={{{namespace}}}")]);
    }
    for template in templates {
        helm.args(["--show-only", &format!("templates/{template}.yaml")]);
    }
    let rendered = succeed(helm).await;
    let apply = ["apply", "--server-side", "--filename", "-"];
    let applied = run(kubectl(plane, &apply), &rendered).await;
    assert!(applied.status.success(), "{applied:?}");
}

/// The command with which a member of a team installs its operator.
fn install(plane: &ControlPlane, release: &str, team: &str, values: &[&str]) -> Command {
    let mut helm = helm_chart(plane, &["install", release]);
    helm.args(["--namespace", team, "--kube-as-user", team]);
    helm.args(["--set", &format!("watchNamespaces={{{team}}}")]);
    for value in values {
        helm.args(["--set", value]);
    }
    helm
}

#[tokio::test]
async fn two_teams_install_operators_whose_permissions_an_administrator_applies() {
    let plane = ControlPlane::start().await.unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let crds = format!("{root}/crds/");
    let definitions = ["apply", "--server-side", "--filename", &crds];
    succeed(kubectl(&plane, &definitions)).await;
    apply(&plane, None, &["rbac-aggregate"]).await;
    for team in ["team-blue", "team-green"] {
        restricted_namespace(&plane, team).await;
        let (user, name) = (format!("--user={team}"), format!("{team}-edit"));
        let bind = ["create", "rolebinding", &name, "--clusterrole=edit", &user];
        let bind = [&bind[..], &["--namespace", team]].concat();
        succeed(kubectl(&plane, &bind)).await;
        until_may(&plane, team, "deployments.apps").await;
        // Kubernetes lets the team grant nothing.
        let alone = install(&plane, "alone", team, &["crds.install=false"]);
        let printed = fail(alone).await;
        assert!(printed.contains("forbidden"), "{printed}");
        let templates = [
            "rbac",
            "admission-author-rights",
            "admission-operator-writes",
        ];
        apply(&plane, Some(team), &templates).await;
        succeed(install(&plane, "metorial-operator", team, &TEAM)).await;
    }
    check_teams(&plane).await;
}

/// Waits until a team may create this in its namespace.
async fn until_may(plane: &ControlPlane, team: &str, resource: &str) {
    let create = ["auth", "can-i", "create", resource];
    let create = [&create[..], &["--as", team, "--namespace", team]].concat();
    until("the permission is in force", async || {
        run(kubectl(plane, &create), "").await.status.success()
    })
    .await;
}

/// Each operator has its permissions in the namespace of its team only, and each author may use what the team installed.
async fn check_teams(plane: &ControlPlane) {
    for (team, other) in [("team-blue", "team-green"), ("team-green", "team-blue")] {
        let operator = format!("system:serviceaccount:{team}:metorial-operator");
        let served = [
            "+watch providerauthcredentials.metorial.com",
            "+patch connections/status.metorial.com",
            "+get secrets",
            "+create leases.coordination.k8s.io",
        ];
        check_rights(plane, &operator, team, &served).await;
        let nothing = served.map(|line| line.replace('+', "-"));
        let nothing = nothing.each_ref().map(String::as_str);
        check_rights(plane, &operator, other, &nothing).await;
        until_may(plane, team, "connections.metorial.com").await;
        let policies = ["get", "validatingadmissionpolicies", "--output", "name"];
        let policies = succeed(kubectl(plane, &policies)).await;
        for policy in ["author-rights", "operator-writes"] {
            let name = format!("{team}-metorial-operator-{policy}");
            assert!(policies.contains(&name), "{policies}");
        }
    }
}
