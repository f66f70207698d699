//! The limit of one connection.

use super::limit::Limit;
use super::scheduler::Scheduler;
use super::spent::Spent;
use super::view::View;
use super::window::Counted;
use crate::lock::lock;
use crate::plan::purpose::Purpose;
use crate::resources::ResourceKey;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// The limit that a Connection sets for its own requests. Those of others are neither counted nor held back by it: who may
/// write one Connection must not slow down the whole organization.
pub struct OwnLimit {
    connection: ResourceKey,
    scheduler: Mutex<Scheduler>,
    /// True if the status of the connection shows that it is spent.
    shown_spent: AtomicBool,
    queue: UnboundedSender<ResourceKey>,
}

impl OwnLimit {
    /// Returns the limit of a connection, of which nothing is used yet. `queue`: where those who may send are enqueued.
    #[must_use]
    pub fn new(connection: ResourceKey, limit: Limit, queue: UnboundedSender<ResourceKey>) -> Self {
        let mut scheduler = Scheduler::default();
        scheduler.capacity.set_limit(&connection, Some(limit));
        Self {
            connection,
            scheduler: Mutex::new(scheduler),
            shown_spent: AtomicBool::new(false),
            queue,
        }
    }

    /// Changes the limit. What was sent stays counted.
    pub fn set(&self, limit: Limit, now: Instant) {
        let mut scheduler = self.lock();
        scheduler.capacity.set_limit(&self.connection, Some(limit));
        self.enqueue(&mut scheduler, now);
    }

    /// Decides about one request, as [`Scheduler::check`] does.
    ///
    /// # Errors
    /// It may not be sent now.
    pub fn check(
        &self,
        scheduler: &mut Scheduler,
        purpose: &Purpose,
        sent: u64,
        now: Instant,
    ) -> Result<(), Spent> {
        let checked = scheduler.check(purpose, sent, now);
        self.enqueue(scheduler, now);
        checked.map_err(|refusal| {
            let spent = scheduler.unclaimed(now) == 0;
            if spent && !self.shown_spent.swap(true, Ordering::Relaxed) {
                self.queue.send(self.connection.clone()).ok();
            }
            let ResourceKey { kind, name, .. } = &self.connection;
            let whose = format!("spec.rateLimit of {kind}/{name}");
            Spent::new(&whose, scheduler, refusal)
        })
    }

    /// Returns the limit as the status of its connection shows it.
    #[must_use]
    pub fn view(&self, now: Instant) -> Option<View> {
        let view = View::from_scheduler(&self.lock(), now);
        let spent = view.is_some_and(|view| view.remaining == 0);
        self.shown_spent.store(spent, Ordering::Relaxed);
        view
    }

    /// Learns that a request that was counted did not reach the server.
    pub fn not_sent(&self, counted: &Counted, now: Instant) {
        let mut scheduler = self.lock();
        scheduler.capacity.pool().remove(counted);
        self.enqueue(&mut scheduler, now);
    }

    /// Records that a reconciliation needs nothing more.
    pub fn withdraw(&self, key: &ResourceKey, now: Instant) {
        let mut scheduler = self.lock();
        scheduler.withdraw(key);
        self.enqueue(&mut scheduler, now);
    }

    /// Locks the schedule. It is always locked before that of an organization.
    pub fn lock(&self) -> MutexGuard<'_, Scheduler> {
        lock(&self.scheduler)
    }

    fn enqueue(&self, scheduler: &mut Scheduler, now: Instant) {
        for key in scheduler.wake(now) {
            // The receiver ends only with the leadership itself.
            self.queue.send(key).ok();
        }
    }
}
