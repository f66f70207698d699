//! The server's side of the budget of one organization: a sliding window, and the headers of the responses.

use crate::remote::budget::Limit;
use metorial::{Meta, RateLimit};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// A server with a sliding window.
pub struct Server {
    limit: Limit,
    window: VecDeque<Instant>,
    /// The times of all requests that it accepted.
    pub accepted: Vec<Instant>,
    /// The requests that it refused.
    pub refused: usize,
}

impl Server {
    /// Returns a server that nobody has sent anything to.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            window: VecDeque::new(),
            accepted: Vec::new(),
            refused: 0,
        }
    }

    /// Counts a request, and returns the headers of its response.
    pub fn answer(&mut self, now: Instant) -> Meta {
        let Limit { requests, per } = self.limit;
        self.window.retain(|at| now.duration_since(*at) < per);
        if (self.window.len() as u64) < requests {
            self.window.push_back(now);
            self.accepted.push(now);
        } else {
            self.refused += 1;
        }
        // The reset is when the oldest request leaves the window, in full seconds (▲).
        let oldest = self.window.front();
        let reset = oldest.map_or(per, |at| per - now.duration_since(*at));
        Meta {
            rate_limit: Some(RateLimit {
                limit: Some(requests),
                remaining: Some(requests - self.window.len() as u64),
                reset: Some(Duration::from_secs(reset.as_secs_f64().ceil() as u64)),
            }),
            ..Meta::default()
        }
    }
}
