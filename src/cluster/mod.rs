//! Effects on Kubernetes.

mod child;
pub mod children;
pub mod client;
pub mod decode;
pub mod dependencies;
pub mod error;
pub mod fence;
mod fingerprint_key;
pub mod lease;
mod merge_patch;
pub mod metadata;
mod orphans;
pub mod pages;
pub mod references;
mod writes;
