//! The resources of all kinds with their remote objects: the users of a connection, the dependents of an object, and losses.

use super::entry::Entry;
use super::list::{self, Part};
use super::recorded::RecordedIds;
use super::servers::Servers;
use crate::cluster::client::Cluster;
use crate::cluster::error::ClusterError;
use crate::cluster::shard::Shard;
use crate::kinds::{Dependents, Discovery, Kind, RemoteKind, with_kind};
use crate::plan::observed::{Dependent, Losses};
use crate::remote::{Coalesced, LONG_QUIET_TIME, RemoteError, Session};
use crate::resources::{ConnectionKey, ResourceKey};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tokio::time::Instant;

/// The most ids that share a list of the resources that depend on them.
const MAX_IDS_PER_LIST: usize = 1000;

/// The resources of all kinds in the namespaces that are served.
pub struct Inventories {
    cluster: Cluster,
    shard: Shard,
    recorded_ids: RecordedIds,
    depending: Coalesced<RemoteKind, Result<Arc<Vec<Entry>>, ClusterError>>,
}

/// The objects in one instance that are gone, of those that count as lost then.
pub struct Lost {
    /// The number of objects that count.
    pub known: usize,
    /// The time at which they were read.
    pub at: Instant,
    /// The ids of those that are gone.
    pub ids: HashSet<String>,
}

impl Lost {
    /// Returns their numbers; `approved`: true if a person approved that they are created again.
    #[must_use]
    pub fn losses(&self, approved: bool) -> Losses {
        Losses {
            known: self.known,
            lost: self.ids.len(),
            approved,
        }
    }
}

/// The result of a count, for all who wait for it.
pub type CountResult = Result<Result<Arc<Lost>, RemoteError>, ClusterError>;

impl Inventories {
    /// Returns the resources in a cluster. Those of other shards count, too: `shard` is the one that this process serves.
    #[must_use]
    pub fn new(cluster: Cluster, shard: Shard) -> Self {
        Self {
            cluster,
            shard,
            recorded_ids: RecordedIds::default(),
            depending: Coalesced::default(),
        }
    }

    /// Lists the resources that keep a connection in use. Those of other namespaces use no Connection.
    ///
    /// # Errors
    /// A list failed.
    pub async fn users(
        &self,
        connection: &ConnectionKey,
    ) -> Result<Vec<ResourceKey>, ClusterError> {
        let mut users = Vec::new();
        let namespace = Some(connection.namespace.as_str());
        let part = Part {
            namespace: namespace.filter(|namespace| !namespace.is_empty()),
            ..Part::default()
        };
        let mut each = |entry: Entry| {
            if entry.uses(connection) {
                users.push(entry.key);
            }
        };
        for kind in RemoteKind::ALL {
            with_kind!(*kind, K => list::visit::<K>(&self.cluster, part, &mut each).await?);
        }
        Ok(users)
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
        let lists_all =
            |of: &&Dependents| self.shard.is_part() || of.discovery == Discovery::InCluster;
        let (listed, referring): (Vec<&Dependents>, Vec<_>) = kinds.iter().partition(lists_all);
        let mut found = Vec::new();
        for dependents in listed {
            for kind in dependents.made_by {
                let entries = self.listed(*kind, ids).await?;
                found.extend(entries.iter().flat_map(|entry| entry.depending_on(of, ids)));
                if dependents.discovery == Discovery::InCluster {
                    let may = |entry: &Entry| entry.may_depend_on(of, ids);
                    found.extend(entries.iter().flat_map(may));
                }
            }
        }
        for key in keys {
            let mut made_by = referring.iter().flat_map(|of| of.made_by);
            if let Some(kind) = made_by.find(|kind| kind.as_str() == key.kind) {
                let entry = with_kind!(*kind, K => list::entry::<K>(&self.cluster, key).await?);
                let objects = entry.map(|entry| entry.depending_on(of, ids));
                found.extend(objects.into_iter().flatten());
            }
        }
        Ok(found)
    }

    /// Lists the resources of a kind that have, or may have, an object that depends on one of `ids`, and perhaps others.
    /// Deletions at the same time share a list.
    async fn listed(
        &self,
        kind: RemoteKind,
        ids: &[String],
    ) -> Result<Arc<Vec<Entry>>, ClusterError> {
        let cluster = self.cluster.clone();
        let send = move |ids: Vec<String>| async move {
            let depending = with_kind!(kind, K => depending::<K>(&cluster, &ids).await);
            depending.map(Arc::new)
        };
        let batches = &self.depending;
        batches
            .join(kind, ids, MAX_IDS_PER_LIST, LONG_QUIET_TIME, send)
            .await
    }

    /// Counts the objects in the instance of a session that are gone at the API, of those that resources reach through the same
    /// server, or will. A failed list or read is the result: nothing is known then.
    pub fn count_lost(&self, session: &Session) -> impl Future<Output = CountResult> + use<> {
        let (cluster, session) = (self.cluster.clone(), session.clone());
        async move {
            let counted = counted(&cluster, &session).await?;
            let at = Instant::now();
            let ids = lost(&session, &counted).await;
            Ok(ids.map(|ids| {
                let known = counted.iter().map(|(_, ids)| ids.len()).sum();
                Arc::new(Lost { known, at, ids })
            }))
        }
    }

    /// Returns the ids of one kind in the instance of a session that were recorded before this leadership, to the first caller.
    pub async fn take_recorded<K: Kind>(&self, session: &Session) -> Vec<String> {
        let at = (session.server.clone(), session.instance.id.clone());
        let (cluster, shard) = (&self.cluster, &self.shard);
        self.recorded_ids.take::<K>(cluster, shard, &at).await
    }
}

/// Lists the resources of a kind, of all shards, that have, or may have, an object that depends on one of `ids`.
async fn depending<K: Kind>(cluster: &Cluster, ids: &[String]) -> Result<Vec<Entry>, ClusterError> {
    let mut found = Vec::new();
    let mut each = |entry: Entry| {
        if entry.may_depend_on_any(ids) {
            found.push(entry);
        }
    };
    list::visit::<K>(cluster, Part::default(), &mut each).await?;
    Ok(found)
}

/// Lists the objects in the instance of a session that count as lost when they are gone, by kind.
async fn counted(
    cluster: &Cluster,
    session: &Session,
) -> Result<Vec<(RemoteKind, Vec<String>)>, ClusterError> {
    let mut all = Vec::new();
    let now = Timestamp::now();
    let servers = Servers::list(cluster).await?;
    for kind in RemoteKind::ALL {
        let mut ids = BTreeSet::new();
        let mut each = |entry: Entry| {
            let counted = entry.counted_in(&session.instance.id, now);
            let is_there = |_: &&String| servers.is_at(&entry, &session.server);
            ids.extend(counted.filter(is_there).cloned());
        };
        let part = Part::default();
        with_kind!(*kind, K => list::visit::<K>(cluster, part, &mut each).await?);
        all.push((*kind, ids.into_iter().collect()));
    }
    Ok(all)
}

/// Returns those of these objects that are gone at the API.
async fn lost(
    session: &Session,
    counted: &[(RemoteKind, Vec<String>)],
) -> Result<HashSet<String>, RemoteError> {
    let mut lost = HashSet::new();
    for (kind, ids) in counted {
        lost.extend(with_kind!(*kind, K => session.missing::<K>(ids).await?));
    }
    Ok(lost)
}
