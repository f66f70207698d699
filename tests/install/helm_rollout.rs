//! Installation, upgrade, rollback and uninstallation with Helm, while an operator runs and resources are in use.

use crate::rollout::{NAMESPACE, Rollout, VERSIONS};
use crate::support::{helm_of, succeed};
use std::path::Path;
use std::process::Command;

fn release(cluster: &Rollout, verb: &str, chart: &Path) -> Command {
    let mut helm = helm_of(&cluster.plane, &[verb, "metorial-operator"], chart);
    let urls = format!("allowedBaseUrls={{{}}}", cluster.sim.url());
    helm.args([
        "--namespace",
        NAMESPACE,
        "--create-namespace",
        "--set",
        &urls,
    ]);
    helm
}

async fn check_version(cluster: &Rollout, version: &str) {
    let image = format!("metorial-operator:{version}");
    assert_eq!(cluster.image().await, image);
    let column = if version == VERSIONS[1] {
        "Id"
    } else {
        "Identifier"
    };
    assert_eq!(cluster.column().await, column);
}

#[tokio::test]
async fn helm_installs_upgrades_rolls_back_and_uninstalls_and_nothing_is_written_or_lost() {
    let mut cluster = Rollout::new("helm").await;
    let [former, current] = VERSIONS.map(|version| cluster.copy("chart", version));
    succeed(release(&cluster, "install", &former)).await;
    check_version(&cluster, VERSIONS[0]).await;
    cluster.roll().await;
    cluster.apply_resources().await;
    let state = cluster.state().await;

    succeed(release(&cluster, "upgrade", &current)).await;
    check_version(&cluster, VERSIONS[1]).await;
    cluster.roll().await;
    cluster.check_unchanged(&state).await;

    let on = ["metorial-operator", "--namespace", NAMESPACE];
    let mut rollback = cluster.plane.helm();
    rollback.arg("rollback").args(on);
    succeed(rollback).await;
    check_version(&cluster, VERSIONS[0]).await;
    cluster.roll().await;
    cluster.check_unchanged(&state).await;

    let mut uninstall = cluster.plane.helm();
    uninstall.arg("uninstall").args(on);
    succeed(uninstall).await;
    cluster.stop().await;
    assert_eq!(cluster.state().await, state);

    succeed(release(&cluster, "install", &current)).await;
    check_version(&cluster, VERSIONS[1]).await;
    cluster.roll().await;
    cluster.check_unchanged(&state).await;
    cluster.delete_resources().await;
}
