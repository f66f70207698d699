//! The fence that every write passes, to Kubernetes and to the API: it is open only while this process leads.

use super::boot_time::BootTime;
use crate::lock::lock;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The longest sleep of [`closed()`](Fence::closed).
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The right of this process to write, with the time at which it ends.
///
/// It holds a time, not a flag: a process that was stopped for a while (a suspended machine, a starved container)
/// wakes up in the middle of any code, and the comparison with the clock closes the fence even if no task has run yet
/// that would have noticed the lost lease.
#[derive(Clone, Default)]
pub struct Fence(Arc<Mutex<Option<BootTime>>>);

impl Fence {
    /// Returns a fence that is always open, for a process without other replicas.
    #[must_use]
    pub fn open() -> Self {
        let fence = Self::default();
        fence.open_until(BootTime::now() + Duration::MAX);
        fence
    }

    /// Returns true if a write may be sent at this moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let until = lock(&self.0);
        until.is_some_and(|until| BootTime::now() < until)
    }

    /// Waits until no write may be sent.
    pub async fn closed(&self) {
        loop {
            let until = *lock(&self.0);
            let left = until.map_or(Duration::ZERO, |until| until.since(BootTime::now()));
            if left.is_zero() {
                return;
            }
            // It may be closed earlier.
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }

    /// Allows writes until `until`.
    pub fn open_until(&self, until: BootTime) {
        *lock(&self.0) = Some(until);
    }

    /// Refuses writes from now on.
    pub fn close(&self) {
        *lock(&self.0) = None;
    }
}
