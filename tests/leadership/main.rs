//! Stories about the process: who leads, and how it starts and ends.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod freezing;
mod replicas;
mod starting;
mod stopping;
