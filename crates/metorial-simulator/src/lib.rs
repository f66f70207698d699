//! Stateful simulator of the Metorial API.
//!
//! It has organizations, instances, keys and the seven collections of provider resources, and answers as the real API
//! was observed to, including its quirks. A test can script faults, read the stored objects, and read a journal of all
//! requests. It is also a program, for demonstrations and manual tests.
//!
//! In comments ▲ marks a fact about the API that was observed on the running server, often against its reference, and ◆ one
//! that was only read, in newer server code, SDKs or documentation.
//!
//! ```
//! use metorial_simulator::{Collection, InstanceType, Options, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let sim = Simulator::start(Options::default()).await;
//! let organization = sim.add_organization("Acme");
//! let instance = sim.add_instance(&organization, InstanceType::Development);
//! let key = sim.add_key(&instance);
//! // … run a client with `key` against `sim.url()`, then check what it did:
//! assert!(sim.objects(&instance, Collection::AuthConfigs).is_empty());
//! assert!(sim.journal().is_empty());
//! # let _ = key;
//! # }
//! ```

mod access;
mod actions;
mod admin;
mod api;
mod catalog;
mod clock;
mod collections;
mod connection;
mod errors;
mod faults;
mod fields;
mod http;
mod ids;
mod introspection;
mod journal;
mod js_date;
mod limits;
mod lists;
mod objects;
mod options;
mod present;
mod query;
mod reference;
mod routes;
mod schemas;
mod server;
mod shared;
mod simulator;
mod state;
mod store;
mod tenants;
mod uses;
mod versions;

pub use actions::{Action, Content, Gate, Rewrite};
pub use catalog::{AuthMethod, Backend, Catalog, Provider, Version};
pub use faults::{Fault, FaultId, Faults};
pub use ids::{InstanceId, OrganizationId};
pub use journal::{Entry, TimedOut};
pub use limits::Limit;
pub use objects::{Collection, Status, Stored};
pub use options::{Options, Profile, Quirk};
pub use simulator::Simulator;
pub use tenants::{ImportExport, InstanceType};
pub use uses::UsedBy;

/// Compiles the README's example.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
