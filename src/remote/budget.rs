//! The request budget of one organization: a sliding window of the requests that were sent, corrected by the headers of
//! the responses.
//!
//! The server counts all keys and instances of an organization together (▲), while the documentation speaks of a limit
//! per key: one budget per organization satisfies both. Nothing is sent that the server would refuse with 429.

use crate::lock::lock;
use crate::resources::ResourceKey;
use metorial::{Error, ErrorKind, Meta, RateLimit};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// The window of the API's own limit.
pub const WINDOW: Duration = Duration::from_secs(600);

/// A number of requests in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Requests.
    pub requests: u64,
    /// Length of the window.
    pub per: Duration,
}

/// The budget, shared by every connection of an organization.
pub struct Budget(Mutex<Window>);

/// The limit that a Connection sets for its own requests. Those of others are neither counted nor held back by it: who may
/// write one Connection must not slow down the whole organization.
pub struct OwnLimit(Budget);

impl OwnLimit {
    /// Returns the limit, of which nothing is used yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self(Budget::new(limit))
    }

    /// Changes the limit. What was sent stays counted.
    pub fn set(&self, limit: Limit) {
        self.0.lock().limit = limit;
    }
}

struct Window {
    /// The limit of the instance's type, or the one that the server reported.
    limit: Limit,
    /// The limits that ClusterConnections set for the organization. They only tighten: all of them hold.
    user_limits: BTreeMap<ResourceKey, Limit>,
    /// The times of the requests that were sent, oldest first.
    sent: VecDeque<Instant>,
    /// The requests that the server reported as remaining, less those sent since, and when that report expires.
    remaining: Option<(u64, Instant)>,
    /// The time until which a 429 forbids every request.
    closed_until: Option<Instant>,
}

impl Budget {
    /// Returns a budget of which nothing is used yet.
    #[must_use]
    pub fn new(limit: Limit) -> Self {
        Self(Mutex::new(Window {
            limit,
            user_limits: BTreeMap::new(),
            sent: VecDeque::new(),
            remaining: None,
            closed_until: None,
        }))
    }

    /// Takes one request out of the budget, and out of `own`, the limit of the one connection that sends it.
    ///
    /// # Errors
    /// The time to wait, if none is left in one of them. Nothing is taken then.
    pub fn admit(&self, own: Option<&OwnLimit>, now: Instant) -> Result<(), Duration> {
        // An own limit is always locked before a budget, and two budgets never together.
        let mut own = own.map(|own| own.0.lock());
        let mut window = self.lock();
        let own_wait = own.as_mut().and_then(|own| own.next_wait(now));
        if let Some(wait) = own_wait.into_iter().chain(window.next_wait(now)).max() {
            return Err(wait);
        }
        window.take(now);
        if let Some(own) = &mut own {
            own.take(now);
        }
        Ok(())
    }

    /// Corrects the budget by the headers of a response.
    pub fn record_response(&self, meta: &Meta, now: Instant) {
        if let Some(reported) = &meta.rate_limit {
            self.lock().correct(reported, now);
        }
    }

    /// Corrects the budget by a failure. A 429 closes it for as long as the server asks: by `Retry-After`, which the
    /// reference documents and the server does not send (▲), else until the reset, else for a minute; never longer than
    /// a window, so that a wrong header can't stop the operator for good.
    pub fn record_failure(&self, error: &Error, now: Instant) {
        self.record_response(error.meta(), now);
        if error.kind() == ErrorKind::Throttled {
            let reset = error.meta().rate_limit.and_then(|limit| limit.reset);
            let wait = error
                .retry_after()
                .or(reset)
                .unwrap_or(Duration::from_secs(60));
            let mut window = self.lock();
            let wait = wait.clamp(Duration::from_secs(1), WINDOW);
            window.closed_until = Some(now + wait);
        }
    }

    /// Returns the number of requests that may be sent now.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> u64 {
        let mut window = self.lock();
        window.drop_expired(now);
        match window.wait(now) {
            Some(_) => 0,
            None => window.free(now).min(
                window
                    .remaining
                    .map_or(u64::MAX, |(remaining, _)| remaining),
            ),
        }
    }

    /// Sets or removes the limit that a ClusterConnection asks for.
    pub fn set_user_limit(&self, connection: &ResourceKey, limit: Option<Limit>) {
        let mut window = self.lock();
        match limit {
            Some(limit) => window.user_limits.insert(connection.clone(), limit),
            None => window.user_limits.remove(connection),
        };
    }

    /// Moves what was sent, and what the server reported, from the budget of a key whose organization was not known yet.
    pub fn take_over(&self, unknown: &Self) {
        if std::ptr::eq(self, unknown) {
            return;
        }
        // One lock at a time: two connections may be identified at once.
        let (sent, remaining) = {
            let mut unknown = unknown.lock();
            (std::mem::take(&mut unknown.sent), unknown.remaining.take())
        };
        let mut window = self.lock();
        window.sent.extend(sent);
        window.sent.make_contiguous().sort_unstable();
        window.remaining = remaining.or(window.remaining);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        lock(&self.0)
    }
}

impl Window {
    /// Returns the time until a request may be sent, after what expired was dropped; `None` if one may be sent now.
    fn next_wait(&mut self, now: Instant) -> Option<Duration> {
        self.drop_expired(now);
        self.wait(now)
    }

    fn take(&mut self, now: Instant) {
        self.sent.push_back(now);
        if let Some((remaining, _)) = &mut self.remaining {
            *remaining -= 1;
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        let per = self.limits().map(|limit| limit.per).max();
        let per = per.unwrap_or_default().max(WINDOW);
        while self
            .sent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= per)
        {
            self.sent.pop_front();
        }
        self.remaining = self.remaining.filter(|(_, until)| now < *until);
        self.closed_until = self.closed_until.filter(|until| now < *until);
    }

    fn limits(&self) -> impl Iterator<Item = &Limit> {
        self.user_limits.values().chain([&self.limit])
    }

    /// Counts the requests that are still in the window of `limit`.
    fn count(&self, limit: &Limit, now: Instant) -> usize {
        let expired = |at: &Instant| now.duration_since(*at) >= limit.per;
        self.sent.len() - self.sent.partition_point(expired)
    }

    fn free(&self, now: Instant) -> u64 {
        let free = |limit: &Limit| {
            let used = self.count(limit, now) as u64;
            limit.requests.saturating_sub(used)
        };
        self.limits().map(free).min().unwrap_or_default()
    }

    /// Returns the time until `limit` admits one more request; `None` if it does now.
    fn wait_for(&self, limit: &Limit, now: Instant) -> Option<Duration> {
        let requests = usize::try_from(limit.requests).unwrap_or(usize::MAX).max(1);
        if self.count(limit, now) < requests {
            return None;
        }
        let next_to_expire = self.sent.get(self.sent.len() - requests)?;
        Some((*next_to_expire + limit.per) - now)
    }

    /// Returns the time until a request may be sent; `None` if one may be sent now.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let closed = self.closed_until.map(|until| until - now);
        let spent = self
            .remaining
            .filter(|(remaining, _)| *remaining == 0)
            .map(|(_, until)| until - now);
        let full = self.limits().filter_map(|limit| self.wait_for(limit, now));
        [closed, spent].into_iter().flatten().chain(full).max()
    }

    fn correct(&mut self, reported: &RateLimit, now: Instant) {
        if let Some(limit) = reported.limit.filter(|limit| *limit > 0) {
            self.limit.requests = limit;
        }
        if let (Some(remaining), Some(reset)) = (reported.remaining, reported.reset) {
            let reset = reset.clamp(Duration::from_secs(1), WINDOW);
            self.remaining = Some((remaining, now + reset));
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
            assert_eq!(
                budget.admit(None, start + Duration::from_secs(second)),
                Ok(())
            );
        }
        assert_eq!(
            budget.admit(None, start + Duration::from_secs(3)),
            Err(Duration::from_secs(597))
        );
        assert_eq!(budget.admit(None, start + WINDOW), Ok(()));
        assert!(budget.admit(None, start + WINDOW).is_err());
    }

    #[test]
    fn the_servers_own_count_overrides_ours() {
        let (budget, now) = (budget(100), Instant::now());
        let rate_limit = Some(RateLimit {
            limit: Some(100),
            remaining: Some(1),
            reset: Some(Duration::from_secs(30)),
        });
        budget.record_response(
            &Meta {
                rate_limit,
                ..Meta::default()
            },
            now,
        );
        assert_eq!(budget.remaining(now), 1);
        assert_eq!(budget.admit(None, now), Ok(()));
        assert_eq!(budget.admit(None, now), Err(Duration::from_secs(30)));
        assert_eq!(budget.admit(None, now + Duration::from_secs(30)), Ok(()));
    }

    #[test]
    fn limits_of_users_hold_all_at_once_each_in_its_own_window_and_no_longer_than_they_are_set() {
        let (budget, start) = (budget(100), Instant::now());
        let limit = |requests, seconds| {
            let per = Duration::from_secs(seconds);
            Some(Limit { requests, per })
        };
        let [fast, slow] = ["fast", "slow"].map(|name| ResourceKey::new("Connection", "n", name));
        budget.set_user_limit(&fast, limit(2, 60));
        budget.set_user_limit(&slow, limit(3, 3600));
        assert_eq!(budget.remaining(start), 2);
        for second in [0, 1, 60] {
            assert_eq!(
                budget.admit(None, start + Duration::from_secs(second)),
                Ok(())
            );
            let next = start + Duration::from_secs(second);
            assert!(second == 0 || budget.admit(None, next).is_err());
        }
        let late = start + Duration::from_secs(700);
        assert_eq!(budget.admit(None, late), Err(Duration::from_secs(2900)));
        budget.set_user_limit(&slow, None);
        assert_eq!(budget.admit(None, late), Ok(()));
        budget.set_user_limit(&fast, limit(1000, 60));
        assert_eq!(budget.remaining(late), 99, "the server's own limit stays");
    }

    #[test]
    fn the_limit_of_a_connection_holds_back_its_own_requests_and_no_others() {
        let (budget, now) = (budget(3), Instant::now());
        let limit = |requests| Limit {
            requests,
            per: WINDOW,
        };
        let own = OwnLimit::new(limit(1));
        assert_eq!(budget.admit(Some(&own), now), Ok(()));
        assert_eq!(budget.admit(Some(&own), now), Err(WINDOW));
        assert_eq!(budget.remaining(now), 2, "what is held back is not counted");
        assert_eq!(budget.admit(None, now), Ok(()));
        own.set(limit(1000));
        assert_eq!(budget.admit(Some(&own), now), Ok(()));
        assert_eq!(
            budget.admit(Some(&own), now),
            Err(WINDOW),
            "it only tightens"
        );
    }

    #[test]
    fn what_was_sent_before_the_organization_was_known_counts_for_it() {
        let (known, unknown, now) = (budget(2), budget(5000), Instant::now());
        assert_eq!(unknown.admit(None, now), Ok(()));
        known.take_over(&unknown);
        known.take_over(&known);
        assert_eq!(known.remaining(now), 1);
    }
}
