//! Access to the Metorial API: one session for each connection, one budget for each organization and one cache for each
//! instance of a server, one transport for every request.

mod access;
mod batch_limits;
pub mod budget;
pub mod cache;
mod coalesce;
mod dependents;
mod descriptions;
mod error;
mod explain;
mod loader;
mod observations;
mod reads;
pub mod records;
mod room;
mod schemas;
mod session;
pub mod shared;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod transport;
mod unreadable;

#[cfg(test)]
pub use batch_limits::MAX_BATCH_SIZE;
pub use coalesce::{Coalesced, LONG_QUIET_TIME};
#[cfg(test)]
pub use coalesce::{LONGEST_BATCH_WAIT, QUIET_TIME};
pub use error::RemoteError;
pub use loader::Loader;
#[cfg(test)]
pub use loader::read_along_before;
pub use session::Session;
