//! The pod of the chart's Deployment, with what a kubelet adds to it.

use super::container::Pod;
use super::scratch::Scratch;
use crate::installed::install;
use crate::support::{self, Environment, SERVICE_ACCOUNT};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// Where a pod finds the token of its ServiceAccount.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The name by which the operator calls the simulator. Only a file in its container knows it.
pub const SIMULATOR: &str = "simulator.test";

/// A pod that a kubelet would run, and the files that it mounts.
pub struct Scheduled {
    pub pod: Pod,
    _files: Scratch,
}

impl Scheduled {
    /// The pod of the installed chart, for an operator that may call the simulator at `api` and listens on `admin`.
    pub async fn of_the_chart(env: &Environment, api: SocketAddr, admin: SocketAddr) -> Self {
        let allowed = format!("allowedBaseUrls={{{}}}", url(api));
        install(env, &[&allowed]).await;
        let get = ["get", "deployment", SERVICE_ACCOUNT, "-o", "json"];
        let deployment: Value = serde_json::from_str(&env.kubectl_prints(&get, "").await).unwrap();
        let spec = &deployment["spec"]["template"]["spec"];
        let container = support::Container::of(spec, &env.namespace);
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
        let scratch = Scratch::new(&["token"]);
        let files = scratch.path();
        let mut environment = container.environment;
        environment.extend(mount_token(env, &files.join("token")).await);
        // The containers share the network of the machine, unlike pods, for which the chart has one port.
        let listen = "METORIAL_OPERATOR_LISTEN".to_owned();
        environment.push((listen, admin.to_string()));
        fs::write(
            files.join("hosts"),
            format!("127.0.0.1 localhost {SIMULATOR}\n"),
        )
        .unwrap();
        let pod = Pod {
            security: spec["containers"][0]["securityContext"].clone(),
            user: None,
            arguments: container.arguments,
            environment,
            mounts: vec![
                (files.join("token"), TOKEN),
                (files.join("hosts"), "/etc/hosts"),
            ],
        };
        Self {
            pod,
            _files: scratch,
        }
    }
}

/// The URL of a simulator that listens on this address.
pub fn url(api: SocketAddr) -> String {
    format!("http://{SIMULATOR}:{}", api.port())
}

/// Writes the token of the ServiceAccount, and answers the variables that say where the API server is.
async fn mount_token(env: &Environment, directory: &Path) -> [(String, String); 2] {
    let account = env
        .plane
        .kubeconfig_for_service_account(&env.namespace, SERVICE_ACCOUNT);
    let account = serde_json::to_value(account.await.unwrap()).unwrap();
    let text = |pointer: &str| {
        account
            .pointer(pointer)
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    let authority = text("/clusters/0/cluster/certificate-authority");
    fs::copy(authority, directory.join("ca.crt")).unwrap();
    fs::write(directory.join("token"), text("/users/0/user/token")).unwrap();
    fs::write(directory.join("namespace"), &env.namespace).unwrap();
    let server = text("/clusters/0/cluster/server");
    let (host, port) = server
        .trim_start_matches("https://")
        .split_once(':')
        .unwrap();
    [("HOST", host), ("PORT", port)]
        .map(|(name, value)| (format!("KUBERNETES_SERVICE_{name}"), value.to_owned()))
}
