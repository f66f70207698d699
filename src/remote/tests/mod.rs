//! Tests of the access to the API against servers on this machine.

mod access;
mod budget;
mod descriptions;
mod errors;
mod exports;
mod loader;
mod session;
