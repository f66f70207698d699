//! The vocabulary of the tests: an [`Environment`] of one namespace, one instance at a simulated Metorial and an
//! operator that can be started, stopped and killed; a [`Handle`] on a resource of any kind; a [`Scenario`] about one
//! [`Form`] of a kind. Every test has its own environment; all of a binary share one control plane.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    missing_docs,
    reason = "each binary uses a part of it, and a manifest is written where it is used"
)]

mod admin;
mod all_namespaces;
mod api_proxy;
mod calls;
mod canary;
mod cluster;
mod collector;
mod command;
mod container;
mod crashes;
mod environment;
mod examples;
mod failing_calls;
mod faults;
mod forms;
mod forward_proxy;
mod gate;
mod guarded;
mod handle;
mod helm;
mod history;
mod kinds;
pub mod limits;
mod manifests;
mod operator;
mod oracles;
pub mod policies;
mod process;
mod remote;
mod rights;
mod scenario;
mod shards;
mod snapshot;
pub mod threads;
pub mod values;
mod workloads;

pub use admin::{Page, Samples, page, page_as};
pub use all_namespaces::{AllNamespaces, own_plane, sweep};
pub use api_proxy::{ApiProxy, Broken};
pub use calls::{ApiCall, KubeCall};
pub use canary::{Canary, check_no_canary};
pub use cluster::Namespaced;
pub use collector::{Collector, attribute};
pub use command::{fail, run, succeed};
pub use container::Container;
pub use control_plane::free_address;
pub use crashes::{Calls, Crash, each};
pub use environment::{Environment, Setup};
pub use examples::example;
pub use failing_calls::FailingCalls;
pub use faults::{Loss, in_state, unknown_states};
pub use forms::{Form, TESTED};
pub use forward_proxy::ForwardProxy;
pub use gate::{KubeGate, Moment};
pub use guarded::Guarded;
pub use handle::Handle;
pub use helm::{chart, helm_chart, helm_of};
pub use history::History;
pub use kinds::Kind;
pub use manifests::*;
pub use operator::*;
pub use process::{Process, program};
pub use rights::{SERVICE_ACCOUNT, SHARD_LABEL, api_of, is_permitted};
pub use scenario::{Given, Scenario};
pub use shards::in_shard;
pub use snapshot::{Snapshot, keys};
pub use values::{ROTATED, THIRD, VALUES};
pub use workloads::{WORKLOADS, workload};

use std::time::Duration;

/// How long anything may take before a test gives up: only a hang gets there.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Longer than any test lasts.
pub const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a test waits before it looks again. Stories take most of their time from the API server, and so do looks.
pub const POLL: Duration = Duration::from_millis(100);
/// The longest pause between two tries of an operator in a test, before jitter adds up to a half of it.
pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(1);
/// How long nothing may be written before a story is over: longer than the longest pause between two tries.
pub const QUIET: Duration = Duration::from_millis(1800);
/// The same for an operator process, whose first two pauses take up to a second and a half and three seconds.
pub const QUIET_PROCESS: Duration = Duration::from_secs(5);
