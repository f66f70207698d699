//! Behavior of the simulator over HTTP and through its handle.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails here")]

mod access;
mod builds;
mod configs;
mod credentials;
mod deployments;
mod faults;
mod keys;
mod lists;
mod records;
mod refusals;
mod support;
mod surroundings;
