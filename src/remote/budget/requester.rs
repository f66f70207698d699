//! One reconciliation, as far as it sends requests.

use super::organization::{Budget, Refused};
use super::own::OwnLimit;
use super::spent::Spent;
use super::window::Counted;
use crate::plan::purpose::Purpose;
use metorial::{Error, Meta};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::time::Instant;

/// The sender of requests for one purpose. When it is dropped, others may have what it did not need.
pub struct Requester {
    budget: Arc<Budget>,
    own_limit: Option<Arc<OwnLimit>>,
    purpose: Purpose,
    sent: AtomicU64,
    /// True if it was refused, so that it will come back.
    waits: AtomicBool,
}

/// A request on its way.
pub struct Ticket {
    budget: Arc<Budget>,
    own_limit: Option<Arc<OwnLimit>>,
    number: u64,
    counted: Counted,
}

impl Requester {
    /// Returns one that has sent nothing yet.
    #[must_use]
    pub fn new(budget: Arc<Budget>, own_limit: Option<Arc<OwnLimit>>, purpose: Purpose) -> Self {
        Self {
            budget,
            own_limit,
            purpose,
            sent: AtomicU64::new(0),
            waits: AtomicBool::new(false),
        }
    }

    /// Returns the budget that requests count against.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Returns the limit of its connection.
    #[must_use]
    pub fn own_limit(&self) -> Option<&Arc<OwnLimit>> {
        self.own_limit.as_ref()
    }

    /// Returns its purpose.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// Takes one request out of the budget.
    ///
    /// # Errors
    /// It may not be sent now.
    pub fn admit(&self, now: Instant) -> Result<Ticket, Refused> {
        let own_limit = self.own_limit.as_deref();
        let sent = self.sent.load(Ordering::Relaxed);
        let admitted = self.budget.admit(own_limit, &self.purpose, sent, now);
        // One that is refused in an outage has no place to come back to.
        let waits = matches!(admitted, Err(Refused::Spent(_)));
        self.waits.store(waits, Ordering::Relaxed);
        let number = admitted?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(Ticket {
            budget: self.budget.clone(),
            own_limit: self.own_limit.clone(),
            number,
            counted: Counted::new(&self.purpose, now),
        })
    }

    /// Learns that the server refused its last request with 429, and returns when it may be repeated.
    #[must_use]
    pub fn throttled(&self, ticket: &Ticket, error: &Error, now: Instant) -> Spent {
        self.waits.store(true, Ordering::Relaxed);
        let before = self.sent.load(Ordering::Relaxed).saturating_sub(1);
        let request = ticket.number;
        self.budget
            .throttled(request, &self.purpose, before, error, now)
    }
}

impl Drop for Requester {
    fn drop(&mut self) {
        if !self.waits.load(Ordering::Relaxed) {
            let (key, now) = (&self.purpose.key, Instant::now());
            if let Some(own_limit) = &self.own_limit {
                own_limit.withdraw(key, now);
            }
            self.budget.withdraw(key, now);
        }
    }
}

impl Ticket {
    /// Corrects the budget by the headers of the response.
    pub fn answered(&self, meta: &Meta, now: Instant) {
        self.budget.answered(self.number, meta, now);
    }

    /// Learns why there is no response.
    pub fn failed(&self, error: &Error, now: Instant) {
        if let Some(own_limit) = &self.own_limit
            && error.was_not_sent()
        {
            own_limit.not_sent(&self.counted, now);
        }
        self.budget.failed(self.number, error);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.budget.ended(self.number, Instant::now());
    }
}
