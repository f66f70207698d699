//! A real Kubernetes control plane for tests and demonstrations: etcd, kube-apiserver and kube-controller-manager on
//! 127.0.0.1, with their files in a directory that is removed at the end.
//!
//! There are no nodes and no scheduler: Deployments create Pods, which never run. Everything else works as in a
//! cluster, including RBAC, admission, garbage collection and the deletion of namespaces.
//!
//! No process and no file is left behind, even if this process is killed with SIGKILL: each part runs under a shell that
//! kills it when a pipe from this process closes.
//!
//! Works on Linux and macOS. Each part takes up to a few hundred megabytes of memory. Tests share one control plane
//! ([`ControlPlane::shared`]); a test that stops or freezes a part starts its own.

mod assets;
mod certificates;
mod control_plane;
mod error;
mod flags;
mod guardian;
mod kubeconfig;
mod part;
mod ports;
mod readiness;

pub use assets::assets;
pub use control_plane::ControlPlane;
pub use error::Error;
pub use part::Part;
pub use ports::free_address;
