//! The images that `make image` builds, run by a real container runtime as the chart's pod asks for it: not as root, with a
//! read-only file system, without capabilities. `make test` does neither.

mod container;
mod layout;
mod pod;
pub mod scratch;
mod stories;
mod system_calls;
