//! Connections: API keys, the checks that they have to pass, and the sessions that are built from them.
//!
//! A `Connection` or `ClusterConnection` is read into [`ConnectionSettings`]. [`verify`] decides, without I/O, if they
//! may be used. [`Connections`] asks the API which instance the key opens, and keeps one [`Session`] for each
//! connection, one cache for each instance and one budget for each organization at each server.
//! [`reconcile`] keeps the status and the finalizer of the custom resource itself.
//!
//! [`Session`]: crate::remote::Session
//! [`reconcile`]: crate::reconcile::connection::reconcile

mod choose;
mod connect;
mod count;
mod endpoint;
mod entry;
mod key_checks;
mod limits;
mod losses;
mod others;
pub mod rate_limit;
mod registry;
mod reported;
mod session_factory;
mod settings;
mod single_flight;
mod slot;
mod state;
pub mod status;
#[cfg(test)]
mod tests;
pub mod users;
pub mod verify;
mod waiting;

pub use choose::ConnectionQuery;
pub use entry::{Postponed, Unfinished};
pub use others::OtherInstances;
pub use registry::Connections;
pub use session_factory::SessionFactory;
pub use settings::{ConnectionResource, ConnectionSettings};
pub use state::ConnectionState;
