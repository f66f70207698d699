//! The command line flags that each part is started with.

use std::path::{Path, PathBuf};

use crate::certificates::{self, CONTROLLER_MANAGER};
use crate::kubeconfig;
use crate::part::Part;
use crate::ports::Ports;

/// The built-in controllers that work without nodes and whose effects an operator or its chart can notice.
const CONTROLLERS: [&str; 9] = [
    "clusterrole-aggregation-controller",
    "deployment-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "validatingadmissionpolicy-status-controller",
];

/// Returns the flags of a part that keeps its files in `directory` and serves on `ports`.
pub(crate) fn of(part: Part, directory: &Path, ports: Ports) -> Vec<String> {
    match part {
        Part::Etcd => etcd(directory, ports),
        Part::ApiServer => api_server(directory, ports),
        Part::ControllerManager => controller_manager(directory, ports),
    }
}

/// Returns the path of the API server's audit log.
pub(crate) fn audit_log(directory: &Path) -> PathBuf {
    directory.join("audit.log")
}

/// Returns the path of the policy that says which requests are written to the audit log.
pub(crate) fn audit_policy(directory: &Path) -> PathBuf {
    directory.join("audit-policy.yaml")
}

fn etcd(directory: &Path, ports: Ports) -> Vec<String> {
    vec![
        path_flag("data-dir", &directory.join("etcd")),
        format!("--listen-client-urls={}", ports.etcd_url()),
        format!("--advertise-client-urls={}", ports.etcd_url()),
        "--listen-peer-urls=http://127.0.0.1:0".into(),
        // The data need not survive the machine, and fsync would be most of the time of a write.
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

fn api_server(directory: &Path, ports: Ports) -> Vec<String> {
    let mut flags = serving(directory, ports.api_server);
    flags.extend([
        format!("--etcd-servers={}", ports.etcd_url()),
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--authorization-mode=RBAC".into(),
        path_flag("client-ca-file", &certificates::authority_file(directory)),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        path_flag(
            "service-account-key-file",
            &certificates::token_public_key(directory),
        ),
        path_flag(
            "service-account-signing-key-file",
            &certificates::token_signing_key(directory),
        ),
        path_flag("audit-policy-file", &audit_policy(directory)),
        path_flag("audit-log-path", &audit_log(directory)),
        "--audit-log-maxsize=4096".into(),
        // Requests are neither queued nor limited (zero means no limit): a load test measures the operator, not these queues.
        "--enable-priority-and-fairness=false".into(),
        "--max-requests-inflight=0".into(),
        "--max-mutating-requests-inflight=0".into(),
    ]);
    flags
}

fn controller_manager(directory: &Path, ports: Ports) -> Vec<String> {
    let mut flags = serving(directory, ports.controller_manager);
    flags.extend([
        path_flag(
            "kubeconfig",
            &kubeconfig::file(directory, CONTROLLER_MANAGER.file),
        ),
        format!("--controllers={}", CONTROLLERS.join(",")),
        "--use-service-account-credentials".into(),
        path_flag(
            "service-account-private-key-file",
            &certificates::token_signing_key(directory),
        ),
        path_flag("root-ca-file", &certificates::authority_file(directory)),
        // With leader election every restart would wait until the old lease expires.
        "--leader-elect=false".into(),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
    ]);
    flags
}

/// Returns the flags of a part that serves HTTPS on 127.0.0.1.
fn serving(directory: &Path, port: u16) -> Vec<String> {
    vec![
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={port}"),
        path_flag(
            "tls-cert-file",
            &certificates::server_certificate(directory),
        ),
        path_flag("tls-private-key-file", &certificates::server_key(directory)),
        "--profiling=false".into(),
    ]
}

fn path_flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
