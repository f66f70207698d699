//! The budget of one organization, with the server that it is for.

use super::server::Server;
use crate::plan::purpose::Purpose;
use crate::remote::budget::{Budget, Limit, Refused, WINDOW};
use crate::resources::ResourceKey;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

/// See the module.
pub struct Account {
    budget: Budget,
    /// Those whose turn it is.
    called: UnboundedReceiver<ResourceKey>,
    /// The server.
    pub server: Server,
}

impl Account {
    /// Returns the account of a key with this limit, which both sides know.
    pub fn new(requests: u64) -> Self {
        let limit = Limit {
            requests,
            per: WINDOW,
        };
        let (queue, called) = unbounded_channel();
        Self {
            budget: Budget::new("the organization", limit, queue),
            called,
            server: Server::new(limit),
        }
    }

    /// Sends a request, whose response is received later, and returns its number. `sent`: the requests of the same
    /// reconciliation before.
    ///
    /// # Errors
    /// The time to wait, if it is not the resource's turn.
    pub fn send(&mut self, purpose: &Purpose, sent: u64, now: Instant) -> Result<u64, Duration> {
        let admitted = self.budget.admit(None, purpose, sent, now);
        admitted.map_err(|refused| match refused {
            Refused::Spent(spent) => spent.wait,
            Refused::Unreachable(unreachable) => unreachable.wait,
        })
    }

    /// Receives the response to the request of that number.
    pub fn receive(&mut self, request: u64, now: Instant) {
        let meta = self.server.answer(now);
        self.budget.answered(request, &meta, now);
        self.budget.ended(request, now);
    }

    /// Records that a reconciliation needs nothing more.
    pub fn withdraw(&self, key: &ResourceKey, now: Instant) {
        self.budget.withdraw(key, now);
    }

    /// Returns those whose turn it is since the last call.
    pub fn called(&mut self) -> Vec<ResourceKey> {
        std::iter::from_fn(|| self.called.try_recv().ok()).collect()
    }
}
