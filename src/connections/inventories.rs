//! The resources of all kinds with their remote objects: the users of a connection, the dependents of an object, and losses.

use super::inventory::{Entry, Inventory};
use super::recorded::RecordedIds;
use super::settings::ConnectionKey;
use crate::cluster::client::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::shard::Shard;
use crate::plan::observed::Dependent;
use crate::remote::{RemoteError, Session};
use crate::resources::ResourceKey;
use std::collections::{BTreeSet, HashSet};

/// The resources of all kinds in the namespaces that are served.
pub struct Inventories {
    all: Vec<Box<dyn Inventory>>,
    cluster: Cluster,
    namespaces: Vec<String>,
    shard: Shard,
    recorded_ids: RecordedIds,
}

/// The ids of the objects in one instance that count as lost when they are gone, by kind.
pub struct Counted(Vec<Vec<String>>);

impl Counted {
    /// Returns the number of ids.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

impl Inventories {
    /// Returns the resources in these namespaces; in all, if none is given. Those of other shards count, too: `shard` is the
    /// one that this process serves.
    #[must_use]
    pub fn new(
        all: Vec<Box<dyn Inventory>>,
        cluster: Cluster,
        namespaces: Vec<String>,
        shard: Shard,
    ) -> Self {
        Self {
            all,
            cluster,
            namespaces,
            recorded_ids: RecordedIds::new(shard.clone()),
            shard,
        }
    }

    /// Lists the resources that keep a connection in use, as `Kind namespace/name`.
    ///
    /// # Errors
    /// A list failed.
    pub async fn users(&self, connection: &ConnectionKey) -> Result<Vec<String>, ClusterError> {
        let mut users = Vec::new();
        for inventory in &self.all {
            let mut each = |entry: Entry| {
                let ResourceKey {
                    kind,
                    namespace,
                    name,
                } = &entry.key;
                let user = || format!("{kind} {namespace}/{name}");
                users.extend(entry.uses(connection).then(user));
            };
            self.visit(inventory.as_ref(), &mut each).await?;
        }
        Ok(users)
    }

    /// Returns the objects of the resources `keys` that were created from one of `ids`. Where other shards have resources whose
    /// dependencies this process does not know, all resources of `kinds` are listed instead, the only ones that have such objects.
    ///
    /// # Errors
    /// A resource was not read.
    pub async fn created_from(
        &self,
        keys: &[ResourceKey],
        kinds: &[&str],
        ids: &[String],
    ) -> Result<Vec<Dependent>, ClusterError> {
        if self.shard.is_part() {
            return self.listed_from(kinds, ids).await;
        }
        let mut found = Vec::new();
        for key in keys {
            let Some(inventory) = self.of(key.kind) else {
                continue;
            };
            let entry = inventory.entry(&self.cluster, key).await?;
            let objects = entry.map(|entry| entry.created_from(ids));
            found.extend(objects.into_iter().flatten());
        }
        Ok(found)
    }

    async fn listed_from(
        &self,
        kinds: &[&str],
        ids: &[String],
    ) -> Result<Vec<Dependent>, ClusterError> {
        let mut found = Vec::new();
        for inventory in kinds.iter().filter_map(|kind| self.of(kind)) {
            let mut each = |entry: Entry| found.extend(entry.created_from(ids));
            self.visit(inventory, &mut each).await?;
        }
        Ok(found)
    }

    /// Visits all resources of a kind, whichever shard they belong to.
    async fn visit(
        &self,
        of: &dyn Inventory,
        each: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<(), ClusterError> {
        of.visit(&self.cluster, &self.namespaces, None, each).await
    }

    /// Lists the objects in an instance that count as lost when they are gone.
    ///
    /// # Errors
    /// A list failed.
    pub async fn counted(&self, instance: &str) -> Result<Counted, ClusterError> {
        let mut ids = Vec::new();
        for inventory in &self.all {
            let mut counted = BTreeSet::new();
            let mut each = |entry: Entry| counted.extend(entry.counted_in(instance).cloned());
            self.visit(inventory.as_ref(), &mut each).await?;
            ids.push(counted.into_iter().collect());
        }
        Ok(Counted(ids))
    }

    /// Returns those of these objects that are gone at the API.
    ///
    /// # Errors
    /// A read failed; nothing is known then.
    pub async fn lost(
        &self,
        session: &Session,
        ids: &Counted,
    ) -> Result<HashSet<String>, RemoteError> {
        let mut lost = HashSet::new();
        for (inventory, ids) in self.all.iter().zip(&ids.0) {
            lost.extend(inventory.missing(session, ids).await?);
        }
        Ok(lost)
    }

    /// Returns the ids of one kind in an instance that were recorded before this leadership, to the first who asks.
    pub async fn take_recorded(&self, kind: &str, instance: &str) -> Vec<String> {
        let Some(inventory) = self.of(kind) else {
            return Vec::new();
        };
        let recorded = &self.recorded_ids;
        recorded
            .take(inventory, &self.cluster, &self.namespaces, instance)
            .await
    }

    fn of(&self, kind: &str) -> Option<&dyn Inventory> {
        let mut all = self.all.iter();
        let found = all.find(|inventory| inventory.kind() == kind);
        found.map(|inventory| &**inventory)
    }
}
