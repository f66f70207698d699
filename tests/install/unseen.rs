//! A resource that the operator has not seen yet is ready for nobody: not for kubectl, not for Helm, not for whatever else
//! reads kstatus.

use crate::support::{Environment, credentials};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A chart of the user's own, which has one resource of the operator's.
fn chart_of(env: &Environment, manifest: &Value) -> PathBuf {
    let chart = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chart-of-{}", env.namespace));
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    let about = "apiVersion: v2\nname: app\nversion: 1.0.0\n";
    std::fs::write(chart.join("Chart.yaml"), about).unwrap();
    let template = chart.join("templates/credentials.yaml");
    std::fs::write(template, manifest.to_string()).unwrap();
    chart
}

async fn install(env: &Environment, chart: &Path, timeout: &str) -> bool {
    let mut helm: Command = env.plane.helm();
    helm.args(["upgrade", "--install", "app", "--namespace", &env.namespace]);
    helm.args(["--wait", "--timeout", timeout]).arg(chart);
    crate::support::run(helm, "").await.status.success()
}

#[tokio::test]
async fn a_resource_that_nobody_has_reconciled_is_ready_for_nobody() {
    let mut env = Environment::new().await;
    let manifest = Value::from(credentials("github"));
    let text = manifest.to_string();
    let applied = env
        .kubectl_prints(&["apply", "-f", "-", "-o", "json"], &text)
        .await;
    let applied: Value = serde_json::from_str(&applied).unwrap();
    assert_eq!(applied["status"]["observedGeneration"], -1);
    let diff = env.kubectl(&["diff", "-f", "-"], &text).await;
    assert!(
        diff.status.success(),
        "{}",
        String::from_utf8_lossy(&diff.stdout)
    );
    let ready = |timeout| ["wait", "--for=condition=Ready", "pacred/github", timeout];
    assert!(
        !env.kubectl(&ready("--timeout=1s"), "")
            .await
            .status
            .success()
    );
    env.kubectl_prints(&["delete", "-f", "-"], &text).await;

    let chart = chart_of(&env, &manifest);
    assert!(!install(&env, &chart, "3s").await, "nobody reconciles it");
    env.start_operator();
    assert!(install(&env, &chart, "300s").await);
    assert!(env.credentials("github").is_ready().await);
    assert!(
        env.kubectl(&ready("--timeout=300s"), "")
            .await
            .status
            .success()
    );
    env.check_oracles().await;
    std::fs::remove_dir_all(chart).unwrap();
}
