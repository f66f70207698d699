//! The chart as people use it: rendered, installed, upgraded and uninstalled by Helm on a real control plane, and as
//! one manifest for kubectl.

use crate::support::{PATIENCE, helm_chart, run, succeed};
use control_plane::ControlPlane;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, PostParams};
use metorial_operator::resources::definitions;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use tokio::time::{Duration, Instant, sleep};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub async fn shared() -> &'static ControlPlane {
    tokio::task::spawn_blocking(ControlPlane::shared)
        .await
        .unwrap()
}

pub fn helm(plane: &ControlPlane, args: &[&str]) -> Command {
    let mut helm = plane.helm();
    helm.args(args);
    helm
}

pub fn kubectl(plane: &ControlPlane, args: &[&str]) -> Command {
    let mut kubectl = plane.kubectl();
    kubectl.args(args);
    kubectl
}

/// The release `metorial-operator` in the namespace `metorial-system`: `verb` is install or upgrade.
fn release(plane: &ControlPlane, verb: &str, values: &[&str]) -> Command {
    let mut helm = helm_chart(plane, &[verb, "metorial-operator"]);
    helm.args(["--namespace", "metorial-system"]);
    for value in values {
        helm.args(["--set", value]);
    }
    helm
}

/// A namespace that admits only what the strictest of Kubernetes' pod standards allows.
pub async fn restricted_namespace(plane: &ControlPlane, name: &str) {
    succeed(kubectl(plane, &["create", "namespace", name])).await;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    succeed(kubectl(plane, &["label", "namespace", name, label])).await;
}

/// Whether RBAC lets somebody do something: `verb resource[/subresource]` in a namespace, or everywhere.
async fn may(plane: &ControlPlane, user: &str, what: &str, namespace: &str) -> bool {
    let (verb, resource) = what.split_once(' ').unwrap();
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let attributes = ResourceAttributes {
        verb: text(verb),
        group: text(group),
        resource: text(resource),
        subresource: text(subresource),
        namespace: text(namespace),
        ..ResourceAttributes::default()
    };
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: text(user),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let api: Api<SubjectAccessReview> = Api::all(plane.client());
    let answer = api.create(&PostParams::default(), &review).await.unwrap();
    answer.status.unwrap().allowed
}

/// Checks what a user may (`+verb resource`) and may not (`-verb resource`) do.
pub async fn check_rights(plane: &ControlPlane, user: &str, namespace: &str, table: &[&str]) {
    for line in table {
        let (sign, what) = line.split_at(1);
        let may = may(plane, user, what, namespace).await;
        assert_eq!(may, sign == "+", "{user} in {namespace:?}: {line}");
    }
}

/// Waits until a program prints what is wanted.
pub async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        assert!(Instant::now() < deadline, "never came: {what}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn has_a_pod(plane: &ControlPlane, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(plane.client(), namespace);
    until("the Deployment's pod is admitted", async || {
        !pods
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    })
    .await;
}

/// The names of our definitions that the cluster has.
async fn installed_definitions(plane: &ControlPlane) -> BTreeSet<String> {
    let printed = succeed(kubectl(plane, &["get", "crds", "-o", "name"])).await;
    let ours = printed.lines().filter_map(|line| {
        let name = line.rsplit('/').next()?;
        name.ends_with(".metorial.com").then(|| name.to_owned())
    });
    ours.collect()
}

fn all_definitions() -> BTreeSet<String> {
    definitions()
        .into_iter()
        .filter_map(|it| it.metadata.name)
        .collect()
}

const OPERATOR: &str = "system:serviceaccount:metorial-system:metorial-operator";

/// What the operator may and may not do where it serves all namespaces.
const EVERYWHERE: [&str; 11] = [
    "+watch connections.metorial.com",
    "+patch providerauthcredentials/status.metorial.com",
    "+get secrets",
    "+get namespaces",
    "-delete connections.metorial.com",
    "-create providerauthcredentials.metorial.com",
    "-get customresourcedefinitions.apiextensions.k8s.io",
    "-get pods",
    "-create serviceaccounts/token",
    "-impersonate users",
    "-escalate clusterroles.rbac.authorization.k8s.io",
];

#[tokio::test]
async fn helm_installs_upgrades_and_uninstalls_and_the_resources_survive() {
    let plane = ControlPlane::start().await.unwrap();
    restricted_namespace(&plane, "metorial-system").await;
    succeed(release(&plane, "install", &[])).await;
    assert_eq!(installed_definitions(&plane).await, all_definitions());
    has_a_pod(&plane, "metorial-system").await;
    check_rights(&plane, OPERATOR, "", &EVERYWHERE).await;
    let example = root().join("examples/quickstart");
    let mut apply = kubectl(&plane, &["apply", "-k"]);
    apply.arg(example);
    until("the definitions are served", async || {
        run(kubectl(&plane, &["get", "metorial"]), "")
            .await
            .status
            .success()
    })
    .await;
    succeed(apply).await;

    succeed(release(&plane, "upgrade", &["log.level=debug"])).await;
    let level = "{.spec.template.spec.containers[0].env[?(@.name=='METORIAL_OPERATOR_LOG')].value}";
    let output = format!("jsonpath={level}");
    let deployment = [
        "-n",
        "metorial-system",
        "get",
        "deployment",
        "metorial-operator",
        "-o",
    ];
    let level = succeed(kubectl(&plane, &[&deployment[..], &[&output]].concat())).await;
    assert_eq!(level, "debug");

    let uninstall = [
        "uninstall",
        "metorial-operator",
        "--namespace",
        "metorial-system",
    ];
    succeed(helm(&plane, &uninstall)).await;
    assert_eq!(installed_definitions(&plane).await, all_definitions());
    let left = succeed(kubectl(&plane, &["get", "metorial", "-o", "name"])).await;
    assert_eq!(left.lines().count(), 2, "{left}");
    check_rights(&plane, OPERATOR, "", &["-get secrets", "-get namespaces"]).await;

    succeed(release(&plane, "install", &["crds.keep=false"])).await;
    succeed(helm(&plane, &uninstall)).await;
    until("the definitions are gone with the release", async || {
        installed_definitions(&plane).await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_namespaced_release_may_do_nothing_anywhere_else() {
    let plane = shared().await;
    for namespace in ["metorial-system", "team-a", "team-b", "team-c"] {
        restricted_namespace(plane, namespace).await;
    }
    let values = [
        "watchNamespaces={team-a,team-b}",
        "crds.install=false",
        "admissionPolicy.authorRights=Off",
        "admissionPolicy.operatorWrites=Off",
    ];
    succeed(release(plane, "install", &values)).await;
    has_a_pod(plane, "metorial-system").await;
    let manifest = [
        "get",
        "manifest",
        "metorial-operator",
        "--namespace",
        "metorial-system",
    ];
    let manifest = succeed(helm(plane, &manifest)).await;
    for cluster_wide in ["kind: Cluster", "kind: Validating", "kind: Custom"] {
        assert!(!manifest.contains(cluster_wide), "{manifest}");
    }

    let served = [
        "+get secrets",
        "+watch connections.metorial.com",
        "+create events.events.k8s.io",
    ];
    for namespace in ["team-a", "team-b"] {
        check_rights(plane, OPERATOR, namespace, &served).await;
    }
    let nothing = served.map(|line| line.replace('+', "-"));
    let nothing = nothing.each_ref().map(String::as_str);
    for namespace in ["team-c", "default", "kube-system", ""] {
        check_rights(plane, OPERATOR, namespace, &nothing).await;
    }
    let elsewhere = ["-get clusterconnections.metorial.com", "-list namespaces"];
    check_rights(plane, OPERATOR, "", &elsewhere).await;
    let own = [
        "+create leases.coordination.k8s.io",
        "+create secrets",
        "-list secrets",
    ];
    check_rights(plane, OPERATOR, "metorial-system", &own).await;

    let without_exports = [&values[..], &["authExport.enabled=false"]].concat();
    succeed(release(plane, "upgrade", &without_exports)).await;
    let reported = [
        "-create secrets",
        "-patch secrets",
        "-delete secrets",
        "+watch authexports.metorial.com",
        "+patch authexports.metorial.com",
        "+patch authexports/status.metorial.com",
    ];
    until("the upgraded roles are in force", async || {
        !may(plane, OPERATOR, "create secrets", "team-a").await
    })
    .await;
    check_rights(plane, OPERATOR, "team-a", &reported).await;
}

#[tokio::test]
async fn one_manifest_installs_it_with_kubectl_and_again_without_a_change() {
    let plane = ControlPlane::start().await.unwrap();
    let manifest = root().join("deploy/manifests/install.yaml");
    let manifest = manifest.to_str().unwrap();
    let apply = [
        "apply",
        "--server-side",
        "--warnings-as-errors",
        "-f",
        manifest,
    ];
    succeed(kubectl(&plane, &apply)).await;
    assert_eq!(installed_definitions(&plane).await, all_definitions());
    has_a_pod(&plane, "metorial-system").await;
    succeed(kubectl(&plane, &["diff", "--server-side", "-f", manifest])).await;
    check_aggregated_roles(&plane).await;
    for kind in ["policies", "policybindings"] {
        let kind = format!("validatingadmission{kind}");
        let printed = succeed(kubectl(&plane, &["get", &kind, "-o", "name"])).await;
        for name in ["author-rights", "operator-writes"] {
            let name = format!("metorial-operator-{name}");
            assert!(printed.contains(&name), "{kind}: {printed}");
        }
    }
}

/// Who may view a namespace sees our kinds, who may edit it writes them, and nobody but an administrator of the
/// cluster writes a ClusterConnection.
async fn check_aggregated_roles(plane: &ControlPlane) {
    for role in ["view", "edit", "admin"] {
        let (role, user) = (format!("--clusterrole={role}"), format!("--user={role}"));
        let args = [
            "create",
            "rolebinding",
            &user[2..].replace('=', "-"),
            &role,
            &user,
        ];
        succeed(kubectl(plane, &args)).await;
    }
    until("the roles are aggregated", async || {
        may(plane, "edit", "create connections.metorial.com", "default").await
    })
    .await;
    let view = [
        "+list connections.metorial.com",
        "-create connections.metorial.com",
    ];
    check_rights(plane, "view", "default", &view).await;
    for user in ["edit", "admin"] {
        let edit = [
            "+list providerauthcredentials.metorial.com",
            "+delete providerauthcredentials.metorial.com",
            "-patch providerauthcredentials/status.metorial.com",
            "-create clusterconnections.metorial.com",
        ];
        check_rights(plane, user, "default", &edit).await;
    }
}
