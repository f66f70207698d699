//! The instances that the other connections of a namespace open: a create whose response was lost may have been sent to one.

use super::not_ready::NotReady;
use super::registry::Connections;
use super::settings::{ConnectionKey, DEFAULT};
use crate::cluster::error::ClusterError;
use crate::plan::record::Destination;
use crate::remote::Session;
use futures::stream::{StreamExt, iter};
use std::sync::Arc;

/// The connections that are read and checked at once.
const AT_ONCE: usize = 8;

/// A connection by which an instance can be searched.
pub struct InstanceKey {
    /// The connection.
    pub connection: ConnectionKey,
    /// Its session.
    pub session: Arc<Session>,
    /// The connection and the instance as statuses have them.
    pub there: Destination,
}

/// The instances that other connections open.
#[derive(Default)]
pub struct Others {
    /// The keys of each instance that can be searched.
    pub instances: Vec<Vec<InstanceKey>>,
    /// The instances of connections that can't be used now.
    pub unknown: Vec<Destination>,
}

impl Others {
    fn add(&mut self, key: InstanceKey) {
        let same = |keys: &&mut Vec<InstanceKey>| {
            let first = keys.first();
            first.is_some_and(|first| first.session.is_of_instance(&key.session))
        };
        match self.instances.iter_mut().find(same) {
            Some(keys) => keys.push(key),
            None => self.instances.push(vec![key]),
        }
    }
}

impl Connections {
    /// Returns the instances but the one of `own` that connections but `except` open which resources in `namespace` may use, ready
    /// or not, those of connections named `default` first.
    ///
    /// # Errors
    /// They could not be listed.
    pub async fn others_of(
        &self,
        namespace: &str,
        except: &ConnectionKey,
        own: &Session,
    ) -> Result<Others, ClusterError> {
        let mut keys = self.setup.keys(namespace).await?;
        keys.retain(|key| key != except);
        keys.sort_by_key(|key| key.name != DEFAULT);
        let mut reads = Vec::new();
        for key in keys {
            reads.push(self.other(key, namespace));
        }
        // One whose server hangs must not take the time for the others.
        let read: Vec<_> = iter(reads).buffered(AT_ONCE).collect().await;
        let mut others = Others::default();
        for (connection, there, session) in read.into_iter().flatten() {
            match session {
                None => others.unknown.push(there),
                Some(session) if own.is_of_instance(&session) => {}
                Some(session) => others.add(InstanceKey {
                    connection,
                    session,
                    there,
                }),
            }
        }
        Ok(others)
    }

    /// Returns the instance that a connection opens, or opened when that was last known, and its session, unless its API key
    /// can't be used. Nothing was sent through one that never opened an instance.
    async fn other(
        &self,
        key: ConnectionKey,
        namespace: &str,
    ) -> Option<(ConnectionKey, Destination, Option<Arc<Session>>)> {
        let state = self.refresh(&key).await;
        let admitted = self.admit(&key, namespace).await;
        if admitted.is_err_and(|refusal| !refusal.transient) {
            return None;
        }
        let recorded = self.recorded_instance(&key).await;
        let usable = state.not_ready.as_ref().is_none_or(NotReady::keeps_session);
        let session = state.session.filter(|_| usable);
        let instance = session.as_ref().map(|session| session.instance.id.clone());
        let there = Destination {
            connection: key.to_string(),
            instance: instance.or(recorded)?,
        };
        Some((key, there, session))
    }
}
