//! Limits of requests, and what they leave for each priority.

use crate::plan::purpose::Priority;
use std::time::Duration;
use tokio::time::Instant;

/// The window of the API's own limit, as documented.
pub const WINDOW: Duration = Duration::from_secs(600);
/// Bounds of a reset that is believed: the shortest window in the documentation has 10 s, and the client reads no wait
/// above an hour.
const SHORTEST_WINDOW: Duration = Duration::from_secs(10);
pub const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// A number of requests in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests.
    pub requests: u64,
    /// Length of the window.
    pub per: Duration,
}

impl Limit {
    /// Returns what is available in an empty window: a twentieth, but at least two requests, is kept for creates and
    /// deletions, and observations get a quarter. A small limit is divided so that each priority gets something.
    #[must_use]
    pub fn shares(&self) -> Available {
        let quarter = self.requests / 4;
        let reserve = (self.requests / 20).max(2).min(quarter);
        Available {
            total: self.requests,
            ordinary: self.requests - reserve,
            observation: quarter.max(1),
            probe: false,
        }
    }

    /// Learns the length of the window from a response: the reset is at most that far away, and exactly that far if the window
    /// has only the request that was answered. Returns true if the length was learned exactly.
    pub fn learn_length(&mut self, left: u64, reset: Duration) -> bool {
        let alone = self.requests.checked_sub(left) == Some(1);
        let learns = (alone && reset >= SHORTEST_WINDOW) || reset > self.per;
        if learns {
            self.per = reset.min(LONGEST_WINDOW);
        }
        learns && alone
    }

    /// Returns whether this limit allows less in the long run.
    #[must_use]
    pub fn is_tighter_than(&self, other: &Self) -> bool {
        let product = |limit: &Self, of: &Self| u128::from(limit.requests) * of.per.as_nanos();
        product(self, other) < product(other, self)
    }
}

/// A time that availability is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The present: requests on their way have no response yet.
    Now(Instant),
    /// A later time, by which the responses to requests on their way are expected.
    Expected(Instant),
}

impl Moment {
    /// Returns the time.
    #[must_use]
    pub fn at(self) -> Instant {
        match self {
            Self::Now(at) | Self::Expected(at) => at,
        }
    }

    /// Returns true if requests on their way have a response by then.
    #[must_use]
    pub fn is_expected(self) -> bool {
        matches!(self, Self::Expected(_))
    }
}

/// The requests that may be sent now. Each number includes those after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// Requests of any priority.
    pub total: u64,
    /// Requests other than creates and deletions.
    pub ordinary: u64,
    /// Observations.
    pub observation: u64,
    /// True if `total` is a guess: one request may be sent to find out.
    pub probe: bool,
}

impl Available {
    /// No limit at all.
    pub const UNLIMITED: Self = Self {
        total: u64::MAX,
        ordinary: u64::MAX,
        observation: u64::MAX,
        probe: false,
    };

    /// Returns the number for one priority.
    #[must_use]
    pub fn for_priority(&self, priority: Priority) -> u64 {
        match priority {
            Priority::Deletion | Priority::Create => self.total,
            Priority::Change | Priority::Rotation | Priority::Recovery => {
                self.total.min(self.ordinary)
            }
            Priority::Observation => self.total.min(self.ordinary).min(self.observation),
        }
    }

    /// Returns whether `count` requests fit. Before anything is known, one request is enough to start with.
    #[must_use]
    pub fn fits(&self, priority: Priority, count: u64) -> bool {
        let enough = if self.probe { count.min(1) } else { count };
        self.for_priority(priority) >= enough
    }

    /// Takes up to `count` requests.
    pub fn take(&mut self, priority: Priority, count: u64) {
        let count = count.min(self.for_priority(priority));
        self.total -= count;
        if !priority.has_reserve() {
            self.ordinary -= count;
        }
        if priority == Priority::Observation {
            self.observation -= count;
        }
    }

    /// Returns what two limits leave together.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            total: self.total.min(other.total),
            ordinary: self.ordinary.min(other.ordinary),
            observation: self.observation.min(other.observation),
            probe: self.probe || other.probe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_however_small_leaves_something_for_every_priority() {
        for requests in [1, 2, 3, 5, 8, 40, 100, 5000, u64::MAX] {
            let shares = Limit {
                requests,
                per: WINDOW,
            }
            .shares();
            for priority in Priority::ALL {
                assert!(shares.fits(priority, 1), "{requests} {priority:?}");
            }
            assert_eq!(shares.for_priority(Priority::Create), requests);
            assert!(shares.for_priority(Priority::Observation) <= (requests / 4).max(1));
        }
        let shares = |requests| {
            let per = WINDOW;
            Limit { requests, per }.shares()
        };
        assert_eq!((shares(100).ordinary, shares(100).observation), (95, 25));
        assert_eq!((shares(20).ordinary, shares(20).observation), (18, 5));
        assert_eq!((shares(5000).ordinary, shares(2).ordinary), (4750, 2));
    }

    #[test]
    fn what_is_taken_counts_for_every_less_urgent_priority_too() {
        let mut left = Limit {
            requests: 100,
            per: WINDOW,
        }
        .shares();
        left.take(Priority::Observation, 1000);
        assert_eq!(left.for_priority(Priority::Observation), 0);
        assert_eq!(left.for_priority(Priority::Change), 70);
        left.take(Priority::Change, 70);
        assert_eq!(left.for_priority(Priority::Rotation), 0);
        assert_eq!(left.for_priority(Priority::Deletion), 5);
    }
}
