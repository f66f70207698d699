//! The processes that make up a control plane.

use std::fmt;
use std::path::{Path, PathBuf};

/// Process of the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Stores the API server's objects.
    Etcd,
    /// Serves the Kubernetes API.
    ApiServer,
    /// Runs the built-in controllers: garbage collection, namespaces, ServiceAccounts, Deployments.
    ControllerManager,
}

impl Part {
    /// All parts, in the order in which they are started.
    pub const ALL: [Self; 3] = [Self::Etcd, Self::ApiServer, Self::ControllerManager];

    /// Returns the name of the program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        }
    }

    /// Returns the path of the part's log.
    pub(crate) fn log(self, directory: &Path) -> PathBuf {
        directory.join(format!("{}.log", self.program()))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.program())
    }
}
