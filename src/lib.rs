//! The Metorial operator: keeps Metorial's provider auth resources as they are declared in a Kubernetes cluster.
//!
//! ```text
//!  Kubernetes                                                       Metorial
//!  metadata watch: our kinds ──┐                                  ┌─ POST/PATCH/DELETE, one at a time per object
//!  metadata watch: Secrets ────┤   dependents                     │
//!  metadata watch: ConfigMaps ─┼─► index ─► queue(key)            │
//!  metadata watch: Connections ┘              │                   │
//!                                             ▼                   │
//!    GET fresh ─► resolve ─► see ─► plan() ─► act ────────────────┘
//!                                     │         │
//!                                     └ verdict ┴─► report: one status write, events, metrics
//! ```
//!
//! [`resources`] is what users write and read, [`kinds`] what each kind wants, [`plan`] every decision as a pure
//! function, [`remote`] the way to the API, [`cluster`] the effects on Kubernetes, and [`reconcile`] the loop.

pub mod cluster;
pub mod connections;
pub mod health;
pub mod kinds;
pub mod metrics;
pub mod plan;
pub mod reconcile;
pub mod remote;
pub mod resources;
pub mod sensitive;
pub mod settings;
pub mod telemetry;
