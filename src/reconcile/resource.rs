//! The resource that a reconciliation is about: as it was read, its identity, and what is remembered of it.

use super::context::{Context, now};
use crate::cluster::error::ClusterError;
use crate::cluster::handle::Handle;
use crate::cluster::references::{Missing, Need};
use crate::connections::ConnectionQuery;
use crate::kinds::{Kind, RemoteKind, SourceKind};
use crate::plan::case::Unresolved;
use crate::plan::circle;
use crate::plan::desired::Desired;
use crate::plan::memory::{AwaitedOwner, Memory};
use crate::plan::ownership::Owner;
use crate::plan::record::{Finalizer, Record};
use crate::resources::{ConnectionKey, Reason, ResourceKey, ResourceStatus};
use kube::ResourceExt;
use tokio::time::Instant;

/// One custom resource.
pub struct Resource<'a, K: Kind> {
    /// Everything that reconciliations share.
    pub context: &'a Context,
    /// Its key.
    pub key: &'a ResourceKey,
    /// The object in the cluster, and the writes to it.
    pub handle: Handle<'a, K>,
    /// Its identity.
    pub owner: Owner,
    /// Its memory.
    pub memory: Memory,
}

impl<'a, K: Kind> Resource<'a, K> {
    /// Reads the resource; `None` if it no longer exists, or belongs to another shard.
    ///
    /// # Errors
    /// The read failed.
    pub async fn get(
        context: &'a Context,
        key: &'a ResourceKey,
    ) -> Result<Option<Self>, ClusterError> {
        let Some(handle) = Handle::<K>::get(&context.cluster, &context.shard, key).await? else {
            return Ok(None);
        };
        let uid = handle.object.uid().unwrap_or_default();
        // It may take over what a former resource of its name left, if that was in the same namespace.
        let restored =
            handle.finalizer() == Some(Finalizer::Restored) && handle.status.common().id.is_none();
        let uids = &context.namespace_uids;
        let namespace_uid = uids.get(&context.cluster, &key.namespace, restored).await?;
        let mut resource = Self {
            context,
            memory: context.memories.get(key, &uid),
            owner: Owner {
                cluster: context.cluster_id.clone(),
                installation: context.installation.clone(),
                namespace: key.namespace.to_string(),
                namespace_uid,
                name: key.name.to_string(),
                kind: K::NAME.to_owned(),
                uid,
            },
            key,
            handle,
        };
        resource.recognize_predecessor();
        Ok(Some(resource))
    }

    /// Remembers that another shard may have sent writes for it, where their traces are new to this process.
    fn recognize_predecessor(&mut self) {
        let context = self.context;
        let traces =
            self.handle.has_finalizer() || self.handle.status.common().instance_id.is_some();
        if !context.shard.is_part() || !traces {
            return;
        }
        let timing = &context.timing;
        // That shard confirmed that the resource belongs to it at most so long before it sent a write.
        let settled_at = now() + timing.lease.duration + timing.settle;
        // What is here from the start was moved before, but for rare cases: its next observation comes at the interval.
        let moved = context.since.elapsed() > timing.settle;
        self.remember(|memory| {
            memory.take_over(settled_at, moved.then_some(settled_at));
        });
    }

    /// Returns the recorded state.
    #[must_use]
    pub fn record(&self) -> Record {
        let (status, finalizer) = (&self.handle.status, self.handle.finalizer());
        Record::new(status, finalizer, &self.memory, &self.context.lags(), now())
    }

    /// Resolves the references of the spec and computes the desired remote object. One that is being deleted desires nothing:
    /// deletion never depends on the spec.
    ///
    /// # Errors
    /// Kubernetes failed.
    pub async fn desired(&self) -> Result<Result<Desired, Unresolved>, ClusterError> {
        if self.handle.terminating() {
            return Ok(Err(Unresolved::new(Reason::Deleting, "")));
        }
        let references = self.handle.object.references();
        let (object, namespace) = (&self.handle.object, &self.key.namespace);
        let need = if self.handle.status.common().id.is_some() {
            Need::Update
        } else {
            Need::Create
        };
        let context = self.context;
        let resolved = context.cluster.resolve(namespace, &references, need);
        match resolved.await {
            Ok(inputs) => {
                let desired = object.desired(&inputs, &self.owner, &context.fingerprint_key);
                Ok(desired.map_err(Unresolved::from))
            }
            Err(Missing::Unresolved(why)) => {
                let others = self.circle();
                Ok(Err(circle::explained(why, self.key, &others)))
            }
            Err(Missing::Unread(error)) => Err(error),
        }
    }

    /// Returns its properties that decide which connection it uses.
    #[must_use]
    pub fn connection_query(&self) -> ConnectionQuery<'_> {
        ConnectionQuery {
            key: self.key,
            spec: self.handle.object.common(),
            terminating: self.handle.terminating(),
            recorded: self.recorded_connection(),
        }
    }

    /// Returns the connection that its object was created through and the instance that it is in. Of a create whose response was
    /// lost before a status could be written, only this process knows where it was sent.
    fn recorded_connection(&self) -> Option<(ConnectionKey, Option<&str>)> {
        let status = self.handle.status.common();
        let sent_to = self.memory.sent_to.as_ref();
        let connection = status.connection.as_ref();
        let connection = connection.or(sent_to.map(|it| &it.connection))?;
        let instance = status.instance_id.as_ref();
        let instance = instance.or(sent_to.map(|it| &it.instance));
        let key = ConnectionKey::parse(connection, &self.key.namespace)?;
        Some((key, instance.map(String::as_str)))
    }

    /// Registers everything in the cluster that the resource depends on, before any of it is read.
    pub fn register_dependencies(&self, connection: &ConnectionKey) {
        let context = self.context;
        let (object, namespace) = (&self.handle.object, &self.key.namespace);
        let named = object.common().connection_ref.is_some();
        let mut sources = object.named_in_cluster(namespace);
        sources.extend(connection.decided_by(namespace, named));
        // A deletion that uses another one uses this again as soon as it can.
        let recorded = self.recorded_connection();
        sources.extend(recorded.map(|(recorded, _)| recorded.resource_key()));
        let kind = SourceKind::ConfigMap.as_str();
        let config_map = |name: String| ResourceKey::new(kind, namespace, &name);
        sources.extend(self.handle.published_config_map().map(config_map));
        sources.sort();
        sources.dedup();
        let dropped = context.dependencies.set(self.key, sources);
        context.dependencies.begin(self.key, Instant::now());
        let changed = dropped.is_some();
        context.leave(dropped.unwrap_or_default());
        if changed {
            // The others of a circle may have reported before all of it was known.
            let others = self.circle().into_iter();
            others.for_each(|key| context.enqueue(key));
        }
        // A shard checks the connections that its resources use, whichever shard they belong to.
        if changed && context.shard.is_part() {
            context.enqueue(connection.resource_key());
        }
    }

    /// Reads again whether the owner of the object exists that it waits to adopt: that decides whether another attempt is made.
    ///
    /// # Errors
    /// The read failed.
    pub async fn reread_awaited_owner(&mut self) -> Result<(), ClusterError> {
        if let Some(known) = self.memory.awaited_owner.clone() {
            self.wait_for_owner(&known.owner).await?;
        }
        Ok(())
    }

    /// Returns true if the owner of the object that it is to adopt exists. From now on it is reconciled when that changes.
    ///
    /// # Errors
    /// The read failed.
    pub async fn wait_for_owner(&mut self, owner: &Owner) -> Result<bool, ClusterError> {
        if let Some(kind) = RemoteKind::named(&owner.kind) {
            let key = ResourceKey::new(kind.as_str(), &owner.namespace, &owner.name);
            self.context.awaited_owners.set(self.key, vec![key]);
        }
        let exists = self.context.cluster.owner_exists(owner).await?;
        let awaited = AwaitedOwner {
            owner: owner.clone(),
            exists,
        };
        self.remember(|memory| memory.awaited_owner = Some(Box::new(awaited)));
        Ok(exists)
    }

    /// Waits no longer for the owner of an object to be gone.
    pub fn forget_awaited_owner(&mut self) {
        if self.memory.awaited_owner.is_some() {
            self.context.awaited_owners.forget(self.key);
            self.remember(|memory| memory.awaited_owner = None);
        }
    }

    /// Returns the others of the circle that its references form; none where they form none.
    fn circle(&self) -> Vec<ResourceKey> {
        circle::circle(self.key, |key| self.context.dependencies.sources(key))
    }

    /// Remembers something about it.
    pub fn remember<T>(&mut self, change: impl FnOnce(&mut Memory) -> T) -> T {
        let changed = change(&mut self.memory);
        self.context.memories.set(self.key, self.memory.clone());
        changed
    }

    /// Remembers what its status records by now.
    pub fn remember_status(&mut self) {
        self.memory.forget_recorded(self.handle.status.common());
        self.context.memories.set(self.key, self.memory.clone());
    }
}
