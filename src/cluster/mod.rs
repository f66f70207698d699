//! Effects on Kubernetes.

mod child;
pub mod children;
pub mod client;
pub mod dependencies;
pub mod error;
pub mod fence;
pub mod installation;
pub mod lease;
mod merge_patch;
pub mod namespaces;
mod orphans;
pub mod references;
mod writes;
