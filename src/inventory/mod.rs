//! The resources of all kinds with their remote objects, for questions about many of them: the users of a connection, the
//! dependents of an object, the objects that are gone, and the ids that were recorded before this leadership.

mod entry;
mod inventories;
mod list;
mod recorded;
mod servers;

pub use inventories::{CountResult, Inventories, Lost};
