//! Everything that a reconciliation works with.

use super::memories::Memories;
use crate::cluster::client::Cluster;
use crate::cluster::dependencies::Dependencies;
use crate::cluster::namespaces::NamespaceUids;
use crate::cluster::shard::Shard;
use crate::connections::Connections;
use crate::inventory::Inventories;
use crate::metrics::Metrics;
use crate::plan::fingerprint::MacKey;
use crate::plan::memory::Lags;
use crate::resources::{ConnectionKey, ResourceKey};
use crate::schema::SchemaChecks;
use crate::settings::Timing;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// One leadership: it starts with an empty memory, and dropping it drops every task in it.
pub struct Context {
    /// Effects on Kubernetes.
    pub cluster: Cluster,
    /// The connections with their sessions.
    pub connections: Connections,
    /// The key of fingerprints.
    pub fingerprint_key: Arc<MacKey>,
    /// uid of `kube-system`: the identity of the cluster.
    pub cluster_id: String,
    /// The id of this installation of the operator.
    pub installation: String,
    /// The uids of namespaces.
    pub namespace_uids: NamespaceUids,
    /// The memory of resources.
    pub memories: Memories,
    /// The dependencies between objects in the cluster.
    pub dependencies: Dependencies,
    /// The owners of objects that other resources wait to adopt, as markers name them. They are no dependencies: a marker is
    /// remote data, so it causes reconciliations, and has no part in what is decided about the owner.
    pub awaited_owners: Dependencies,
    /// The work queue.
    pub queue: UnboundedSender<ResourceKey>,
    /// The checks of values against published schemas.
    pub schema_checks: Arc<SchemaChecks>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Deadlines and pauses.
    pub timing: Timing,
    /// Namespace of the operator's own objects.
    pub operator_namespace: String,
    /// The part of the resources that is served.
    pub shard: Shard,
    /// The resources of all kinds.
    pub inventories: Inventories,
    /// The kinds that are disabled, each with the setting that enables it.
    pub disabled: HashMap<&'static str, &'static str>,
    /// The start of this leadership.
    pub since: Instant,
}

impl Context {
    /// Enqueues a resource.
    pub fn enqueue(&self, key: ResourceKey) {
        // The receiver ends only with the leadership itself.
        self.queue.send(key).ok();
    }

    /// Enqueues all resources that depend on `source`, or wait for it to be gone.
    pub fn enqueue_dependents(&self, source: &ResourceKey) {
        let waiting = self.awaited_owners.dependents(source);
        let dependents = self.dependencies.dependents(source);
        for key in dependents.into_iter().chain(waiting) {
            self.enqueue(key);
        }
    }

    /// Returns how far reads may lag behind writes.
    #[must_use]
    pub fn lags(&self) -> Lags {
        Lags {
            since: self.since.into_std(),
            settle: self.timing.settle,
            read_lag: self.timing.read_lag,
        }
    }

    /// Forgets a resource that no longer exists, or belongs to another shard.
    pub fn forget(&self, key: &ResourceKey) {
        self.connections.users.release(key);
        self.memories.forget(key);
        let sources = self.dependencies.forget(key);
        self.awaited_owners.forget(key);
        self.connections.waiting.remove(key);
        self.leave(sources);
        self.metrics.forget_resource(key);
    }

    /// Enqueues those of these sources, which a resource no longer depends on, that are connections which do not exist: it may
    /// have been the last one that waited for such a connection, or needed its last session.
    pub fn leave(&self, sources: Vec<ResourceKey>) {
        for source in sources {
            let connection = ConnectionKey::from_resource_key(&source);
            if connection.is_some_and(|it| self.connections.keeps_forgotten(&it)) {
                self.enqueue(source);
            }
        }
    }
}

/// Returns the time, as decisions take it.
#[must_use]
pub fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// Returns a number between 0 and 1 that spreads what would otherwise happen at the same time.
#[must_use]
pub fn jitter() -> f64 {
    rand::random::<f64>()
}
