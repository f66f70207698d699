//! The process: who leads, how it starts and ends, what it serves, and what it does when a reconciliation fails or the
//! API server is away.
#![allow(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod api_server;
mod durations;
mod failing_reconciliations;
mod freezing;
mod metrics;
mod replicas;
mod starting;
mod stopping;
