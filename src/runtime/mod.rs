//! The life of the process: leadership, watches and the work queue.

mod failures;
mod follow;
mod listen;
mod operator;
mod queue;
mod registry;
mod schedule;
#[cfg(test)]
mod simulation;
mod watch;

pub use operator::{Unusable, run};
