//! A stateful stand-in of the Metorial API.
//!
//! It keeps organisations, instances, keys and the six collections of provider auth resources, answers as the real
//! API was seen to — quirks included — and lets a test script faults, look behind the API, and read a journal of
//! every request. As a binary it serves people and demonstrations.
//!
//! ```
//! use metorial_simulator::{Collection, InstanceType, Options, Simulator};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let sim = Simulator::start(Options::default()).await;
//! let organisation = sim.add_organisation("Acme");
//! let instance = sim.add_instance(&organisation, InstanceType::Development);
//! let key = sim.add_key(&instance);
//! // … point a client with `key` at `sim.url()`, then look at what it did:
//! assert!(sim.objects(&instance, Collection::AuthConfigs).is_empty());
//! assert!(sim.journal().is_empty());
//! # let _ = key;
//! # }
//! ```

mod actions;
mod admin;
mod api;
mod catalogue;
mod clock;
mod collections;
mod connection;
mod errors;
mod faults;
mod fields;
mod http;
mod ids;
mod journal;
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

pub use actions::{Action, Content, Gate, Rewrite};
pub use catalogue::{AuthMethod, Catalogue, Provider, Version};
pub use faults::{Fault, FaultId, Faults};
pub use ids::{InstanceId, OrganisationId};
pub use journal::{Entry, TimedOut};
pub use limits::Limit;
pub use objects::{Collection, Status, Stored};
pub use options::{Options, Profile, Quirk};
pub use simulator::Simulator;
pub use tenants::{ImportExport, InstanceType};

/// The README's example, compiled.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
