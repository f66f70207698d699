//! Stories that take a minute or more by their nature, told at the same time: what is due after a minute, and an API
//! server that goes away, comes back, or stands still.
#![expect(
    clippy::unwrap_used,
    reason = "a story that can't go on fails where it stands"
)]

#[path = "../support/mod.rs"]
mod support;

mod api_server;
mod durations;
