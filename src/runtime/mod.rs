//! The life of the process: leadership, watches and the work queue.

mod changes;
mod check;
mod enqueue;
mod failures;
mod identities;
mod list_watch;
mod missing_definition;
mod operator;
mod queue;
mod reconciler;
mod registry;
mod schedule;
#[cfg(test)]
mod simulation;

pub use check::{Checked, Finding, check};
pub use operator::{StartError, run};
