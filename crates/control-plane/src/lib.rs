//! A real Kubernetes control plane for tests and demonstrations: etcd, kube-apiserver and kube-controller-manager on
//! 127.0.0.1, with everything they need in a directory that is removed at the end.
//!
//! No nodes, no scheduler: Pods are made by Deployments but never run. Everything else is what a cluster does, RBAC,
//! admission, garbage collection and the deletion of namespaces included.
//!
//! Nothing is left behind, even if this process is killed by SIGKILL: each part runs under a shell that waits for a pipe
//! from this process to close.
//!
//! Linux and macOS. Each part is a few hundred megabytes of memory at most; tests share one by [`ControlPlane::shared`],
//! and those that stop or freeze a part start their own.

mod assets;
mod certificates;
mod control_plane;
mod error;
mod guardian;
mod kubeconfig;
mod part;
mod ports;
mod readiness;

pub use assets::assets;
pub use control_plane::ControlPlane;
pub use error::Error;
pub use part::Part;
