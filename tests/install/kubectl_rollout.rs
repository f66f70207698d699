//! Installation, upgrade, rollback and uninstallation with kubectl and a kustomization, and the move to Helm, while an
//! operator runs and resources are in use. Every command is one of deploy/kustomize/README.md.

use crate::rollout::{NAMESPACE, Rollout, VERSIONS};
use crate::support::{fail, helm_chart, succeed};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const IMAGE: &str = "registry.example.com/metorial-operator";

/// A kustomization for each version, as in the README, which allows the simulator's address in addition.
struct Kustomizations<'a>(&'a Rollout);

impl Kustomizations<'_> {
    fn write(&self, version: &str) -> String {
        self.0.copy("manifests", version);
        let directory = self.0.copy("kustomize", version);
        let file = directory.join("kustomization.yaml");
        let url = self.0.sim.url();
        let patch = format!(
            "patches:
  - patch: |
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: metorial-operator
        namespace: {NAMESPACE}
      spec:
        template:
          spec:
            containers:
              - name: operator
                env:
                  - name: METORIAL_OPERATOR_ALLOWED_BASE_URLS
                    value: {url}
"
        );
        let text = fs::read_to_string(&file).unwrap() + &patch;
        fs::write(&file, text).unwrap();
        directory.to_str().unwrap().to_owned()
    }
}

fn apply<'a>(directory: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["apply", "--server-side", "-k", directory], more].concat()
}

/// Applies a version, and lets the Deployment's pod be replaced.
async fn move_to(
    cluster: &mut Rollout,
    directory: &str,
    version: &str,
    state: &BTreeMap<String, serde_json::Value>,
) {
    succeed(cluster.kubectl(&apply(directory, &[]))).await;
    succeed(cluster.kubectl(&["diff", "--server-side", "-k", directory])).await;
    assert_eq!(cluster.image().await, format!("{IMAGE}:{version}"));
    let column = if version == VERSIONS[1] {
        "Id"
    } else {
        "Identifier"
    };
    assert_eq!(cluster.column().await, column);
    cluster.roll().await;
    cluster.check_unchanged(state).await;
}

#[tokio::test]
async fn kubectl_installs_upgrades_and_rolls_back_and_nothing_is_written_or_lost() {
    let mut cluster = Rollout::new("kubectl").await;
    let [former, current] = VERSIONS.map(|version| Kustomizations(&cluster).write(version));
    succeed(cluster.kubectl(&apply(&former, &[]))).await;
    cluster.roll().await;
    cluster.apply_resources().await;
    let state = cluster.state().await;

    move_to(&mut cluster, &current, VERSIONS[1], &state).await;
    move_to(&mut cluster, &former, VERSIONS[0], &state).await;

    // Somebody who follows no document.
    let image = format!("operator={IMAGE}:{}", VERSIONS[1]);
    let set = [
        "set",
        "image",
        "deployment/metorial-operator",
        &image,
        "-n",
        NAMESPACE,
    ];
    succeed(cluster.kubectl(&set)).await;
    let refused = fail(cluster.kubectl(&apply(&former, &[]))).await;
    assert!(refused.contains("kubectl-set"), "{refused}");
    succeed(cluster.kubectl(&apply(&former, &["--force-conflicts"]))).await;
    move_to(&mut cluster, &current, VERSIONS[1], &state).await;
}

#[tokio::test]
async fn kubectl_uninstalls_and_installs_again_and_nothing_is_written_or_lost() {
    let mut cluster = Rollout::new("again").await;
    let current = Kustomizations(&cluster).write(VERSIONS[1]);
    succeed(cluster.kubectl(&apply(&current, &[]))).await;
    cluster.roll().await;
    cluster.apply_resources().await;
    let state = cluster.state().await;

    let operator = Path::new(&current)
        .parent()
        .unwrap()
        .join("manifests/operator.yaml");
    let operator = operator.to_str().unwrap();
    succeed(cluster.kubectl(&["delete", "-f", operator])).await;
    cluster.stop().await;
    assert_eq!(cluster.state().await, state);

    succeed(cluster.kubectl(&apply(&current, &[]))).await;
    cluster.roll().await;
    cluster.check_unchanged(&state).await;
    cluster.delete_resources().await;
    cluster.stop().await;
    succeed(cluster.kubectl(&["delete", "-k", &current])).await;
    let left = succeed(cluster.kubectl(&["get", "crds", "-o", "name"])).await;
    assert_eq!(left, "");
}

#[tokio::test]
async fn an_installation_moves_from_kubectl_to_helm_and_nothing_is_written_or_lost() {
    let mut cluster = Rollout::new("move").await;
    let [former, _] = VERSIONS.map(|version| Kustomizations(&cluster).write(version));
    succeed(cluster.kubectl(&apply(&former, &[]))).await;
    cluster.roll().await;
    cluster.apply_resources().await;
    let state = cluster.state().await;

    let image = format!("image.repository={IMAGE}");
    let urls = format!("allowedBaseUrls={{{}}}", cluster.sim.url());
    let fixed = ["--namespace", NAMESPACE, "--set", &image, "--set", &urls];
    let mut install = helm_chart(&cluster.plane, &["install", "metorial-operator"]);
    install
        .args(fixed)
        .args(["--take-ownership", "--force-conflicts"]);
    succeed(install).await;
    assert_eq!(cluster.image().await, format!("{IMAGE}:{}", VERSIONS[1]));
    assert_eq!(cluster.column().await, "Id");
    cluster.roll().await;
    cluster.check_unchanged(&state).await;

    // From now on Helm changes and removes what kubectl had made.
    let mut upgrade = helm_chart(&cluster.plane, &["upgrade", "metorial-operator"]);
    upgrade
        .args(fixed)
        .args(["--set", "metrics.service.enabled=false"]);
    succeed(upgrade).await;
    let services = ["get", "service", "-n", NAMESPACE, "-o", "name"];
    assert_eq!(succeed(cluster.kubectl(&services)).await, "");
    let mut uninstall = cluster.plane.helm();
    uninstall.args(["uninstall", "metorial-operator", "--namespace", NAMESPACE]);
    succeed(uninstall).await;
    cluster.stop().await;
    assert_eq!(cluster.state().await, state);
    let deployments = [
        "get",
        "deployment,clusterrole",
        "-n",
        NAMESPACE,
        "-o",
        "name",
    ];
    let left = succeed(cluster.kubectl(&deployments)).await;
    assert!(!left.contains("metorial"), "{left}");
}
