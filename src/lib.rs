//! Placeholder.
pub mod resources;
