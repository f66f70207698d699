//! Behavior of the simulator over HTTP and through its handle.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails here")]

mod access;
mod configs;
mod credentials;
mod faults;
mod lists;
mod records;
mod support;
mod surroundings;
