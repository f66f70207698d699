//! The process: who leads, how it starts and ends, what it serves, and what it does when a reconciliation fails or the
//! API server is away.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a story that can't continue fails there, and a manifest is written where it is used"
)]

#[path = "../support/mod.rs"]
mod support;

mod api_server;
mod durations;
mod failing_reconciliations;
mod freezing;
mod handover;
mod logs;
mod metrics;
mod proxies;
mod replicas;
mod shards;
mod starting;
mod stopping;
mod traces;
