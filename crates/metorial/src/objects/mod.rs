//! Objects of the API, as it returns them. Decoding is tolerant: unknown members are ignored, an absent or null optional
//! member is `None`, an unknown word is `Unknown`. Members that every object has are not optional, and a text in
//! the place of an id must look like one.

mod auth;
mod catalog;
mod config;
mod id;
mod null;
mod object;
mod record;
mod status;
mod tool_filter;

pub use auth::{AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials};
pub use catalog::{
    AuthMethod, AuthMethodScope, ConfigSchema, Deployment, Instance, InstanceType, JsonSchema,
    Project, Provider, Visibility,
};
pub use config::{Config, ConfigVault};
pub(crate) use id::id;
pub use id::is_id;
pub use object::Object;
pub use record::{AuthExport, AuthImport};
pub use status::Status;
pub use tool_filter::{ToolFilter, ToolFilters};
