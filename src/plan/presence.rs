//! The existence of a remote object, by an observation and the recorded state: reads may lag behind our own writes.

use super::case::Case;
use super::facts::{Facts, Query};
use super::observed::RemoteView;
use super::record::Record;
use std::sync::Arc;

/// The existence of a remote object.
#[derive(Clone, Debug, PartialEq)]
pub enum Presence {
    /// It exists.
    Live(Arc<RemoteView>),
    /// It is gone permanently: archived, deleted, or no longer known to the API.
    Gone,
    /// The read is older than our last write, so it says nothing.
    Lagging,
}

impl Presence {
    /// Interprets a read of the object `id`.
    ///
    /// A read replica is optional on the server (▲), so a read right after a write may not show it: neither an older
    /// version nor an absence is believed before [`Record::settles_in`] is over.
    #[must_use]
    pub fn from_read(id: &str, read: Option<&Arc<RemoteView>>, record: &Record) -> Self {
        let ours = record.remote_updated_at;
        let ours = ours.filter(|_| record.id.as_deref() == Some(id));
        let outdated = |remote: &RemoteView| ours.is_some_and(|ours| remote.updated_at < ours);
        match read {
            Some(remote) if !remote.live => Self::Gone,
            Some(remote) if !record.settled() && outdated(remote) => Self::Lagging,
            Some(remote) => Self::Live(remote.clone()),
            None if record.settled() => Self::Gone,
            None => Self::Lagging,
        }
    }

    /// Returns the presence of the object `id`.
    ///
    /// # Errors
    /// It was not read.
    pub fn read(case: &Case<'_>, facts: &Facts, id: &str) -> Result<Self, Query> {
        let observation = facts.remote(id, case.max_age())?;
        Ok(Self::from_read(id, observation.view.as_ref(), &case.record))
    }
}
