//! The loop: what changed names a key, a pass over the key reads, looks, decides, acts and reports.

mod act;
mod check;
mod export;
mod finish;
pub mod kinds;
mod memory;
mod pass;
mod publish;
mod queue;
mod report;
mod schedule;
mod see;
mod stall;
mod subject;
mod term;
mod trouble;
mod unreachable;
mod watch;
mod world;

pub use term::{Unusable, run};
