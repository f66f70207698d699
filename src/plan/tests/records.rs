//! Recorded states for the tests of decisions.

use crate::plan::memory::{Lags, Memory};
use crate::plan::record::{Finalizer, Record};
use crate::resources::ResourceStatus;
use std::time::{Duration, Instant};

/// Returns the recorded state of a resource whose writes every read shows.
pub fn settled<S: ResourceStatus>(
    status: &S,
    finalizer: Option<Finalizer>,
    memory: &Memory,
) -> Record {
    let now = Instant::now();
    let lags = Lags {
        since: now,
        settle: Duration::ZERO,
        read_lag: Duration::ZERO,
    };
    Record::new(status, finalizer, memory, &lags, now)
}
