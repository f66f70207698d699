//! The request budget of one organisation: a window of what was sent, corrected by what the server says.

use metorial::{Error, ErrorKind, Meta, RateLimit};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The window that the API documents.
pub const WINDOW: Duration = Duration::from_secs(600);

/// How many requests a window takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests.
    pub requests: u64,
    /// In this long.
    pub per: Duration,
}

/// Shared by every connection of an organisation, as at the server.
pub struct Budget(Mutex<Window>);

struct Window {
    limit: Limit,
    /// Whether a user set the limit: then the server's word on it doesn't count.
    fixed: bool,
    sent: VecDeque<Instant>,
    /// What the server said is left, less what was sent since; until the time beside it.
    left: Option<(u64, Instant)>,
    closed_until: Option<Instant>,
}

impl Budget {
    /// A budget with nothing sent yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self(Mutex::new(Window {
            limit,
            fixed: false,
            sent: VecDeque::new(),
            left: None,
            closed_until: None,
        }))
    }

    /// Takes one request out of the budget.
    ///
    /// # Errors
    /// There is none left: how long to wait.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut window = self.lock();
        window.forget(now);
        if let Some(wait) = window.wait(now) {
            return Err(wait);
        }
        window.sent.push_back(now);
        if let Some((left, _)) = &mut window.left {
            *left -= 1;
        }
        Ok(())
    }

    /// Learns from an answer.
    pub fn answered(&self, meta: &Meta, now: Instant) {
        if let Some(told) = &meta.rate_limit {
            self.lock().told(told, now);
        }
    }

    /// Learns from a failure; a 429 closes the budget for as long as the server asks, a minute where it doesn't say,
    /// and never longer than a window.
    pub fn failed(&self, error: &Error, now: Instant) {
        self.answered(error.meta(), now);
        if error.kind() == ErrorKind::Throttled {
            let reset = error.meta().rate_limit.and_then(|told| told.reset);
            let wait = error
                .retry_after()
                .or(reset)
                .unwrap_or(Duration::from_secs(60));
            let mut window = self.lock();
            let wait = wait.clamp(Duration::from_secs(1), window.limit.per);
            window.closed_until = Some(now + wait);
        }
    }

    /// How many requests are left now.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> u64 {
        let mut window = self.lock();
        window.forget(now);
        match window.wait(now) {
            Some(_) => 0,
            None => window
                .free()
                .min(window.left.map_or(u64::MAX, |(left, _)| left)),
        }
    }

    /// Takes a limit that a user set.
    pub fn limit(&self, limit: Limit) {
        let mut window = self.lock();
        (window.limit, window.fixed) = (limit, true);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn forget(&mut self, now: Instant) {
        let per = self.limit.per;
        while self
            .sent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= per)
        {
            self.sent.pop_front();
        }
        self.left = self.left.filter(|(_, until)| now < *until);
        self.closed_until = self.closed_until.filter(|until| now < *until);
    }

    fn free(&self) -> u64 {
        self.limit.requests.saturating_sub(self.sent.len() as u64)
    }

    /// How long until a request may be sent; `None`: now.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let closed = self.closed_until.map(|until| until - now);
        let spent = self
            .left
            .filter(|(left, _)| *left == 0)
            .map(|(_, until)| until - now);
        let full = (self.free() == 0)
            .then(|| {
                self.sent
                    .front()
                    .map(|first| (*first + self.limit.per) - now)
            })
            .flatten();
        [closed, spent, full].into_iter().flatten().max()
    }

    fn told(&mut self, told: &RateLimit, now: Instant) {
        if let (false, Some(limit)) = (self.fixed, told.limit.filter(|limit| *limit > 0)) {
            self.limit.requests = limit;
        }
        if let (Some(left), Some(reset)) = (told.remaining, told.reset) {
            let reset = reset.clamp(Duration::from_secs(1), self.limit.per);
            self.left = Some((left, now + reset));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(requests: u64) -> Budget {
        Budget::new(Limit {
            requests,
            per: WINDOW,
        })
    }

    #[test]
    fn never_more_than_the_limit_in_any_window() {
        let (budget, start) = (budget(3), Instant::now());
        for second in 0..3 {
            assert_eq!(budget.admit(start + Duration::from_secs(second)), Ok(()));
        }
        assert_eq!(
            budget.admit(start + Duration::from_secs(3)),
            Err(Duration::from_secs(597))
        );
        assert_eq!(budget.admit(start + WINDOW), Ok(()));
        assert!(budget.admit(start + WINDOW).is_err());
    }

    #[test]
    fn what_the_server_says_is_left_counts_more_than_our_own_books() {
        let (budget, now) = (budget(100), Instant::now());
        let rate_limit = Some(RateLimit {
            limit: Some(100),
            remaining: Some(1),
            reset: Some(Duration::from_secs(30)),
        });
        budget.answered(
            &Meta {
                rate_limit,
                ..Meta::default()
            },
            now,
        );
        assert_eq!(budget.remaining(now), 1);
        assert_eq!(budget.admit(now), Ok(()));
        assert_eq!(budget.admit(now), Err(Duration::from_secs(30)));
        assert_eq!(budget.admit(now + Duration::from_secs(30)), Ok(()));
    }
}
