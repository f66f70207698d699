//! Typed client of the [Metorial](https://metorial.com) API: provider auth credentials, auth configs, configs, config
//! vaults, auth imports, auth exports and deployments, and read access to keys, instances, providers, auth methods and
//! schemas.
//!
//! ```no_run
//! use metorial::{ApiKey, AuthCredentials, Body, Client, ErrorKind, ListQuery};
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let key = ApiKey::parse(&std::env::var("METORIAL_API_KEY")?)?;
//! let client = Client::builder("https://api.metorial.com".parse()?, key).build()?;
//!
//! let instance = client.instance().await?.value;
//! println!("this key belongs to {} ({:?})", instance.id, instance.r#type);
//!
//! let body = Body::from(json!({
//!     "provider_id": "github",
//!     "name": "GitHub",
//!     "config": {"client_id": "id", "client_secret": "secret", "scopes": ["repo"]},
//! }));
//! match client.create::<AuthCredentials>(&body).await {
//!     Ok(created) => println!("created {}", created.value.id),
//!     // It may have been created: search for the object before trying again, or there may be two.
//!     Err(error) if matches!(error.kind(), ErrorKind::Ambiguous | ErrorKind::Inconclusive) => {
//!         let newest = client.list::<AuthCredentials>(&ListQuery::new().limit(100)).await?;
//!         println!("{} credentials to search", newest.value.items.len());
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//! - **One call is one request.** Nothing is retried (the API has no idempotency keys), no redirect is followed, and
//!   [`ClientBuilder::timeout`] bounds the whole call. Exports are at one of two locations: a call at the wrong one fails,
//!   and [`Error::may_be_elsewhere`] says that it may be made once more.
//! - **An error says whether a write may have been applied.** It may for [`ErrorKind::Ambiguous`] and
//!   [`ErrorKind::Inconclusive`] only; a write with [`ErrorKind::Transient`] was not applied.
//! - **Gone means gone.** [`ErrorKind::Gone`] follows only from an answer of the API about the requested object, by its
//!   id where it has one, never from an unknown route or a proxy's 404.
//! - **A list is complete or an error.** [`Client::pages`] detects lists that repeat items, loop or lose a page, and
//!   [`ListQuery`] rejects filters that the server would ignore.
//! - **No secret is disclosed.** Keys, bodies and exported values are wiped from memory and don't print. Texts of errors
//!   are this crate's own; of a server's text only words are kept that look like a code or an id and don't repeat what
//!   was sent.
//! - **Bounded size.** Answers are read up to 1 MiB, pages of lists and exported values up to 8 MiB. An item that can't be decoded, or that is
//!   larger than a page may be, hides no other item of its list.
//!
//! The version of the API is pinned ([`API_VERSION`]); an answer in another version is
//! [`ErrorKind::VersionUnsupported`].
//!
//! Each call emits one [`tracing`] event at level `debug` with operation, status, request id and duration.
//!
//! In comments ▲ marks a fact about the API that was observed on the running server, often against its reference, and ◆ one
//! that was only read, in newer server code, SDKs or documentation. Builds differ: the client accepts both sides.

mod answer;
mod api_error;
mod body;
mod calls;
mod catalog_calls;
mod cause;
mod classify;
mod client;
mod collection;
mod error;
mod export_paths;
mod exports;
mod incoming;
mod introspection;
mod key;
mod meta;
mod nodes;
mod objects;
mod outcome;
mod page;
mod query;
mod redactor;
mod reply;
mod request;
mod secret;
mod send;

pub use answer::Answer;
pub use body::Body;
pub use catalog_calls::SchemaOf;
pub use client::{BuildError, Client, ClientBuilder};
pub use collection::{Collection, Method, Operation};
pub use error::{Error, ErrorKind};
pub use exports::ExportTarget;
pub use key::{ApiKey, InvalidApiKey};
pub use meta::{API_VERSION, Meta, RateLimit};
pub use objects::{
    AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials, AuthExport, AuthImport,
    AuthMethod, AuthMethodScope, AutoRegistration, Config, ConfigPreview, ConfigSchema,
    ConfigVault, Deployment, DeploymentPreview, Instance, InstanceType, JsonSchema, Object,
    Project, Provider, ProviderOauth, ProviderVersion, Publisher, Status, Token, TokenInstance,
    TokenPart, ToolFilter, ToolFilters, Visibility, is_id,
};
pub use page::{Page, Unreadable};
pub use query::{EmptyFilter, ListQuery, Order};
pub use secret::SecretValue;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
