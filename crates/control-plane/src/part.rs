//! The parts of a control plane and the flags that each is started with.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::certificates::{self, CONTROLLER_MANAGER};
use crate::kubeconfig;
use crate::ports::Ports;

/// A process of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Keeps what the API server stores.
    Etcd,
    /// Serves the Kubernetes API.
    ApiServer,
    /// Runs the built-in controllers: garbage collection, namespaces, ServiceAccounts, Deployments.
    ControllerManager,
}

impl Part {
    /// All parts, in the order in which they are started.
    pub const ALL: [Self; 3] = [Self::Etcd, Self::ApiServer, Self::ControllerManager];

    /// The name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }

    /// Where it writes its log.
    pub(crate) fn log(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.log", self.program()))
    }

    pub(crate) fn flags(self, directory: &Path, ports: Ports) -> Vec<String> {
        match self {
            Self::Etcd => etcd(directory, ports),
            Self::ApiServer => api_server(directory, ports),
            Self::ControllerManager => controller_manager(directory, ports),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.program())
    }
}

/// Where the API server writes who asked for what.
pub(crate) fn audit_log(directory: &Path) -> PathBuf {
    directory.join("audit.log")
}

/// Which requests are written there.
pub(crate) fn audit_policy(directory: &Path) -> PathBuf {
    directory.join("audit-policy.yaml")
}

/// The controllers that work without nodes and that an operator and its chart can notice.
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

/// Nothing is synced to disk: the data needn't survive the machine, and fsync would be most of the time of a write.
fn etcd(directory: &Path, ports: Ports) -> Vec<String> {
    vec![
        format!("--data-dir={}", directory.join("etcd").display()),
        format!("--listen-client-urls={}", ports.etcd_url()),
        format!("--advertise-client-urls={}", ports.etcd_url()),
        "--listen-peer-urls=http://127.0.0.1:0".into(),
        "--unsafe-no-fsync".into(),
        "--log-level=warn".into(),
    ]
}

/// Requests are neither queued nor limited (a zero is no limit), so that a load test measures what it puts under load.
fn api_server(directory: &Path, ports: Ports) -> Vec<String> {
    let token_key = certificates::token_public_key(directory);
    vec![
        format!("--etcd-servers={}", ports.etcd_url()),
        "--bind-address=127.0.0.1".into(),
        "--advertise-address=127.0.0.1".into(),
        "--endpoint-reconciler-type=none".into(),
        format!("--secure-port={}", ports.api_server),
        "--service-cluster-ip-range=10.0.0.0/24".into(),
        "--authorization-mode=RBAC".into(),
        format!(
            "--client-ca-file={}",
            certificates::authority_file(directory).display()
        ),
        format!(
            "--tls-cert-file={}",
            certificates::server_certificate(directory).display()
        ),
        format!(
            "--tls-private-key-file={}",
            certificates::server_key(directory).display()
        ),
        "--service-account-issuer=https://kubernetes.default.svc".into(),
        format!("--service-account-key-file={}", token_key.display()),
        format!(
            "--service-account-signing-key-file={}",
            certificates::token_signing_key(directory).display()
        ),
        format!("--audit-policy-file={}", audit_policy(directory).display()),
        format!("--audit-log-path={}", audit_log(directory).display()),
        "--audit-log-maxsize=4096".into(),
        "--enable-priority-and-fairness=false".into(),
        "--max-requests-inflight=0".into(),
        "--max-mutating-requests-inflight=0".into(),
        "--profiling=false".into(),
    ]
}

/// Without leader election, which would make every restart wait for the old lease to run out.
fn controller_manager(directory: &Path, ports: Ports) -> Vec<String> {
    vec![
        format!(
            "--kubeconfig={}",
            kubeconfig::file(directory, CONTROLLER_MANAGER.file).display()
        ),
        format!("--controllers={}", CONTROLLERS.join(",")),
        "--use-service-account-credentials".into(),
        format!(
            "--service-account-private-key-file={}",
            certificates::token_signing_key(directory).display()
        ),
        format!(
            "--root-ca-file={}",
            certificates::authority_file(directory).display()
        ),
        "--leader-elect=false".into(),
        "--bind-address=127.0.0.1".into(),
        format!("--secure-port={}", ports.controller_manager),
        format!(
            "--tls-cert-file={}",
            certificates::server_certificate(directory).display()
        ),
        format!(
            "--tls-private-key-file={}",
            certificates::server_key(directory).display()
        ),
        "--kube-api-qps=1000".into(),
        "--kube-api-burst=2000".into(),
        "--profiling=false".into(),
    ]
}
