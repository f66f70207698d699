//! Rate limits: a sliding window for each organization, key or address.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Rate limit: a number of requests in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests allowed in the period.
    pub requests: usize,
    /// The period.
    pub per: Duration,
}

/// State of a window after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) admitted: bool,
    pub(crate) limit: usize,
    pub(crate) remaining: usize,
    /// Time until the oldest request leaves the window.
    pub(crate) oldest_leaves_in: Duration,
    /// Time until the window is empty.
    pub(crate) empty_in: Duration,
}

/// Windows, by the id of the organization, the key or the address.
#[derive(Default)]
pub(crate) struct Windows(BTreeMap<String, VecDeque<Instant>>);

impl Windows {
    /// Counts a request unless the window is full.
    pub(crate) fn admit(&mut self, counted_for: &str, limit: Limit, now: Instant) -> Usage {
        self.look(counted_for, limit, now, true)
    }

    /// Returns the state of a window without a further request.
    pub(crate) fn peek(&mut self, counted_for: &str, limit: Limit, now: Instant) -> Usage {
        self.look(counted_for, limit, now, false)
    }

    fn look(&mut self, counted_for: &str, limit: Limit, now: Instant, counts: bool) -> Usage {
        let window = self.0.entry(counted_for.to_owned()).or_default();
        while window
            .front()
            .is_some_and(|&at| now.duration_since(at) >= limit.per)
        {
            window.pop_front();
        }
        let admitted = !counts || window.len() < limit.requests;
        if admitted && counts {
            window.push_back(now);
        }
        let leaves_in = |at: Option<&Instant>| {
            at.map_or(limit.per, |&at| {
                limit.per.saturating_sub(now.duration_since(at))
            })
        };
        Usage {
            admitted,
            limit: limit.requests,
            remaining: limit.requests.saturating_sub(window.len()),
            oldest_leaves_in: leaves_in(window.front()),
            empty_in: leaves_in(window.back()),
        }
    }

    /// Empties a window.
    pub(crate) fn clear(&mut self, counted_for: &str) {
        self.0.remove(counted_for);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_request_frees_a_slot() {
        let limit = Limit {
            requests: 2,
            per: Duration::from_secs(600),
        };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut windows = Windows::default();
        assert_eq!(windows.admit("org", limit, at(0)).remaining, 1);
        assert_eq!(windows.admit("org", limit, at(100)).remaining, 0);
        let refused = windows.admit("org", limit, at(200));
        assert!(!refused.admitted);
        assert_eq!(refused.oldest_leaves_in, Duration::from_secs(400));
        assert_eq!(refused.empty_in, Duration::from_secs(500));
        assert!(windows.admit("org", limit, at(600)).admitted);
        assert!(!windows.admit("org", limit, at(601)).admitted);
        assert!(windows.admit("another", limit, at(601)).admitted);
        let seen = windows.peek("org", limit, at(601));
        assert!(seen.admitted && seen.remaining == 0);
        assert_eq!(windows.peek("another", limit, at(601)).remaining, 1);
    }
}
