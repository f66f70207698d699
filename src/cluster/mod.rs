//! Effects on Kubernetes.

pub mod boot_time;
mod child;
pub mod children;
pub mod client;
pub mod config;
pub mod decode;
pub mod dependencies;
pub mod error;
mod event_queue;
pub mod events;
pub mod fence;
pub mod handle;
pub mod installation;
pub mod lease;
pub mod metadata;
pub mod namespaces;
mod orphans;
pub mod pages;
pub mod references;
mod rivals;
pub mod shard;
mod status_patch;
pub mod verb;
mod workloads;
mod writes;
