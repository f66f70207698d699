//! The Metorial operator: makes the provider auth objects of a Metorial account match custom resources in a Kubernetes
//! cluster.
//!
//! ```text
//!  Kubernetes                                                     Metorial
//!  metadata watch: custom resources ─┐                            POST/PATCH/DELETE: one at a time per object,
//!  metadata watch: Secrets ──────────┤                            only while the lease is held
//!  metadata watch: ConfigMaps ───────┼─► work queue (key)             ▲         ▲
//!  metadata watch: Connections ──────┘         │                      │         │ reads
//!                                              ▼                      │         │
//!      GET the resource ─► resolve references ─► decide ─► steps ─────┘         │
//!                                              │    ▲                           │
//!                                              └────┴── read a missing fact ────┘
//!                                                   └─► one status patch, events, metrics
//! ```
//!
//! The layers, lowest first; a layer imports only from itself and from lower layers:
//!
//! - [`resources`]: the types of the custom resources, with their admission rules, conditions and reasons
//! - [`plan`]: every decision, as a pure function
//! - [`kinds`]: what is particular to each kind
//! - [`schema`]: the check of a value against a published schema
//! - [`cluster`]: reads and writes in Kubernetes, leader election
//! - [`remote`]: requests to the Metorial API, within its rate limit
//! - [`inventory`]: the resources of all kinds with their remote objects, for questions about many of them
//! - [`connections`]: which API key and instance a resource uses, and whether they can be used
//! - [`reconcile`]: the reconciliation of one resource or connection
//! - [`runtime`]: leadership, watches, the work queue and the list of kinds
//!
//! In comments ▲ marks a fact about the API that was observed on the running server, often against its reference, and ◆ one
//! that was only read, in newer server code, SDKs or documentation. Builds differ: the operator accepts both sides.

pub mod build_info;
pub mod cluster;
pub mod connections;
pub mod health;
pub mod inventory;
pub mod kinds;
mod lock;
pub mod metrics;
pub mod plan;
pub mod reconcile;
pub mod remote;
pub mod resources;
pub mod runtime;
pub mod schema;
pub mod sensitive;
pub mod settings;
pub mod telemetry;
mod weak_map;
