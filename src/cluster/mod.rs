//! Effects on Kubernetes.

mod child;
pub mod children;
pub mod client;
pub mod dependencies;
pub mod error;
pub mod fence;
mod fingerprint_key;
pub mod lease;
mod merge_patch;
mod orphans;
pub mod references;
mod writes;
