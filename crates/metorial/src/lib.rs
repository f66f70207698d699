//! A typed client of the [Metorial](https://metorial.com) API: provider auth credentials, auth configs, configs,
//! config vaults, auth imports and auth exports, and what is needed to work with them.
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
//! println!("this key opens {} ({:?})", instance.id, instance.r#type);
//!
//! let body = Body::from(json!({
//!     "provider_id": "github",
//!     "name": "GitHub",
//!     "config": {"client_id": "id", "client_secret": "secret", "scopes": ["repo"]},
//! }));
//! match client.create::<AuthCredentials>(&body).await {
//!     Ok(created) => println!("made {}", created.value.id),
//!     // The answer was lost: look for the object before trying again, or there may be two.
//!     Err(error) if error.kind() == ErrorKind::Ambiguous => {
//!         let newest = client.list::<AuthCredentials>(&ListQuery::new().limit(100)).await?;
//!         println!("{} credentials to look through", newest.value.items.len());
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it guarantees
//! - **One call is one request.** Nothing is retried (the API has no idempotency keys), no redirect is followed, and
//!   [`ClientBuilder::timeout`] bounds the whole call. The one exception are exports, which live at one of two
//!   places: see [`ExportTarget`].
//! - **An error says whether a write may have been applied.** [`ErrorKind::Ambiguous`] is the only kind for which it
//!   may; [`ErrorKind::Transient`] of a write means that it was not.
//! - **Gone means gone.** [`ErrorKind::Gone`] is only concluded from an answer of the API about that very object,
//!   never from an unknown route or a proxy's 404.
//! - **A list is complete or an error.** [`Client::pages`] detects lists that repeat, loop or lose a page; and
//!   [`ListQuery`] refuses filters that the server would ignore.
//! - **No secret comes out.** Keys, bodies and exported values are wiped from memory, don't print, and error texts
//!   are this crate's own: nothing that a server wrote is passed on but words that look like a code or an id and
//!   don't repeat what was sent.
//! - **Bounded.** Answers are read up to 1 MiB, lists up to 32 MiB.
//!
//! The version of the API is pinned ([`API_VERSION`]); a server that answers in another one is
//! [`ErrorKind::VersionUnsupported`].
//!
//! Each call leaves one [`tracing`] event at level `debug` with operation, status, request id and duration.

mod body;
mod calls;
mod cause;
mod classify;
mod client;
mod collection;
mod error;
mod exports;
mod guard;
mod key;
mod meta;
mod objects;
mod page;
mod query;
mod refusal;
mod secret;
mod send;

pub use body::Body;
pub use calls::SchemaOf;
pub use client::{BuildError, Client, ClientBuilder};
pub use collection::{Collection, Method, Operation};
pub use error::{Error, ErrorKind};
pub use exports::ExportTarget;
pub use key::{ApiKey, InvalidApiKey};
pub use meta::{API_VERSION, Meta, RateLimit};
pub use objects::{
    AuthConfig, AuthConfigSource, AuthConfigType, AuthCredentials, AuthExport, AuthImport,
    AuthMethod, AuthMethodScope, Config, ConfigSchema, ConfigVault, Deployment, Instance,
    InstanceType, JsonSchema, Object, Project, Provider, Status, ToolFilter, ToolFilters,
    Visibility,
};
pub use page::Page;
pub use query::{EmptyFilter, ListQuery, Order};
pub use secret::SecretValue;
pub use send::Answer;

/// The README's example is compiled like any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
