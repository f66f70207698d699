//! The real kube-state-metrics, with the configuration that the chart installs and the rights that the documentation gives it.

use crate::prometheus::{directory, rendered, start};
use crate::support::{Environment, Guarded, free_address, is_permitted, page_as};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The name of its ServiceAccount.
const ACCOUNT: &str = "kube-state-metrics";
/// What Prometheus asks for, so that it gets the stricter of both formats.
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";

/// The values for the chart of kube-state-metrics that the documentation of operations shows.
pub fn documented_values() -> Value {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = fs::read_to_string(page).unwrap();
    let mut blocks = page.split("```yaml\n").skip(1);
    let block = blocks.find(|block| block.starts_with("customResourceState:"));
    let (values, _) = block.unwrap().split_once("```").unwrap();
    serde_yaml_ng::from_str(values).unwrap()
}

/// The configuration in the ConfigMap that these values name, as the chart renders it.
async fn configuration(values: &Value) -> String {
    let config_map = rendered("kube-state-metrics", &[]).await;
    let named = &values["customResourceState"];
    assert_eq!(config_map["metadata"]["name"], named["name"]);
    let key = named["key"].as_str().unwrap();
    config_map["data"][key].as_str().unwrap().to_owned()
}

/// A running kube-state-metrics. Dropping it ends it.
pub struct KubeStateMetrics {
    process: Guarded,
    directory: PathBuf,
    /// Where it serves the metrics.
    pub address: SocketAddr,
}

impl KubeStateMetrics {
    /// Starts one that sees the control plane of an environment, as these values of its chart say.
    pub async fn start(env: &Environment, values: &Value) -> Self {
        grant(env, &values["rbac"]["extraRules"]).await;
        let account = env
            .plane
            .kubeconfig_file_for_service_account(&env.namespace, ACCOUNT);
        let kubeconfig = account.await.unwrap();
        let directory = directory();
        let config = directory.join("config.yaml");
        fs::write(&config, configuration(values).await).unwrap();
        let (address, telemetry) = (free_address(), free_address());
        let arguments = [
            format!("--kubeconfig={}", kubeconfig.display()),
            "--custom-resource-state-only".to_owned(),
            format!("--custom-resource-state-config-file={}", config.display()),
            "--host=127.0.0.1".to_owned(),
            "--telemetry-host=127.0.0.1".to_owned(),
            format!("--port={}", address.port()),
            format!("--telemetry-port={}", telemetry.port()),
        ];
        Self {
            process: start("kube-state-metrics", &arguments, &directory).await,
            directory,
            address,
        }
    }

    /// The page that Prometheus reads.
    pub async fn page(&self) -> String {
        let page = page_as(self.address, "/metrics", OPEN_METRICS).await;
        page.unwrap().body
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap()
    }

    /// It logged no error.
    pub fn check_log(&self) {
        let log = self.log();
        // A watch that was interrupted is begun again.
        let bad = |line: &&str| line.starts_with(['E', 'F']) && !line.contains("reflector");
        assert_eq!(log.lines().find(bad), None);
        assert!(log.contains("discovery finished"), "{log}");
    }
}

impl Drop for KubeStateMetrics {
    fn drop(&mut self) {
        self.process.stop();
        fs::remove_dir_all(&self.directory).ok();
    }
}

/// Gives its ServiceAccount these rights and no other, and waits until they are in force.
async fn grant(env: &Environment, rules: &Value) {
    let api = "rbac.authorization.k8s.io";
    let metadata = json!({"name": format!("{ACCOUNT}-{}", env.namespace)});
    let account = json!({"kind": "ServiceAccount", "name": ACCOUNT, "namespace": env.namespace});
    let role = json!({"apiGroup": api, "kind": "ClusterRole", "name": metadata["name"]});
    let v1 = format!("{api}/v1");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}},
        {"apiVersion": v1, "kind": "ClusterRole", "metadata": metadata, "rules": rules},
        {
            "apiVersion": v1, "kind": "ClusterRoleBinding", "metadata": metadata,
            "subjects": [account], "roleRef": role,
        },
    ]});
    env.kubectl_prints(&["apply", "-f", "-"], &list.to_string())
        .await;
    let account = (env.namespace.as_str(), ACCOUNT);
    for rule in Vec::<Value>::deserialize(rules).unwrap() {
        let call = json!({
            "verb": rule["verbs"][0], "group": rule["apiGroups"][0],
            "resource": rule["resources"][0],
        });
        env.until("its rights are in force", async || {
            let permitted = is_permitted(&env.client, account, &call).await;
            permitted.then_some(())
        })
        .await;
    }
}
