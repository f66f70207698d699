//! The choice of the connection that a resource uses.

use super::registry::Connections;
use super::settings::ConnectionKey;
use super::state::ConnectionState;
use crate::lock::lock;
use crate::resources::{CommonSpec, ConnectionDefaults, ConnectionKind, ConnectionRef};

/// What decides which connection a resource uses.
pub struct Uses<'a> {
    /// The namespace of the resource.
    pub namespace: &'a str,
    /// The part of its spec that all kinds share.
    pub spec: &'a CommonSpec,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The connection that its object was created through, and the instance that it is in.
    pub recorded: Option<(ConnectionKey, Option<&'a str>)>,
}

impl Connections {
    /// Returns the connection that a resource uses.
    pub async fn used(&self, uses: &Uses<'_>) -> ConnectionKey {
        match (uses.terminating, &uses.recorded) {
            // A deletion keeps the one that the object was created through, as long as that can be used.
            (true, Some((key, instance))) => {
                let explicit = uses.spec.deletion_policy.is_some();
                self.for_deletion(uses.namespace, key.clone(), *instance, explicit)
                    .await
            }
            (_, recorded) => {
                let recorded = recorded.as_ref().map(|(key, _)| key.clone());
                let named = uses.spec.connection_ref.as_ref();
                self.choose(uses.namespace, named, recorded).await
            }
        }
    }

    /// Returns the defaults of a resource's policy: those of the connection that its object was created through, even if a
    /// deletion uses another one, and otherwise those of the connection that it uses.
    pub async fn defaults(&self, uses: &Uses<'_>, used: &ConnectionState) -> ConnectionDefaults {
        match uses.recorded.as_ref().filter(|_| uses.terminating) {
            Some((key, _)) => self.state(key).await.defaults,
            None => used.defaults.clone(),
        }
    }

    /// Returns the connection of a resource in `namespace`: the one that it asks for, or else the one that its object was
    /// created through, as long as that exists, or else the namespace's `default`, where there is one, or else the cluster's.
    /// So a new connection `default` takes over no resource that already has an object through another.
    async fn choose(
        &self,
        namespace: &str,
        asked: Option<&ConnectionRef>,
        recorded: Option<ConnectionKey>,
    ) -> ConnectionKey {
        if let Some(asked) = asked {
            let kind = asked.kind.unwrap_or(ConnectionKind::Connection);
            return ConnectionKey::new(kind, namespace, &asked.name);
        }
        if let Some(key) = recorded
            && self.exists(&key).await
        {
            return key;
        }
        let [own, shared] = ConnectionKey::defaults(namespace);
        let shared_only = !self.exists(&own).await && self.exists(&shared).await;
        if shared_only { shared } else { own }
    }

    /// Returns the connection that a deletion in `namespace` uses: the recorded one, or where that can't open the instance that
    /// the object is in, any other that can. `explicit`: the resource has a deletion policy of its own; otherwise that of a
    /// connection which no longer exists is not known, and might be to leave the object.
    async fn for_deletion(
        &self,
        namespace: &str,
        recorded: ConnectionKey,
        instance: Option<&str>,
        explicit: bool,
    ) -> ConnectionKey {
        let state = self.state(&recorded).await;
        let Some(instance) = instance.filter(|_| explicit || state.generation.is_some()) else {
            return recorded;
        };
        if state.deletes_in(instance) {
            return recorded;
        }
        let mut others: Vec<ConnectionKey> = lock(&self.slots).keys().cloned().collect();
        others.retain(|key| key.namespace.is_empty() || key.namespace == namespace);
        others.sort_by_key(ToString::to_string);
        for other in others {
            let state = self.state(&other).await;
            if state.not_ready.is_none()
                && state.opens(instance)
                && self.admit(&other, namespace).await.is_ok()
            {
                return other;
            }
        }
        recorded
    }
}
