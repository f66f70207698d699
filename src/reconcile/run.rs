//! The state of one reconciliation: what it works with, and the effects that its steps had so far.

use super::context::Context;
use super::error::Error;
use super::resource::Resource;
use crate::connections::ConnectionState;
use crate::kinds::Kind;
use crate::plan::case::Case;
use crate::plan::memory::Memory;
use crate::plan::purpose::Purpose;
use crate::plan::steps::Effect;
use crate::remote::{RemoteError, Session};
use crate::resources::ConnectionKey;
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// One reconciliation of one resource.
pub struct Run<'a, K: Kind> {
    /// Everything that reconciliations share.
    pub context: &'a Context,
    /// The resource.
    pub resource: Resource<'a, K>,
    /// Its connection.
    pub connection: &'a ConnectionKey,
    /// The connection's session: current, or the last that was good.
    pub session: Option<Arc<Session>>,
    /// The state of the connection at the start.
    pub state: &'a ConnectionState,
    /// Its start.
    pub began: Instant,
    /// Only what was read later is fresh.
    pub fresh_since: Instant,
    /// True if the API was asked for anything.
    pub asked: bool,
    /// True if the event of its plan was recorded.
    pub event_recorded: bool,
    /// The effects of its steps.
    pub effects: Vec<Effect>,
}

impl<'a, K: Kind> Run<'a, K> {
    /// Begins a reconciliation.
    #[must_use]
    pub fn new(
        resource: Resource<'a, K>,
        connection: &'a ConnectionKey,
        state: &'a ConnectionState,
        case: &Case<'_>,
    ) -> Self {
        let (session, purpose) = (state.session.as_ref(), Purpose::new(case, resource.key));
        Self {
            context: resource.context,
            resource,
            connection,
            state,
            session: session.map(|session| Arc::new(session.for_purpose(purpose))),
            began: Instant::now(),
            fresh_since: Instant::now(),
            asked: false,
            event_recorded: false,
            effects: Vec::new(),
        }
    }

    /// Waits until no other resource reads or writes the same object: the server's PATCH is a read-modify-write (▲), so of two
    /// at the same time one would be lost.
    pub async fn lock(&mut self, id: Option<&str>) -> Option<OwnedMutexGuard<()>> {
        let guard = match (&self.session, id) {
            (Some(session), Some(id)) => Some(session.lock(id).await),
            _ => None,
        };
        // What another resource read while this one waited may be older than a write in between.
        self.fresh_since = Instant::now();
        guard
    }

    /// Returns the session, to ask the API for something: a pause of the resource follows.
    ///
    /// # Errors
    /// The connection has none.
    pub fn api(&mut self) -> Result<Arc<Session>, RemoteError> {
        self.asked = true;
        self.session.clone().ok_or(RemoteError::NotConnected)
    }

    /// Reports to a connection that can't be used for a while that the API responds again.
    pub fn report_response(&self, case: &Case<'_>) {
        let away = self.state.not_ready.as_ref().is_some_and(|it| it.transient);
        if away && self.asked && case.failure.is_none() {
            self.context.connections.answered(self.connection);
        }
    }

    /// Confirms that the resource still belongs to this shard: before a step that sends a write to the API, and before a report.
    /// Another shard, to which it may have been moved meanwhile, waits for what this one may still send: so a write is sent
    /// immediately after this, or not at all.
    ///
    /// # Errors
    /// It belongs to another shard, or is gone; or the read failed.
    pub async fn confirm_shard(&mut self) -> Result<(), Error> {
        let at_most = self.context.timing.lease.renew;
        if self.resource.handle.is_of_shard(at_most).await? {
            Ok(())
        } else {
            Err(Error::OfAnotherShard)
        }
    }

    /// Remembers something about the resource.
    pub fn remember<T>(&mut self, change: impl FnOnce(&mut Memory) -> T) -> T {
        self.resource.remember(change)
    }
}
