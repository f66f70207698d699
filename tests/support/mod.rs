//! What the stories are told with: a world of one namespace, one instance at a simulator, and an operator that can be
//! started, stopped and killed. Every test has its own; all of a binary share one control plane.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    missing_docs,
    reason = "each binary uses a part of it"
)]

mod admin;
mod command;
mod connections;
mod deaths;
mod everywhere;
mod gate;
mod history;
pub mod limits;
mod looks;
mod manifests;
mod operator;
mod oracles;
mod people;
mod process;
mod rights;
mod scene;
pub mod threads;
mod world;

pub use admin::{Page, Samples, page};
pub use command::{fail, run, succeed};
pub use connections::{condition_of, message, word, word_of};
pub use deaths::{Calls, Death, each};
pub use everywhere::{Everywhere, own_plane, sweep};
pub use gate::{KubeGate, Moment};
pub use history::History;
pub use looks::{condition, drifted, keys};
pub use manifests::*;
pub use operator::Operator;
pub use process::{Process, free_address, sample};
pub use rights::api_of;
pub use scene::example;
pub use world::{Setup, World, is_ready, ready, status};

use std::time::Duration;

/// How long anything may take before a test gives up: only a hang gets there.
pub const PATIENCE: Duration = Duration::from_secs(90);
