//! The resources of all kinds with their remote objects: the users of a connection, the dependents of an object, and losses.

use super::entry::Entry;
use super::inventory::{Inventory, Part};
use super::recorded::RecordedIds;
use super::users;
use crate::cluster::client::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::shard::Shard;
use crate::kinds::{Dependents, Found};
use crate::plan::observed::Dependent;
use crate::remote::{Coalesced, PATIENT, RemoteError, Session};
use crate::resources::{ConnectionKey, ResourceKey};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The most ids that share a list of the resources that depend on them.
const MOST: usize = 1000;

/// The resources of all kinds in the namespaces that are served.
pub struct Inventories {
    lists: Arc<Lists>,
    shard: Shard,
    recorded_ids: RecordedIds,
    depending: Coalesced<&'static str, Result<Arc<Vec<Entry>>, ClusterError>>,
}

/// The inventories of all kinds, and the cluster that they read.
struct Lists {
    all: Vec<Box<dyn Inventory>>,
    cluster: Cluster,
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
    /// Returns the resources of these kinds. Those of other shards count, too: `shard` is the one that this process serves.
    #[must_use]
    pub fn new(all: Vec<Box<dyn Inventory>>, cluster: Cluster, shard: Shard) -> Self {
        Self {
            lists: Arc::new(Lists { all, cluster }),
            recorded_ids: RecordedIds::new(shard.clone()),
            shard,
            depending: Coalesced::default(),
        }
    }

    /// Lists the resources that keep a connection in use, as `Kind namespace/name`. Those of other namespaces use no Connection.
    ///
    /// # Errors
    /// A list failed.
    pub async fn users(&self, connection: &ConnectionKey) -> Result<Vec<String>, ClusterError> {
        let mut found = Vec::new();
        let namespace = Some(connection.namespace.as_str());
        let part = Part {
            namespace: namespace.filter(|namespace| !namespace.is_empty()),
            ..Part::default()
        };
        for inventory in &self.lists.all {
            let mut each = |entry: Entry| {
                let user = || users::name_of(&entry.key);
                found.extend(entry.uses(connection).then(user));
            };
            let cluster = &self.lists.cluster;
            inventory.visit(cluster, part, &mut each).await?;
        }
        Ok(found)
    }

    /// Returns the objects of resources that depend on one of `ids`, the objects of `of`. `keys`: the resources that refer to
    /// that. All resources of a kind are listed where those keys may not be all: other shards have resources whose dependencies
    /// this process does not know, and it does not know all of its own right after its start. Where only the cluster shows
    /// dependents, one may have an object that is not recorded yet.
    ///
    /// # Errors
    /// A resource was not read.
    pub async fn depending_on(
        &self,
        of: &ResourceKey,
        keys: &[ResourceKey],
        kinds: &[Dependents],
        ids: &[String],
    ) -> Result<Vec<Dependent>, ClusterError> {
        let lists_all = |of: &&Dependents| self.shard.is_part() || of.found == Found::InCluster;
        let (listed, referring): (Vec<&Dependents>, Vec<_>) = kinds.iter().partition(lists_all);
        let mut found = Vec::new();
        for dependents in listed {
            for kind in dependents.made_by {
                let entries = self.listed(kind.as_str(), ids).await?;
                found.extend(entries.iter().flat_map(|entry| entry.depending_on(ids)));
                if dependents.found == Found::InCluster {
                    let may = |entry: &Entry| entry.may_depend_on(of, ids);
                    found.extend(entries.iter().flat_map(may));
                }
            }
        }
        for key in keys {
            let mut made_by = referring.iter().flat_map(|of| of.made_by);
            if made_by.any(|kind| kind.as_str() == key.kind)
                && let Some(inventory) = self.lists.of(key.kind)
            {
                let entry = inventory.entry(&self.lists.cluster, key).await?;
                let objects = entry.map(|entry| entry.depending_on(ids));
                found.extend(objects.into_iter().flatten());
            }
        }
        Ok(found)
    }

    /// Lists the resources of a kind that have, or may have, an object that depends on one of `ids`, and perhaps others.
    /// Deletions at the same time share a list.
    async fn listed(
        &self,
        kind: &'static str,
        ids: &[String],
    ) -> Result<Arc<Vec<Entry>>, ClusterError> {
        let lists = self.lists.clone();
        let send = move |ids: Vec<String>| async move {
            let found = lists.depending_on(kind, &ids).await;
            found.map(Arc::new)
        };
        self.depending.join(kind, ids, MOST, PATIENT, send).await
    }

    /// Lists the objects in an instance that count as lost when they are gone.
    ///
    /// # Errors
    /// A list failed.
    pub async fn counted(&self, instance: &str) -> Result<Counted, ClusterError> {
        let (mut ids, now) = (Vec::new(), Timestamp::now());
        for inventory in &self.lists.all {
            let mut counted = BTreeSet::new();
            let mut each = |entry: Entry| counted.extend(entry.counted_in(instance, now).cloned());
            self.lists.visit(inventory.as_ref(), &mut each).await?;
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
        for (inventory, ids) in self.lists.all.iter().zip(&ids.0) {
            lost.extend(inventory.missing(session, ids).await?);
        }
        Ok(lost)
    }

    /// Returns the ids of one kind in an instance that were recorded before this leadership, to the first who asks.
    pub async fn take_recorded(&self, kind: &str, instance: &str) -> Vec<String> {
        let lists = &self.lists;
        let Some(inventory) = lists.of(kind) else {
            return Vec::new();
        };
        let recorded = &self.recorded_ids;
        recorded.take(inventory, &lists.cluster, instance).await
    }
}

impl Lists {
    /// Visits all resources of a kind, whichever shard they belong to.
    async fn visit(
        &self,
        of: &dyn Inventory,
        each: &mut (dyn FnMut(Entry) + Send),
    ) -> Result<(), ClusterError> {
        of.visit(&self.cluster, Part::default(), each).await
    }

    /// Lists the resources of a kind that have, or may have, an object that depends on one of `ids`.
    async fn depending_on(&self, kind: &str, ids: &[String]) -> Result<Vec<Entry>, ClusterError> {
        let mut found = Vec::new();
        if let Some(inventory) = self.of(kind) {
            let depends =
                |entry: &Entry| entry.may_have_dependent() || !entry.depending_on(ids).is_empty();
            let mut each = |entry: Entry| found.extend(Some(entry).filter(depends));
            self.visit(inventory, &mut each).await?;
        }
        Ok(found)
    }

    fn of(&self, kind: &str) -> Option<&dyn Inventory> {
        let mut all = self.all.iter();
        let found = all.find(|inventory| inventory.kind() == kind);
        found.map(|inventory| &**inventory)
    }
}
