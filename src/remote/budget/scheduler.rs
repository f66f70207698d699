//! Decides who may send the next request. Pure: the time is an argument.
//!
//! Nobody is blocked here. A refused caller gets a place and the time of its turn, and comes back then; it is woken if
//! requests become available earlier. Meanwhile nobody takes a request that a caller with a place has the better right to.

use super::capacity::Capacity;
use super::limit::Available;
use super::waiting::{GRACE, Waiting};
use super::window::PerPriority;
use crate::plan::purpose::{Priority, Purpose};
use crate::resources::ResourceKey;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Shortest time until a refused caller comes back.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Precision of turns.
const PRECISION: Duration = Duration::from_millis(10);
/// Difference between a turn and the time that was announced for it which does not matter.
const TOLERANCE: Duration = Duration::from_secs(2);
/// The most that are woken together, so that they can all come before their turns expire.
const MAX_WOKEN: usize = 100;

/// The schedule of one organization's requests, or of one connection's.
#[derive(Default)]
pub struct Scheduler {
    /// The requests that may be sent.
    pub capacity: Capacity,
    waiting: Waiting,
    claims: HashMap<ResourceKey, Claim>,
    woken: Vec<ResourceKey>,
}

/// The requests that a reconciliation which has started may still send. Without all of them it would have to start again.
struct Claim {
    priority: Priority,
    left: u64,
    until: Instant,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The time until the caller's turn.
    pub wait: Duration,
    /// The time until the turn that was announced first: until then it is the same for each attempt.
    pub announced: Duration,
}

impl Scheduler {
    /// Returns an empty schedule.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            ..Self::default()
        }
    }

    /// Decides whether a reconciliation may send a request now, after `sent` others. It does not count as sent yet.
    ///
    /// # Errors
    /// It may not; it has a place from now on.
    pub fn check(&mut self, purpose: &Purpose, sent: u64, now: Instant) -> Result<(), Refusal> {
        self.expire(now);
        let Purpose { key, priority, .. } = purpose;
        let available = self.available_to(Some(key), now);
        // What has begun is finished first: if it were repeated, it would cost more.
        let may_send = if sent > 0 || self.claims.contains_key(key) {
            available.fits(*priority, 1)
        } else if self.waiting.is_empty() {
            available.fits(*priority, self.at_most(*priority, purpose.requests))
        } else {
            let place = self.waiting.enter(purpose, purpose.requests, now);
            self.serve(available, Some(place), now)
        };
        if may_send {
            Ok(())
        } else {
            Err(self.refuse(purpose, sent, now))
        }
    }

    /// Counts a request that is sent, and returns its number.
    pub fn take(&mut self, purpose: &Purpose, sent: u64, now: Instant) -> u64 {
        let waited = self.waiting.remove(&purpose.key).map(|entry| entry.needs);
        let claimed = self.claims.remove(&purpose.key).map(|claim| claim.left);
        let first = (sent == 0).then_some(purpose.requests);
        let needs = waited.max(claimed).or(first).unwrap_or(1);
        if needs > 1 {
            let claim = Claim {
                priority: purpose.priority,
                left: needs - 1,
                until: now + GRACE,
            };
            self.claims.insert(purpose.key.clone(), claim);
        }
        self.capacity.add(purpose, now)
    }

    /// Refuses a request after `sent` others of the same reconciliation, which has to be repeated.
    pub fn refuse(&mut self, purpose: &Purpose, sent: u64, now: Instant) -> Refusal {
        self.claims.remove(&purpose.key);
        let needs = purpose.requests.max(sent + 1);
        let place = self.waiting.enter(purpose, needs, now);
        let order = self.order(now);
        let turn = self.turn(place, &order, now).max(now + SHORTEST_WAIT);
        let mut announced = turn;
        if let Some(entry) = self.waiting.at_mut(place) {
            entry.turn = turn;
            if entry.announced <= now {
                entry.announced = turn;
            }
            announced = entry.announced;
        }
        self.waiting.limit(&order);
        Refusal {
            wait: turn - now,
            announced: announced - now,
        }
    }

    /// Returns true if nothing but requests that failed forbids the next one, after `sent` others, which was refused: it would be
    /// available without them, even after everybody who comes first.
    #[must_use]
    pub fn is_spent_by(
        &self,
        failed: &PerPriority,
        purpose: &Purpose,
        sent: u64,
        now: Instant,
    ) -> bool {
        if failed.iter().sum::<u64>() == 0 {
            return false;
        }
        let without = self.capacity.available_without(failed, now);
        let mut without = self.unclaimed_by_others(without, Some(&purpose.key));
        if sent > 0 {
            return without.fits(purpose.priority, 1);
        }
        let (mut priority, mut needs) = (purpose.priority, purpose.requests);
        for place in self.order(now) {
            let Some(entry) = self.waiting.at(place) else {
                continue;
            };
            let of_entry = (entry.purpose.priority, entry.needs);
            if entry.purpose.key == purpose.key {
                // What it waits for may be more, or more urgent, than what it needs now.
                (priority, needs) = of_entry;
                break;
            }
            without.take(of_entry.0, self.at_most(of_entry.0, of_entry.1));
        }
        without.fits(priority, self.at_most(priority, needs))
    }

    /// Records that a reconciliation needs nothing more.
    pub fn withdraw(&mut self, key: &ResourceKey) {
        self.waiting.remove(key);
        self.claims.remove(key);
    }

    /// Wakes those whose turn it is now, and returns all that were woken since the last time.
    pub fn wake(&mut self, now: Instant) -> Vec<ResourceKey> {
        self.expire(now);
        let available = self.available_to(None, now);
        self.serve(available, None, now);
        std::mem::take(&mut self.woken)
    }

    /// Wakes the first in the order if its turn is earlier than any that was announced: the window may be shorter than it
    /// seemed. The response to its request then shows what is available for others.
    pub fn wake_first(&mut self, now: Instant) {
        let announced = self.waiting.iter().map(|entry| entry.turn).min();
        let Some(announced) = announced.filter(|announced| *announced > now + TOLERANCE) else {
            return;
        };
        let order = self.order(now);
        let Some(first) = order.first().copied() else {
            return;
        };
        if self.turn(first, &order, now) + TOLERANCE < announced
            && let Some(entry) = self.waiting.at_mut(first)
        {
            entry.turn = now;
            self.woken.push(entry.purpose.key.clone());
        }
    }

    /// Returns the number of requests that nobody waits for. Observations are left out: they may wait for their share while
    /// there are requests for everything else.
    #[must_use]
    pub fn unclaimed(&self, now: Instant) -> u64 {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|entry| entry.purpose.priority != Priority::Observation);
        let needed = waiting.map(|entry| entry.needs).sum();
        self.capacity.available(now).total.saturating_sub(needed)
    }

    /// Returns the time until everybody who waits may have sent, or until the next request is available.
    #[must_use]
    pub fn resumes_in(&self, now: Instant) -> Duration {
        let last = self.waiting.iter().map(|entry| entry.turn).max();
        let next = || self.first_time(now, |available| available.total > 0);
        last.filter(|turn| *turn > now).unwrap_or_else(next) - now
    }

    /// Goes through those who wait, in their order, while requests are available. Wakes those whose turn it is before the
    /// time that was announced, and returns whether it is the turn of `place`.
    fn serve(&mut self, mut available: Available, place: Option<u64>, now: Instant) -> bool {
        let order = match available.total {
            0 => Vec::new(),
            _ => self.order(now),
        };
        for next in order {
            if available.total == 0 {
                return false;
            }
            let Some(entry) = self.waiting.at(next) else {
                return false;
            };
            let priority = entry.purpose.priority;
            let needs = self.at_most(priority, entry.needs);
            let fits = available.fits(priority, needs);
            if place == Some(next) {
                return fits;
            }
            if fits
                && self.woken.len() < MAX_WOKEN
                && let Some(entry) = self.waiting.at_mut(next).filter(|entry| entry.turn > now)
            {
                entry.turn = now;
                self.woken.push(entry.purpose.key.clone());
            }
            available.take(priority, needs);
        }
        false
    }

    /// Returns when `place` may send, if nobody else comes. Those before it whose turn it is already may not come either:
    /// then it may send once their turns have expired.
    fn turn(&self, place: u64, order: &[u64], now: Instant) -> Instant {
        let (mut ahead, mut not_due) = ([0; Priority::ALL.len()], [0; Priority::ALL.len()]);
        for entry in order.iter().take_while(|next| **next != place) {
            let Some(entry) = self.waiting.at(*entry) else {
                continue;
            };
            ahead[entry.purpose.priority as usize] += entry.needs;
            if entry.turn > now {
                not_due[entry.purpose.priority as usize] += entry.needs;
            }
        }
        let Some(entry) = self.waiting.at(place) else {
            return now;
        };
        let priority = entry.purpose.priority;
        let needs = self.at_most(priority, entry.needs);
        let after = |ahead: [u64; Priority::ALL.len()]| {
            self.first_time(now, |mut available| {
                let ahead = Priority::ALL.into_iter().zip(ahead);
                ahead.for_each(|(priority, needs)| available.take(priority, needs));
                available.fits(priority, needs)
            })
        };
        let turn = after(ahead);
        if ahead == not_due {
            turn
        } else {
            turn.min(after(not_due).max(now + GRACE))
        }
    }

    /// Returns the first time at which what is expected to be available is `enough`; at most a window from now, since
    /// nothing is known of the next one.
    fn first_time(&self, now: Instant, enough: impl Fn(Available) -> bool) -> Instant {
        if enough(self.capacity.expected(now)) {
            return now;
        }
        let (mut before, mut after) = (Duration::ZERO, self.capacity.longest_window());
        while after - before > PRECISION {
            let middle = before + (after - before) / 2;
            if enough(self.capacity.expected(now + middle)) {
                after = middle;
            } else {
                before = middle;
            }
        }
        now + after
    }

    fn order(&self, now: Instant) -> Vec<u64> {
        let window = self.capacity.tightest().map(|(limit, _)| limit.per);
        let patience = window.unwrap_or_default();
        self.waiting
            .order(&self.capacity.pool().window, patience, now)
    }

    /// Returns what the claims of others leave to a reconciliation.
    fn available_to(&self, key: Option<&ResourceKey>, now: Instant) -> Available {
        self.unclaimed_by_others(self.capacity.available(now), key)
    }

    fn unclaimed_by_others(
        &self,
        mut available: Available,
        key: Option<&ResourceKey>,
    ) -> Available {
        for (of, claim) in &self.claims {
            if Some(of) != key {
                available.take(claim.priority, claim.left);
            }
        }
        available
    }

    /// Returns `needs`, but not more than the limits allow at all: that could be waited for without end.
    fn at_most(&self, priority: Priority, needs: u64) -> u64 {
        needs.min(self.capacity.most().for_priority(priority))
    }

    fn expire(&mut self, now: Instant) {
        self.capacity.expire(now);
        self.waiting.expire(now);
        self.claims.retain(|_, claim| now < claim.until);
    }
}
