//! What the keys of one organization share, whatever their own limits are: the requests that were sent, and the limits of users.

use super::limit::Limit;
use super::window::Window;
use crate::resources::ResourceKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// A pool, for all who share it. It is always locked last.
pub type SharedPool = Arc<Mutex<Pool>>;

/// The requests that were sent, and the limits that users set.
#[derive(Default)]
pub struct Pool {
    /// The requests that were sent.
    pub window: Window,
    /// Limits that users set. They only tighten: all of them hold.
    pub limits: BTreeMap<ResourceKey, Limit>,
    /// The number of requests that were sent at all.
    pub sent: u64,
    /// The length of the longest window of those who share this.
    longest: Duration,
}

impl Pool {
    /// Forgets requests that no limit counts any more; `longest`: the longest window of one who shares this.
    pub fn expire(&mut self, longest: Duration, now: Instant) {
        self.longest = self.longest.max(longest);
        self.window.drop_older(self.longest, now);
    }
}
