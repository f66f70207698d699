//! What the headers of a response say about the server's count, and what was sent since.

use tokio::time::Instant;

/// The content of a response's headers.
#[derive(Clone, Copy)]
pub struct Report {
    /// The number of the last request that was sent before the response arrived.
    pub last_sent: u64,
    pub at: Instant,
    pub until: Instant,
    /// Requests left by the server's count.
    pub remaining: u64,
    /// Our requests that the server may not have counted then: those without a response, and those sent since.
    pub uncounted: u64,
    /// Requests with keys that have another limit, which the server may not have counted then. One that counts each key by itself
    /// (▲) never does.
    pub of_others: u64,
    /// The number of those that it has counted, if it counts any.
    pub counted_of_others: u64,
    /// The limit as it would be without the requests of others: requests left, and ours in the window.
    pub effective_limit: u64,
}

impl Report {
    /// Returns true if this request was sent before the report arrived, and before its reset.
    pub fn is_concurrent(&self, request: u64, now: Instant) -> bool {
        request <= self.last_sent && now < self.until
    }

    /// Returns the requests that are left until the reset.
    pub fn left(&self) -> u64 {
        self.left_without(0)
    }

    /// Returns the same as if the server had counted so many of the requests before, or would not count them.
    pub fn left_without(&self, these: u64) -> u64 {
        let uncounted = self.uncounted + self.of_others;
        self.remaining
            .saturating_sub(uncounted.saturating_sub(these))
    }

    /// Returns the requests that are left after the reset, when so many of ours are in the window.
    pub fn left_after_reset(&self, ours: u64) -> u64 {
        self.effective_limit.saturating_sub(ours + self.of_others)
    }

    /// Learns that the server had counted one of the uncounted.
    pub fn count_one(&mut self) {
        let left = self.left_to_us();
        self.uncounted = self.uncounted.saturating_sub(1);
        self.effective_limit += self.left_to_us() - left;
    }

    /// Learns that the request of that number was not sent.
    pub fn forget_one(&mut self, request: u64) {
        let left = self.left_to_us();
        self.uncounted = self.uncounted.saturating_sub(1);
        // It was among ours in the window already.
        if request <= self.last_sent && self.left_to_us() == left {
            self.effective_limit = self.effective_limit.saturating_sub(1);
        }
    }

    fn left_to_us(&self) -> u64 {
        self.remaining.saturating_sub(self.uncounted)
    }
}
