//! Everything that a pass works with.

use super::kinds::kinds;
use super::memory::Memory;
use crate::cluster::dependencies::Dependencies;
use crate::cluster::{Cluster, ClusterError};
use crate::connections::{ConnectionContext, ConnectionKey, Connections};
use crate::metrics::Metrics;
use crate::plan::MacKey;
use crate::resources::ResourceKey;
use crate::settings::{ReconcileHook, Timing};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

/// One term of leadership: it begins with an empty memory.
pub struct World {
    /// Effects on Kubernetes.
    pub cluster: Cluster,
    /// Ways to the API.
    pub connections: Connections,
    /// Key of the fingerprints.
    pub mac: Arc<MacKey>,
    /// uid of `kube-system`.
    pub identity: String,
    /// What passes remember.
    pub memory: Memory,
    /// Who depends on what.
    pub dependencies: Dependencies,
    /// Asks for passes.
    pub wake: UnboundedSender<ResourceKey>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Deadlines and pauses.
    pub timing: Timing,
    /// Where the ledger of orphans is kept.
    pub operator_namespace: String,
    /// The namespaces that are served; empty: all.
    pub namespaces: Vec<String>,
    /// When this term began.
    pub since: Instant,
    /// See [`ReconcileHook`].
    pub hook: Option<ReconcileHook>,
}

impl World {
    /// The part that the reconciliation of a connection needs.
    #[must_use]
    pub fn connection_context(&self) -> ConnectionContext<'_> {
        ConnectionContext {
            cluster: &self.cluster,
            connections: &self.connections,
            dependencies: &self.dependencies,
            enqueue: &self.wake,
            metrics: &self.metrics,
            timing: &self.timing,
        }
    }

    /// Asks for a pass.
    pub fn wake(&self, key: ResourceKey) {
        // The receiver ends only with the term itself.
        self.wake.send(key).ok();
    }

    /// Asks for a pass of all that depend on `source`.
    pub fn wake_dependents(&self, source: &ResourceKey) {
        for key in self.dependencies.dependents(source) {
            self.wake(key);
        }
    }

    /// Where objects are served: in these namespaces, or everywhere.
    #[must_use]
    pub fn scopes(&self) -> Vec<Option<String>> {
        match self.namespaces.as_slice() {
            [] => vec![None],
            some => some.iter().cloned().map(Some).collect(),
        }
    }

    /// The resources that keep a connection in use, as `Kind namespace/name`.
    ///
    /// # Errors
    /// A list failed.
    pub async fn users(&self, connection: &ConnectionKey) -> Result<Vec<String>, ClusterError> {
        let mut users = Vec::new();
        for kind in kinds() {
            users.extend(kind.users(self, connection).await?);
        }
        Ok(users)
    }

    /// How long until reads surely show every write that was sent at `last_write` or by an earlier leader.
    #[must_use]
    pub fn unsettled_for(&self, last_write: Option<Instant>) -> Duration {
        let last = last_write.map_or(self.since, |write| write.max(self.since));
        self.timing.settle.saturating_sub(last.elapsed())
    }

    /// Forgets an object that is no more.
    pub fn forget(&self, key: &ResourceKey) {
        self.memory.forget(key);
        self.dependencies.forget(key);
        let name = format!("{}/{}", key.namespace, key.name);
        self.metrics.forget_resource(key.kind, name);
    }
}

/// A number between 0 and 1 that spreads what would otherwise happen at once.
#[must_use]
pub fn jitter() -> f64 {
    rand::random::<f64>()
}
