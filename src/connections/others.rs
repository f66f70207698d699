//! The search for an object of a resource in the instances that the other connections of its namespace open: a create whose
//! response was lost may have been sent to one.

use super::entry::{Postponed, Unfinished};
use super::registry::Connections;
use crate::kinds::Kind;
use crate::plan::not_ready::NotReady;
use crate::plan::observed::RemoteView;
use crate::plan::ownership::{Claim, Marker, Owner};
use crate::plan::purpose::Purpose;
use crate::plan::record::{Destination, Elsewhere};
use crate::remote::{RemoteError, Session};
use crate::resources::{ConnectionKey, DEFAULT_CONNECTION, Reason, ResourceKey};
use futures::stream::{StreamExt, iter};
use std::sync::Arc;
use tokio::time::Instant;

/// The most connections that are read and checked concurrently, and the most instances that are searched concurrently.
pub const MAX_CONCURRENT_READS: usize = 8;

/// A search in other instances than the one of `own`.
pub struct OtherInstances<'a> {
    /// The resource's connection.
    pub connection: &'a ConnectionKey,
    /// Its session.
    pub own: &'a Session,
    /// The resource.
    pub owner: &'a Owner,
    /// The purpose of the requests.
    pub purpose: Purpose,
    /// Only lists that were started then or later count.
    pub since: Instant,
}

/// The result of the search of one instance.
enum Searched {
    /// It has an object of the resource.
    Found(Destination),
    /// It has none.
    Nothing(Arc<Session>),
    /// It could not be searched.
    Unknown(Destination),
    /// None of its keys may read the objects.
    Forbidden,
}

/// A connection by which an instance can be searched.
struct InstanceKey {
    connection: ConnectionKey,
    session: Arc<Session>,
    /// The connection and the instance as statuses have them.
    there: Destination,
}

/// Another connection, the instance that it opens, and its session if it can be used.
type Other = (ConnectionKey, Destination, Option<Arc<Session>>);

/// The instances that other connections open.
#[derive(Default)]
struct Others {
    /// The keys of each instance that can be searched.
    instances: Vec<Vec<InstanceKey>>,
    /// The servers and instances of connections that can't be used now.
    unknown: Vec<(Option<Arc<str>>, Destination)>,
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
    /// Searches the instances that other connections of the namespace open, several concurrently: one that hangs must not take
    /// the time for the others.
    ///
    /// # Errors
    /// The connections could not be listed, or another task reads one of them; the resource is enqueued when that has ended.
    pub async fn search_others<K: Kind>(
        &self,
        search: &OtherInstances<'_>,
    ) -> Result<Elsewhere, Unfinished> {
        let began = Instant::now();
        let Others {
            instances,
            mut unknown,
        } = self.others_of(search).await?;
        let mut searches = Vec::new();
        for keys in &instances {
            searches.push(self.search_instance::<K>(search, keys, began));
        }
        let mut results = iter(searches).buffer_unordered(MAX_CONCURRENT_READS);
        let (mut searched, mut failed) = (Vec::new(), Vec::new());
        while let Some(result) = results.next().await {
            match result {
                // Whatever the others show: there is one object at most.
                Searched::Found(there) => return Ok(Elsewhere::Found(there)),
                Searched::Nothing(session) => searched.push(session),
                Searched::Unknown(there) => failed.push(there),
                Searched::Forbidden => {}
            }
        }
        let sessions = searched.iter().map(|session| &**session);
        let known: Vec<&Session> = sessions.chain([search.own]).collect();
        unknown.retain(|(server, there)| {
            let is_there = |it: &&Session| {
                server.as_ref() == Some(&it.server) && it.instance.id == there.instance
            };
            !known.iter().any(is_there)
        });
        let unknown = unknown.into_iter().map(|(_, there)| there);
        // The answer does not depend on their order, nor does a message.
        let first = unknown
            .chain(failed)
            .min_by(|a, b| a.connection.cmp(&b.connection));
        Ok(first.map_or(Elsewhere::Nothing, Elsewhere::Unknown))
    }

    /// Searches one instance with the first of its keys that can.
    async fn search_instance<K: Kind>(
        &self,
        search: &OtherInstances<'_>,
        keys: &[InstanceKey],
        began: Instant,
    ) -> Searched {
        let mut result = Searched::Forbidden;
        for key in keys {
            let (session, there) = (&key.session, &key.there);
            match search.has_object::<K>(session).await {
                Ok(true) => return Searched::Found(there.clone()),
                Ok(false) => return Searched::Nothing(session.clone()),
                // A key that may not read the objects never searches them: nobody waits for it.
                Err(error) if error.reason() == Reason::Forbidden => {}
                Err(error) => {
                    if error.concerns_connection() {
                        self.suspect(&key.connection, began, &error);
                    }
                    result = Searched::Unknown(there.clone());
                }
            }
        }
        result
    }

    /// Returns the instances opened by other connections that `namespace` may use; connections named `default` come first. They
    /// need not be ready.
    async fn others_of(&self, search: &OtherInstances<'_>) -> Result<Others, Unfinished> {
        let (namespace, resource) = (&search.owner.namespace, &search.purpose.key);
        let mut keys = self.factory.keys(namespace).await?;
        keys.retain(|key| key != search.connection);
        keys.sort_by_key(|key| key.name != DEFAULT_CONNECTION);
        let mut reads = Vec::new();
        for key in keys {
            reads.push(self.other(key, namespace, resource));
        }
        // One whose server hangs must not take the time for the others.
        let read: Vec<_> = iter(reads).buffered(MAX_CONCURRENT_READS).collect().await;
        let read: Vec<_> = read.into_iter().collect::<Result<_, _>>()?;
        let mut others = Others::default();
        for (connection, there, session) in read.into_iter().flatten() {
            match session {
                None => {
                    let server = self.server(&connection);
                    others.unknown.push((server, there));
                }
                Some(session) if search.own.is_of_instance(&session) => {}
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
        resource: &ResourceKey,
    ) -> Result<Option<Other>, Postponed> {
        let state = self.refresh(&key, resource).await?;
        let admitted = self.admit(&key, namespace).await;
        if admitted.is_err_and(|refusal| !refusal.transient) {
            return Ok(None);
        }
        let recorded = self.recorded_instance(&key);
        let usable = state.not_ready.as_ref().is_none_or(NotReady::keeps_session);
        let session = state.session.filter(|_| usable);
        let instance = session.as_ref().map(|session| session.instance.id.clone());
        let other = instance.or(recorded).map(|instance| {
            let there = Destination {
                connection: key.to_string(),
                instance,
            };
            (key, there, session)
        });
        Ok(other)
    }
}

impl OtherInstances<'_> {
    async fn has_object<K: Kind>(&self, session: &Session) -> Result<bool, RemoteError> {
        let session = session.for_purpose(self.purpose.clone());
        let found = session.search::<K>(self.since, self.owner, false).await?;
        let claim = |remote: &RemoteView| Marker::claim(remote.marker.as_ref(), self.owner);
        let ours = |remote: &RemoteView| remote.live && claim(remote) == Claim::Ours;
        Ok(found.iter().any(ours))
    }
}
