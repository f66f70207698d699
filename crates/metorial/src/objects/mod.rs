//! Objects of the API, as it returns them. Decoding is tolerant: unknown members are ignored, an absent or null optional
//! member is `None`, an unknown word is `Unknown`, and an optional time is never the reason that an object can't be
//! decoded. Members that every object has are not optional, and a text in the place of an id must look like one.

mod auth;
mod catalog;
mod config;
mod deployment;
mod id;
mod null;
mod object;
mod record;
mod status;
mod time;
mod token;
mod tool_filter;

pub use auth::{AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials};
pub use catalog::{
    AuthMethod, AuthMethodScope, AutoRegistration, ConfigSchema, Instance, InstanceType,
    JsonSchema, Project, Provider, ProviderOauth, ProviderVersion, Publisher, Visibility,
};
pub use config::{Config, ConfigVault};
pub use deployment::{ConfigPreview, Deployment, DeploymentPreview};
pub(crate) use id::id;
pub use id::is_id;
pub use object::Object;
pub use record::{AuthExport, AuthImport};
pub use status::Status;
pub use token::{Token, TokenInstance, TokenPart};
pub use tool_filter::{ToolFilter, ToolFilters};
