//! The simulator seen from outside: over HTTP as a client, and through its handle as a test.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails here")]

mod access;
mod configs;
mod credentials;
mod faults;
mod lists;
mod records;
mod support;
mod surroundings;
