//! Tests of the access to the API against servers on this machine.

mod errors;
mod loader;
