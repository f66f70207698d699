//! The resource that a reconciliation is about: as it was read, its identity, and what is remembered of it.

use super::context::{Context, now};
use super::error::Error;
use crate::cluster::error::ClusterError;
use crate::cluster::references::Missing;
use crate::connections::{ConnectionKey, ConnectionState, default_connections};
use crate::kinds::{Kind, SourceKind};
use crate::plan::case::Unresolved;
use crate::plan::circle;
use crate::plan::desired::Desired;
use crate::plan::memory::Memory;
use crate::plan::ownership::Owner;
use crate::plan::record::Record;
use crate::resources::{
    APPROVE, ConnectionDefaults, FINALIZER, RECONCILE_REQUESTED, Reason, ResourceKey,
    ResourceStatus,
};
use kube::{Api, ResourceExt};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// One custom resource.
pub struct Resource<K: Kind> {
    /// Its key.
    pub key: ResourceKey,
    /// The object, as of the last call on it.
    pub object: K,
    /// The status, as of the last write.
    pub status: K::Status,
    /// Its identity.
    pub owner: Owner,
    /// What is remembered of it.
    pub memory: Memory,
    /// The begin of the last read that showed that it belongs to this shard.
    confirmed_at: Instant,
}

impl<K: Kind> Resource<K> {
    /// Reads the resource; `None` if it no longer exists, or belongs to another shard.
    ///
    /// # Errors
    /// The read failed.
    pub async fn get(context: &Context, key: &ResourceKey) -> Result<Option<Self>, ClusterError> {
        let (cluster, shard, confirmed_at) = (&context.cluster, &context.shard, Instant::now());
        let api = cluster.namespaced::<K>(&key.namespace);
        let Some(object) = cluster.get_of_shard(&api, &key.name, shard).await? else {
            return Ok(None);
        };
        let uid = object.uid().unwrap_or_default();
        let namespace_uids = &context.namespace_uids;
        let namespace_uid = namespace_uids.of(&context.cluster, &key.namespace).await?;
        let mut resource = Self {
            memory: context.memories.of(key, &uid),
            owner: Owner {
                cluster: context.cluster_id.clone(),
                installation: context.installation.clone(),
                namespace: key.namespace.to_string(),
                namespace_uid,
                name: key.name.to_string(),
                kind: K::NAME.to_owned(),
                uid,
            },
            status: object.status().cloned().unwrap_or_default(),
            key: key.clone(),
            object,
            confirmed_at,
        };
        resource.recognize_predecessor(context);
        Ok(Some(resource))
    }

    /// Remembers that another shard may have sent writes for it, where their traces are new to this process.
    fn recognize_predecessor(&mut self, context: &Context) {
        let traces = self.has_finalizer() || self.status.common().instance_id.is_some();
        if !context.shard.is_part() || !traces {
            return;
        }
        let timing = &context.timing;
        // That shard confirmed that the resource belongs to it at most so long before it sent a write.
        let last_write = now() + timing.lease.duration;
        self.remember(context, |memory| {
            memory.taken_over(last_write + timing.settle);
        });
    }

    /// Confirms that the resource still belongs to this shard, unless that was read just before. Another shard, to which it may
    /// have been moved meanwhile, waits for what this one may still send: so a write is sent at once after this, or not at all.
    ///
    /// # Errors
    /// It belongs to another shard, or is gone; or the read failed.
    pub async fn confirm_shard(&mut self, context: &Context) -> Result<(), Error> {
        let at_most = context.timing.lease.renew;
        if !context.shard.is_part() || self.confirmed_at.elapsed() < at_most {
            return Ok(());
        }
        let (api, began) = (self.api(context), Instant::now());
        let (cluster, shard) = (&context.cluster, &context.shard);
        match cluster.is_of_shard(&api, &self.key.name, shard).await? {
            true => self.confirmed_at = began,
            false => return Err(Error::OfAnotherShard),
        }
        Ok(())
    }

    fn has_finalizer(&self) -> bool {
        let finalizers = self.object.finalizers();
        finalizers.iter().any(|finalizer| finalizer == FINALIZER)
    }

    /// Returns the API of the resource itself.
    #[must_use]
    pub fn api(&self, context: &Context) -> Api<K> {
        context.cluster.namespaced(&self.key.namespace)
    }

    /// Returns whether it is being deleted.
    #[must_use]
    pub fn terminating(&self) -> bool {
        self.object.meta().deletion_timestamp.is_some()
    }

    /// Returns whether nothing but its deletion is done.
    #[must_use]
    pub fn suspended(&self) -> bool {
        self.object.common().suspend.unwrap_or(false)
    }

    /// Returns the recorded state.
    #[must_use]
    pub fn record(&self, context: &Context) -> Record {
        let remembered = self.memory.remembered(&context.lags(), now());
        Record::new(&self.status, self.has_finalizer(), &remembered)
    }

    /// Returns its generation.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.object.meta().generation.unwrap_or_default()
    }

    /// Returns the request to reconcile now, where it was not handled yet.
    #[must_use]
    pub fn requested(&self) -> Option<String> {
        let handled = self.status.common().last_handled_reconcile_at.as_ref();
        let requested = self.object.annotations().get(RECONCILE_REQUESTED);
        requested
            .filter(|requested| Some(*requested) != handled)
            .cloned()
    }

    /// Returns the fields that the API refused to change when it was to apply the same. A user who asks for a reconciliation
    /// wants to try again.
    #[must_use]
    pub fn refused(&self, desired: Option<&Desired>) -> Vec<&'static str> {
        match self.requested() {
            Some(_) => Vec::new(),
            None => self.memory.refused_fields(desired.map(|it| &it.revision)),
        }
    }

    /// Returns the hash of the approved plan.
    #[must_use]
    pub fn approved(&self) -> Option<String> {
        self.object.annotations().get(APPROVE).cloned()
    }

    /// Returns the ConfigMap that the ids are to be published in: where the spec can't be read, that of the last one.
    #[must_use]
    pub fn publish(&self) -> Option<String> {
        if self.object.unreadable().is_some() {
            return self.status.common().published_config_map.clone();
        }
        let publish = self.object.common().publish.as_ref();
        publish.map(|publish| publish.config_map.name.clone())
    }

    /// Resolves the references of the spec and computes the desired remote object. One that is being deleted desires nothing:
    /// deletion never depends on the spec.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub async fn desired(
        &self,
        context: &Context,
    ) -> Result<Result<Desired, Unresolved>, ClusterError> {
        if self.terminating() {
            return Ok(Err(Unresolved {
                reason: Reason::Deleting,
                message: String::new(),
            }));
        }
        let references = self.object.references();
        let inputs = context
            .cluster
            .resolve(&self.key.namespace, &references)
            .await;
        let desired = match inputs {
            Ok(inputs) => self.object.desired(&inputs, &self.owner, &context.mac),
            Err(Missing::Invalid(invalid)) => Err(invalid),
            Err(Missing::NotYet(not_yet)) => {
                let circle = not_yet.waiting.map(|of| self.circle(context, &of));
                let circle = circle.filter(|circle| !circle.is_empty());
                let message = circle.map(|circle| circle::message(&self.key, &circle));
                return Ok(Err(Unresolved {
                    reason: not_yet.reason,
                    message: message.unwrap_or(not_yet.message),
                }));
            }
            Err(Missing::Unread(error)) => return Err(error),
        };
        Ok(desired.map_err(|invalid| Unresolved {
            reason: invalid.reason,
            message: invalid.message,
        }))
    }

    /// Returns the defaults of its policy: those of the connection that its object was created through, even if a deletion uses
    /// another one, and otherwise those of the connection that it uses.
    pub async fn defaults(&self, context: &Context, used: &ConnectionState) -> ConnectionDefaults {
        match self.recorded_connection().filter(|_| self.terminating()) {
            Some((key, _)) => context.connections.state(&key).await.defaults,
            None => used.defaults.clone(),
        }
    }

    /// Returns the connection that it uses.
    pub async fn connection(&self, context: &Context) -> ConnectionKey {
        let (namespace, connections) = (&self.key.namespace, &context.connections);
        let common = self.object.common();
        let asked = common.connection_ref.as_ref();
        match (self.terminating(), self.recorded_connection()) {
            // A deletion keeps the one that the object was created through, as long as that can be used.
            (true, Some((key, instance))) => {
                let explicit = common.deletion_policy.is_some();
                connections
                    .for_deletion(namespace, key, instance, explicit)
                    .await
            }
            (_, recorded) => {
                let recorded = recorded.map(|(key, _)| key);
                connections.choose(namespace, asked, recorded).await
            }
        }
    }

    /// Returns the connection that its object was created through and the instance that it is in. Of a create whose response was
    /// lost before a status could be written, only this process knows where it was sent.
    fn recorded_connection(&self) -> Option<(ConnectionKey, Option<&str>)> {
        let status = self.status.common();
        let sent_to = self.memory.sent_to.as_ref();
        let connection = status.connection.as_ref();
        let connection = connection.or(sent_to.map(|it| &it.connection))?;
        let instance = status.instance_id.as_ref();
        let instance = instance.or(sent_to.map(|it| &it.instance));
        let key = ConnectionKey::parse(connection, &self.key.namespace)?;
        Some((key, instance.map(String::as_str)))
    }

    /// Registers everything in the cluster that the resource depends on, before any of it is read.
    pub fn register_dependencies(&self, context: &Context, connection: &ConnectionKey) {
        let namespace = &self.key.namespace;
        let key = |kind: &'static str, name: &str| ResourceKey::new(kind, namespace, name);
        let references = self.object.references();
        let sources = references.iter().map(|it| it.resource_key(namespace));
        let mut sources: Vec<ResourceKey> = sources.collect();
        sources.push(connection.resource_key());
        if self.object.common().connection_ref.is_none() {
            sources.extend(
                default_connections(namespace)
                    .iter()
                    .map(ConnectionKey::resource_key),
            );
        }
        // Its labels decide what it may use.
        let elsewhere = references.iter().any(|it| it.namespace.is_some());
        if connection.namespace.is_empty() || elsewhere {
            sources.push(ResourceKey::new("Namespace", "", namespace));
        }
        let children = self.object.children();
        sources.extend(
            children
                .iter()
                .map(|child| key(child.kind.as_str(), &child.name)),
        );
        let published = self.publish();
        sources.extend(published.map(|name| key(SourceKind::ConfigMap.as_str(), &name)));
        sources.sort();
        sources.dedup();
        let changed = context.dependencies.set(&self.key, sources);
        context.dependencies.begin(&self.key, Instant::now());
        if changed {
            // The others of a circle may have reported before all of it was known.
            let references = references.iter().map(|it| it.resource_key(namespace));
            let circles = references.flat_map(|to| self.circle(context, &to));
            let others: BTreeSet<_> = circles.filter(|key| *key != self.key).collect();
            others.into_iter().for_each(|key| context.enqueue(key));
        }
        // A shard checks the connections that its resources use, whichever shard they belong to.
        if changed && context.shard.is_part() {
            context.enqueue(connection.resource_key());
        }
    }

    /// Returns the circle of references that leads through another resource back to this one; empty where there is none.
    fn circle(&self, context: &Context, through: &ResourceKey) -> Vec<ResourceKey> {
        circle::circle(&self.key, through, |key| context.dependencies.sources(key))
    }

    /// Remembers something about it.
    pub fn remember<T>(&mut self, context: &Context, change: impl FnOnce(&mut Memory) -> T) -> T {
        let changed = change(&mut self.memory);
        context.memories.set(&self.key, self.memory.clone());
        changed
    }
}
