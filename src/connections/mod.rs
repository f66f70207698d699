//! Connections: API keys, the checks that they have to pass, and the sessions that are built from them.
//!
//! A `Connection` or `ClusterConnection` is read into [`ConnectionSettings`]. [`verify`] decides, without I/O, if they
//! may be used. [`Connections`] asks the API which instance the key opens, and keeps one [`Session`] for each
//! connection, one cache for each instance and one budget for each organization at each server.
//! [`reconcile`] keeps the status and the finalizer of the custom resource itself.
//!
//! [`Session`]: crate::remote::Session
//! [`reconcile`]: crate::reconcile::connection::reconcile

mod checks;
mod choose;
mod connect;
mod count;
mod limits;
mod losses;
mod not_ready;
mod others;
pub mod rate_limit;
mod registry;
mod settings;
mod setup;
mod state;
#[cfg(test)]
mod tests;
pub mod users;
pub mod verify;
mod waiting;

pub use choose::Uses;
pub use not_ready::NotReady;
pub use others::OtherInstances;
pub use registry::Connections;
pub use settings::{ConnectionResource, ConnectionSettings};
pub use setup::Setup;
pub use state::{ConnectionState, Permissions};
