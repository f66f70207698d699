//! The request budget of one organisation: a window of what was sent, corrected by what the server says.

use super::connection::ConnectionKey;
use metorial::{Error, ErrorKind, Meta, RateLimit};
use std::collections::{BTreeMap, VecDeque};
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
    /// The instance type's, or what the server says.
    limit: Limit,
    /// What users set on their connections: then all of these hold, and the one above doesn't.
    set: BTreeMap<ConnectionKey, Limit>,
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
            set: BTreeMap::new(),
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
            let wait = wait.clamp(Duration::from_secs(1), WINDOW);
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
                .free(now)
                .min(window.left.map_or(u64::MAX, |(left, _)| left)),
        }
    }

    /// Takes the limit that a user set on a connection, or forgets it.
    pub fn limit(&self, connection: &ConnectionKey, limit: Option<Limit>) {
        let mut window = self.lock();
        match limit {
            Some(limit) => window.set.insert(connection.clone(), limit),
            None => window.set.remove(connection),
        };
    }

    /// Takes over what was sent, and what the server said, before anybody knew whose key it is.
    pub fn take_over(&self, unknown: &Self) {
        if std::ptr::eq(self, unknown) {
            return;
        }
        let (sent, left) = {
            let mut unknown = unknown.lock();
            (std::mem::take(&mut unknown.sent), unknown.left.take())
        };
        let mut window = self.lock();
        window.sent.extend(sent);
        window.sent.make_contiguous().sort_unstable();
        window.left = left.or(window.left);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn forget(&mut self, now: Instant) {
        let per = self.limits().map(|limit| limit.per).max();
        let per = per.unwrap_or_default().max(WINDOW);
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

    fn limits(&self) -> impl Iterator<Item = &Limit> {
        let own = self.set.is_empty().then_some(&self.limit);
        self.set.values().chain(own)
    }

    /// The requests that count for a limit, from the first that is still in its window.
    fn counted(&self, limit: &Limit, now: Instant) -> usize {
        let gone = |at: &Instant| now.duration_since(*at) >= limit.per;
        self.sent.len() - self.sent.partition_point(gone)
    }

    fn free(&self, now: Instant) -> u64 {
        let free = |limit: &Limit| {
            let counted = self.counted(limit, now) as u64;
            limit.requests.saturating_sub(counted)
        };
        self.limits().map(free).min().unwrap_or_default()
    }

    /// How long until `limit` admits one more; `None`: now.
    fn full(&self, limit: &Limit, now: Instant) -> Option<Duration> {
        let requests = usize::try_from(limit.requests).unwrap_or(usize::MAX).max(1);
        if self.counted(limit, now) < requests {
            return None;
        }
        let leaves = self.sent.get(self.sent.len() - requests)?;
        Some((*leaves + limit.per) - now)
    }

    /// How long until a request may be sent; `None`: now.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let closed = self.closed_until.map(|until| until - now);
        let spent = self
            .left
            .filter(|(left, _)| *left == 0)
            .map(|(_, until)| until - now);
        let full = self.limits().filter_map(|limit| self.full(limit, now));
        [closed, spent].into_iter().flatten().chain(full).max()
    }

    fn told(&mut self, told: &RateLimit, now: Instant) {
        if let Some(limit) = told.limit.filter(|limit| *limit > 0) {
            self.limit.requests = limit;
        }
        if let (Some(left), Some(reset)) = (told.remaining, told.reset) {
            let reset = reset.clamp(Duration::from_secs(1), WINDOW);
            self.left = Some((left, now + reset));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ConnectionKind;

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
    #[test]
    fn limits_of_users_hold_all_at_once_each_in_its_own_window_and_no_longer_than_they_are_set() {
        let (budget, start) = (budget(1), Instant::now());
        let limit = |requests, seconds| {
            let per = Duration::from_secs(seconds);
            Some(Limit { requests, per })
        };
        let [fast, slow] =
            ["fast", "slow"].map(|name| ConnectionKey::new(ConnectionKind::Connection, "n", name));
        budget.limit(&fast, limit(2, 60));
        budget.limit(&slow, limit(3, 3600));
        assert_eq!(budget.remaining(start), 2);
        for second in [0, 1, 60] {
            assert_eq!(budget.admit(start + Duration::from_secs(second)), Ok(()));
            let next = start + Duration::from_secs(second);
            assert!(second == 0 || budget.admit(next).is_err());
        }
        let late = start + Duration::from_secs(700);
        assert_eq!(budget.admit(late), Err(Duration::from_secs(2900)));
        budget.limit(&slow, None);
        assert_eq!(budget.admit(late), Ok(()));
        budget.limit(&fast, None);
        assert!(budget.admit(late).is_err(), "the server's own limit is one");
    }

    #[test]
    fn what_was_sent_before_the_organisation_was_known_counts_for_it() {
        let (known, unknown, now) = (budget(2), budget(5000), Instant::now());
        assert_eq!(unknown.admit(now), Ok(()));
        known.take_over(&unknown);
        known.take_over(&known);
        assert_eq!(known.remaining(now), 1);
    }
}
