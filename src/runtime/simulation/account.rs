//! The budget of one organization, with the server that it is for.

use super::server::Server;
use crate::remote::budget::{Budget, Limit, WINDOW};
use std::time::Duration;
use tokio::time::Instant;

/// See the module.
pub struct Account {
    budget: Budget,
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
        Self {
            budget: Budget::new(limit),
            server: Server::new(limit),
        }
    }

    /// Sends a request, whose response is received later.
    ///
    /// # Errors
    /// The time to wait, if the budget is spent.
    pub fn send(&mut self, now: Instant) -> Result<(), Duration> {
        self.budget.admit(None, now)
    }

    /// Receives the response to a request.
    pub fn receive(&mut self, now: Instant) {
        let meta = self.server.answer(now);
        self.budget.record_response(&meta, now);
    }
}
