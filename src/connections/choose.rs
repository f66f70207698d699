//! The choice of the connection that a resource uses.

use super::entry::Postponed;
use super::others::MAX_CONCURRENT_READS;
use super::registry::Connections;
use super::state::ConnectionState;
use crate::lock::lock;
use crate::resources::{
    CommonSpec, ConnectionDefaults, ConnectionKey, ConnectionRef, ResourceKey, api_address,
    server_of,
};
use futures::stream::{StreamExt, iter};
use std::sync::Arc;

/// The properties of a resource that decide which connection it uses.
pub struct ConnectionQuery<'a> {
    /// The resource.
    pub key: &'a ResourceKey,
    /// The part of its spec that all kinds share.
    pub spec: &'a CommonSpec,
    /// True if it is being deleted.
    pub terminating: bool,
    /// The connection that its object was created through, and the instance that it is in.
    pub recorded: Option<(ConnectionKey, Option<&'a str>)>,
}

impl Connections {
    /// Returns the connection that a resource uses.
    ///
    /// # Errors
    /// Another task reads a connection that this depends on; the resource is enqueued when that has ended.
    pub async fn used(&self, query: &ConnectionQuery<'_>) -> Result<ConnectionKey, Postponed> {
        match (query.terminating, &query.recorded) {
            // A deletion keeps the one that the object was created through, as long as that can be used.
            (true, Some((key, instance))) => {
                let explicit = query.spec.deletion_policy.is_some();
                let state = self.state(key, query.key).await?;
                let other = match unusable_for_deletion(&state, *instance, explicit) {
                    Some(instance) => self.for_deletion(query.key, key, instance).await?,
                    None => {
                        self.waiting.remove(query.key);
                        None
                    }
                };
                Ok(other.unwrap_or_else(|| key.clone()))
            }
            (_, recorded) => {
                self.waiting.remove(query.key);
                let recorded = recorded.as_ref().map(|(key, _)| key.clone());
                let named = query.spec.connection_ref.as_ref();
                self.choose(query.key, named, recorded).await
            }
        }
    }

    /// Returns the defaults of a resource's policy: those of the connection that its object was created through, even if a
    /// deletion uses another one, and otherwise those of the connection that it uses.
    #[must_use]
    pub fn defaults(
        &self,
        query: &ConnectionQuery<'_>,
        used: &ConnectionState,
    ) -> ConnectionDefaults {
        match query.recorded.as_ref().filter(|_| query.terminating) {
            Some((key, _)) => self.entry(key).slot().defaults.clone(),
            None => used.defaults.clone(),
        }
    }

    /// Returns the connection of a resource: the one that it asks for, or else the one that its object was
    /// created through, as long as that exists, or else the namespace's `default`, where there is one, or else the cluster's.
    /// So a new connection `default` takes over no resource that already has an object through another.
    async fn choose(
        &self,
        resource: &ResourceKey,
        asked: Option<&ConnectionRef>,
        recorded: Option<ConnectionKey>,
    ) -> Result<ConnectionKey, Postponed> {
        if let Some(asked) = asked {
            return Ok(asked.key(&resource.namespace));
        }
        if let Some(key) = recorded
            && self.exists(&key, resource).await?
        {
            return Ok(key);
        }
        let [own, shared] = ConnectionKey::defaults(&resource.namespace);
        let shared_only =
            !self.exists(&own, resource).await? && self.exists(&shared, resource).await?;
        Ok(if shared_only { shared } else { own })
    }

    /// Returns a connection other than `recorded` that opens an instance of the same server and may be used by `resource`, which is
    /// being deleted. Where there is none, the resource is enqueued as soon as a connection can be used that may be one.
    async fn for_deletion(
        &self,
        resource: &ResourceKey,
        recorded: &ConnectionKey,
        instance: &str,
    ) -> Result<Option<ConnectionKey>, Postponed> {
        let namespace = &*resource.namespace;
        // An id alone is no key: another server may have an instance of the same id, such as a copy of this one's database.
        let Some(server) = self.server(recorded) else {
            self.waiting.remove(resource);
            return Ok(None);
        };
        // Before the connections are read: one that becomes ready in between must enqueue it.
        let is_first = self.waiting.add(resource);
        let mut others: Vec<ConnectionKey> = lock(&self.entries).keys().cloned().collect();
        others.retain(|key| key.namespace.is_empty() || key.namespace == namespace);
        others.retain(|key| key != recorded);
        others.sort_by_key(ToString::to_string);
        if is_first {
            // From now on a shard checks them, and notices when one can be used.
            others.iter().for_each(|other| self.enqueue(other));
        }
        let mut checks = Vec::new();
        for other in &others {
            checks.push(self.deletes_through(other, resource, (&server, instance)));
        }
        // All are awaited: the choice depends on their names, and not on which answers first.
        let checked: Vec<_> = iter(checks).buffered(MAX_CONCURRENT_READS).collect().await;
        let checked: Vec<bool> = checked.into_iter().collect::<Result<_, _>>()?;
        let found = checked.iter().position(|can| *can);
        if found.is_some() {
            self.waiting.remove(resource);
        }
        Ok(found.and_then(|at| others.into_iter().nth(at)))
    }

    /// Returns the server of a connection, as `https://host:port`: the one that its key was last accepted by, or else the one that
    /// its spec names. Of a connection that is gone, it is known only if no other may be called.
    pub(super) fn server(&self, key: &ConnectionKey) -> Option<Arc<str>> {
        let entry = self.entry(key);
        let slot = entry.slot();
        if let Some(session) = slot.session() {
            return Some(session.server.clone());
        }
        if let Some(settings) = &slot.settings {
            let url = api_address(settings.common.base_url.as_deref())?;
            return Some(server_of(&url));
        }
        let mut allowed = self.factory.allowed_base_urls.iter().map(server_of);
        let first = allowed.next()?;
        allowed.all(|other| other == first).then_some(first)
    }

    /// Returns true if an object in an instance of a server can be deleted through a connection. One that was not read yet is read
    /// only if what is known of it does not say that it can't: the API is asked then.
    async fn deletes_through(
        &self,
        key: &ConnectionKey,
        resource: &ResourceKey,
        (server, instance): (&str, &str),
    ) -> Result<bool, Postponed> {
        let recorded = self.recorded_instance(key);
        let opens_another = recorded.is_some_and(|recorded| recorded != instance);
        let is_admitted = async || self.admit(key, &resource.namespace).await.is_ok();
        let is_loaded = self.entry(key).slot().is_loaded;
        if !is_loaded && (opens_another || !is_admitted().await) {
            return Ok(false);
        }
        let state = self.state(key, resource).await?;
        let session = state.session.as_ref();
        let is_there = session.is_some_and(|session| &*session.server == server);
        let can = state.not_ready.is_none() && is_there && state.opens(instance);
        Ok(can && is_admitted().await)
    }
}

/// Returns the instance of the object, if another connection that opens it is to delete it: the recorded one, in this state,
/// can't. `explicit`: the resource has a deletion policy of its own; otherwise that of a connection which no longer exists is
/// not known, and might be to leave the object.
fn unusable_for_deletion<'a>(
    recorded: &ConnectionState,
    instance: Option<&'a str>,
    explicit: bool,
) -> Option<&'a str> {
    let instance = instance.filter(|_| explicit || recorded.generation.is_some())?;
    (!recorded.deletes_in(instance)).then_some(instance)
}
