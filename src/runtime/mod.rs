//! The life of the process: leadership, watches and the work queue.

mod check;
mod definition;
mod failures;
mod follow;
mod identities;
mod listen;
mod operator;
mod queue;
mod registry;
mod schedule;
#[cfg(test)]
mod simulation;
mod watch;

pub use check::{Checked, check};
pub use operator::{Unusable, run};
