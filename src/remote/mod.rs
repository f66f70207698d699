//! The way to the Metorial API: one session for each connection, one budget for each organisation, one place where
//! requests are sent.

pub mod budget;
mod connect;
mod connection;
mod line;
mod observations;
pub mod records;
mod schemas;
mod session;
mod sessions;
mod trouble;

pub use connection::{ConnectionKey, ConnectionObject, Facts};
pub use session::{Observed, Session};
pub use sessions::{Down, Sessions, Setup, Standing};
pub use trouble::Trouble;
