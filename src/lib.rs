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
//! The modules in the order of their imports:
//!
//! - [`resources`]: the types of the custom resources, with their admission rules, conditions and reasons
//! - [`plan`]: every decision, as a pure function
//! - [`kinds`]: what is particular to each kind
//! - [`cluster`]: reads and writes in Kubernetes, leader election
//! - [`remote`]: requests to the Metorial API, within its rate limit
//! - [`connections`]: which API key and instance a resource uses, and whether they can be used
//! - [`reconcile`]: the reconciliation of one resource
//! - [`runtime`]: leadership, watches, the work queue and the list of kinds
//!
//! In comments ▲ marks a fact about the API that was observed on the server's code, and ◆ one that was read in newer code
//! or in the SDKs: some builds behave otherwise, and both sides must be survived.

pub mod cluster;
pub mod connections;
pub mod health;
pub mod kinds;
pub mod metrics;
pub mod plan;
pub mod reconcile;
pub mod remote;
pub mod resources;
pub mod runtime;
pub mod sensitive;
pub mod settings;
pub mod telemetry;
