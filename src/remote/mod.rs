//! Access to the Metorial API: one session for each connection, one budget for each organization and one cache for each
//! instance of a server, one transport for every request.

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
pub mod schema_bounds;
pub mod schema_check;
mod schemas;
mod session;
pub mod shared;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod transport;
mod unreadable;
mod violations;

#[cfg(test)]
pub use batch_limits::MOST;
pub use coalesce::{Coalesced, PATIENT};
#[cfg(test)]
pub use coalesce::{LONGEST, QUIET};
pub use error::RemoteError;
#[cfg(test)]
pub use loader::read_along_before;
pub use observations::Observed;
pub use session::Session;
