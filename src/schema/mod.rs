//! The check of values against the schemas that the API publishes, within a time limit. No requests: `remote/schemas.rs`
//! reads the schemas.

mod bounds;
mod check;
mod violations;

pub use bounds::Published;
pub use check::SchemaChecks;
