//! Access to the Metorial API: one session a connection, one budget an organization, one transport for every request.

pub mod budget;
pub mod cache;
mod connect;
mod connection;
mod error;
pub mod records;
mod schemas;
mod session;
mod sessions;
pub mod transport;

pub use cache::Observed;
pub use connection::{ConnectionKey, ConnectionObject, Facts};
pub use error::RemoteError;
pub use session::Session;
pub use sessions::{Down, Sessions, Setup, Standing};
