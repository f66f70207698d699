//! The budget of one organization, shared by every connection to it.
//!
//! The server counts all keys and instances of an organization together (▲), while the documentation speaks of a limit
//! per key: one budget per organization satisfies both. Nothing is sent that is known to exceed this limit; the server
//! may refuse requests with 429 all the same, for its limit per address or for what others send.

use super::capacity::Capacity;
use super::limit::Limit;
use super::own::OwnLimit;
use super::pool::{SharedPool, Waiters};
use super::quota::Quota;
use super::scheduler::Scheduler;
use super::spent::Spent;
use super::unanswered::LONGEST_PAUSE;
use super::view::View;
use crate::lock::lock;
use crate::plan::purpose::Purpose;
use crate::resources::{RateLimitSource, ResourceKey};
use metorial::{Error, ErrorKind, Meta};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The budget of one organization.
pub struct Budget {
    /// The organization, as messages name it.
    whose: String,
    pool: SharedPool,
    shared: Arc<Shared>,
}

/// The part of a budget that is changed when another one of the organization is.
struct Shared {
    state: Mutex<State>,
    /// The work queue.
    queue: UnboundedSender<ResourceKey>,
}

/// The reason for which a request may not be sent now.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The budget is spent, or others come first.
    Spent(Spent),
    /// The last request had no response, and those before it may have used the budget up.
    Unreachable(Unreachable),
}

/// A request that was not sent while the API does not answer.
#[derive(Clone, Debug)]
pub struct Unreachable {
    /// The time until the next attempt.
    pub wait: Duration,
    /// The error of the last request, which had no response.
    pub error: Error,
}

struct State {
    scheduler: Scheduler,
    /// The last failure, if the last request had no response.
    failure: Option<Error>,
    /// The connections that show the budget in their statuses.
    connections: BTreeSet<ResourceKey>,
    /// The budget as they show it.
    shown: Option<Shown>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Shown {
    requests: u64,
    source: RateLimitSource,
    spent: bool,
}

impl Budget {
    /// Returns a budget of which nothing is used yet. `queue`: where those who may send are enqueued.
    #[must_use]
    pub fn new(
        whose: impl Into<String>,
        limit: Limit,
        queue: UnboundedSender<ResourceKey>,
    ) -> Self {
        Self::sharing(SharedPool::default(), whose, limit, queue)
    }

    /// Returns the budget of the keys of an organization that have this limit, next to those of keys that have another one: what
    /// all of them send counts for each, but no refusal of a key closes the window of keys with another limit.
    #[must_use]
    pub fn sharing(
        pool: SharedPool,
        whose: impl Into<String>,
        limit: Limit,
        queue: UnboundedSender<ResourceKey>,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                scheduler: Scheduler::new(Capacity::new(Quota::assumed(limit), pool.clone())),
                failure: None,
                connections: BTreeSet::new(),
                shown: None,
            }),
            queue,
        });
        let waiters: Weak<Shared> = Arc::downgrade(&shared);
        pool.add(waiters);
        Self {
            whose: whose.into(),
            pool,
            shared,
        }
    }

    /// Takes one request out of the budget, and out of `own`, the limit of the one connection that sends it. Returns its
    /// number. `sent`: the requests of the reconciliation before.
    ///
    /// # Errors
    /// It may not be sent now. Nothing is taken then.
    pub fn admit(
        &self,
        own: Option<&OwnLimit>,
        purpose: &Purpose,
        sent: u64,
        now: Instant,
    ) -> Result<u64, Refused> {
        let mut own = own.map(|own| (own, own.lock()));
        if let Some((own, scheduler)) = &mut own {
            let checked = own.check(scheduler, purpose, sent, now);
            checked.map_err(|spent| {
                let state = self.lock();
                let failed = state.scheduler.capacity.failed(now);
                state.refusal(spent, scheduler.is_spent_by(&failed, purpose, sent, now))
            })?;
        }
        let _admission = self.pool.lock_admission();
        let mut state = self.lock();
        let admitted = match state.scheduler.check(purpose, sent, now) {
            Ok(()) => {
                if let Some((_, scheduler)) = &mut own {
                    scheduler.take(purpose, sent, now);
                }
                Ok(state.scheduler.take(purpose, sent, now))
            }
            Err(refusal) => {
                let spent = Spent::new(&self.whose, &state.scheduler, refusal);
                let failed = state.scheduler.capacity.failed(now);
                let by_failures = state.scheduler.is_spent_by(&failed, purpose, sent, now);
                Err(state.refusal(spent, by_failures))
            }
        };
        self.shared.enqueue(&mut state, now);
        admitted
    }

    /// Learns that the server refused the request of that number with 429, and returns when it may be repeated.
    #[must_use]
    pub fn throttled(
        &self,
        request: u64,
        purpose: &Purpose,
        sent: u64,
        error: &Error,
        now: Instant,
    ) -> Spent {
        let reset = error.meta().rate_limit.and_then(|limit| limit.reset);
        let asked = error.retry_after().or(reset);
        let mut state = self.lock();
        state.failure = None;
        if let Some((quota, mut pool)) = state.scheduler.capacity.quota() {
            quota.refused(request, asked, &mut pool, now);
        }
        let refusal = state.scheduler.refuse(purpose, sent, now);
        let spent = Spent::new(&self.whose, &state.scheduler, refusal);
        self.shared.enqueue(&mut state, now);
        spent
    }

    /// Corrects the budget by the headers of a response to the request of that number.
    pub fn answered(&self, request: u64, meta: &Meta, now: Instant) {
        let mut state = self.lock();
        state.failure = None;
        state.scheduler.capacity.expire(now);
        if let Some((quota, mut pool)) = state.scheduler.capacity.quota() {
            let reported = meta.rate_limit.as_ref();
            quota.answered(request, reported, &mut pool, now);
        }
        state.scheduler.wake_first(now);
        self.shared.enqueue(&mut state, now);
    }

    /// Learns why the request of that number has no response. What did not reach the server does not count.
    pub fn failed(&self, request: u64, error: &Error) {
        let mut state = self.lock();
        if error.was_not_sent()
            && let Some((quota, mut pool)) = state.scheduler.capacity.quota()
        {
            quota.not_sent(request, &mut pool);
        }
        if matches!(error.kind(), ErrorKind::Transient | ErrorKind::Ambiguous) {
            state.failure = Some(error.clone());
        }
    }

    /// Counts the end of the request of that number.
    pub fn ended(&self, request: u64, now: Instant) {
        let mut state = self.lock();
        state.scheduler.capacity.ended(request, now);
        self.enqueue_all(state, now);
    }

    /// Records that a reconciliation needs nothing more.
    pub fn withdraw(&self, key: &ResourceKey, now: Instant) {
        let mut state = self.lock();
        state.scheduler.withdraw(key);
        self.shared.enqueue(&mut state, now);
    }

    /// Returns the number of requests that may be sent now.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> u64 {
        self.current(now).scheduler.capacity.available(now).total
    }

    /// Adds a connection that uses the budget, with the limit that it sets for all of them.
    pub fn join(&self, connection: &ResourceKey, limit: Option<Limit>, now: Instant) {
        let mut state = self.lock();
        state.connections.insert(connection.clone());
        state.scheduler.capacity.set_limit(connection, limit);
        self.enqueue_all(state, now);
    }

    /// Removes a connection.
    pub fn leave(&self, connection: &ResourceKey, now: Instant) {
        let mut state = self.lock();
        state.connections.remove(connection);
        state.scheduler.capacity.set_limit(connection, None);
        self.enqueue_all(state, now);
    }

    /// Returns the budget as the status of a connection with this limit of its own shows it.
    #[must_use]
    pub fn view(&self, own: Option<&OwnLimit>, now: Instant) -> Option<View> {
        let own = own.and_then(|own| own.view(now));
        let mut state = self.current(now);
        let shared = View::from_scheduler(&state.scheduler, now);
        state.shown = shared.as_ref().map(Shown::from_view);
        own.into_iter().chain(shared).reduce(View::tighter)
    }

    /// Returns the budget as the metrics show it, whatever statuses show.
    #[must_use]
    pub fn metrics_view(&self, now: Instant) -> Option<View> {
        View::from_scheduler(&self.current(now).scheduler, now)
    }

    /// Moves what was sent, and what the server reported, from the budget of a key whose organization was not known yet.
    pub fn take_over(&self, unknown: &Self, now: Instant) {
        // A budget of the same organization is known already, and others may use it.
        if self.pool.is_same(&unknown.pool) {
            return;
        }
        // One lock at a time: two connections may be identified concurrently.
        let (window, quota) = unknown.lock().scheduler.capacity.hand_over();
        let mut state = self.lock();
        state
            .scheduler
            .capacity
            .take_over(window, quota.as_ref(), now);
        self.shared.enqueue(&mut state, now);
    }

    /// Enqueues those whose turn it is, with whatever key of the organization they wait if more is available for all.
    fn enqueue_all(&self, mut state: MutexGuard<'_, State>, now: Instant) {
        self.shared.enqueue(&mut state, now);
        let freed = state.scheduler.capacity.take_freed();
        drop(state);
        if freed {
            self.pool.wake_all(now);
        }
    }

    /// Locks the state, which knows by then what keys with another limit have sent.
    fn current(&self, now: Instant) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.scheduler.capacity.expire(now);
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

impl Waiters for Shared {
    fn wake(&self, now: Instant) {
        self.enqueue(&mut lock(&self.state), now);
    }
}

impl Shared {
    /// Enqueues those whose turn it is, and the connections if their statuses are out of date. That requests are available
    /// again is not urgent: the connection looks when they should be.
    fn enqueue(&self, state: &mut State, now: Instant) {
        for key in state.scheduler.wake(now) {
            // The receiver ends only with the leadership itself.
            self.queue.send(key).ok();
        }
        let current = View::from_scheduler(&state.scheduler, now)
            .as_ref()
            .map(Shown::from_view);
        if let (Some(shown), Some(current)) = (&mut state.shown, current)
            && current.concerns(shown)
        {
            *shown = current;
            for connection in &state.connections {
                self.queue.send(connection.clone()).ok();
            }
        }
    }
}

impl State {
    /// Returns why a request is refused for which the count leaves nothing: an outage is the cause if the last request had no
    /// response, and those that had none may have used up what is left (`by_failures`). One of those who come back soon then
    /// finds out what is left. What the server itself reported as spent is no outage.
    fn refusal(&self, spent: Spent, by_failures: bool) -> Refused {
        match self.failure.clone().filter(|_| by_failures) {
            Some(error) => Refused::Unreachable(Unreachable {
                wait: spent.wait.min(LONGEST_PAUSE),
                error,
            }),
            None => Refused::Spent(spent),
        }
    }
}

impl Shown {
    fn from_view(view: &View) -> Self {
        Self {
            requests: view.limit.requests,
            source: view.source,
            spent: view.remaining == 0,
        }
    }

    /// Returns whether a status that shows `former` is out of date.
    fn concerns(&self, former: &Self) -> bool {
        let limit = (self.requests, self.source) != (former.requests, former.source);
        limit || (self.spent && !former.spent)
    }
}
