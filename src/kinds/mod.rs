//! The kinds: each one file of data and pure functions.

mod auth_config;
mod auth_export;
mod auth_import;
mod collections;
mod compose;
mod deployments;
pub mod inputs;
pub mod kind;
mod naming;
mod provider;
mod provider_auth_config;
mod provider_auth_credentials;
mod provider_config;
mod provider_config_vault;
mod provider_deployment;
pub mod remote_kind;
mod replaceable;
mod stored;
mod tool_filters;

pub use inputs::{Inputs, Reference, SourceKind};
pub use kind::{Dependents, Discovery, Kind, RemoteObject};
pub use remote_kind::RemoteKind;
pub(crate) use remote_kind::with_kind;
