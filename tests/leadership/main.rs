//! Stories about the process: who leads, how it starts and ends, and what it does when the API server is away.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod api_server;
mod replicas;
mod starting;
mod stopping;
