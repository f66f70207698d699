//! Leadership by compare-and-swap on a Lease, timed by this process's own clock, and the fence that every write to
//! the API passes at the moment of sending.
//!
//! Guarantees: a holder stops writing [`Terms::grace`] after its last successful renewal began; another takes over
//! only after it saw the same renewal unchanged for the whole [`Terms::duration`] on its own clock. Clocks are never
//! compared. Assumes that a request, once sent, reaches the server within the difference of the two.

use super::{Cause, Cluster, ClusterError};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const NAME: &str = "metorial-operator";

/// The timing of leadership.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long others wait after the last renewal that they saw.
    pub duration: Duration,
    /// How long a holder writes after its last successful renewal began.
    pub grace: Duration,
    /// How often it renews, and others look.
    pub renew: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            grace: Duration::from_secs(10),
            renew: Duration::from_secs(3),
        }
    }
}

/// Whether this process may write, as of now.
#[derive(Clone, Default)]
pub struct Fence(Arc<Mutex<Option<Instant>>>);

impl Fence {
    /// A fence that is always open: for a process without rivals.
    #[must_use]
    pub fn open() -> Self {
        let fence = Self::default();
        fence.set(Some(
            Instant::now() + Duration::from_secs(60 * 60 * 24 * 365 * 30),
        ));
        fence
    }

    /// Whether a write may be sent at this moment.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn set(&self, until: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// One candidate for the Lease.
pub struct Candidate {
    cluster: Cluster,
    namespace: String,
    identity: String,
    terms: Terms,
    fence: Fence,
    seen: Option<(String, Instant)>,
}

impl Candidate {
    /// A candidate under a name that no other has.
    #[must_use]
    pub fn new(cluster: Cluster, namespace: &str, identity: String, terms: Terms) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            identity,
            terms,
            fence: Fence::default(),
            seen: None,
        }
    }

    /// The fence of this candidate.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until this candidate holds the Lease.
    pub async fn acquire(&mut self, beat: impl Fn()) {
        loop {
            beat();
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "the lease can't be taken now"),
            }
            tokio::time::sleep(self.terms.renew).await;
        }
    }

    /// Renews for as long as that works; returns once leadership is lost.
    pub async fn keep(&mut self, beat: impl Fn()) {
        loop {
            tokio::time::sleep(self.terms.renew).await;
            beat();
            match self.attempt().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => tracing::warn!(%error, "the lease could not be renewed"),
            }
            if !self.fence.is_open() {
                break;
            }
        }
        self.fence.set(None);
        tracing::warn!("leadership is lost");
    }

    /// Gives the Lease up, so that another can take it at once.
    pub async fn release(&mut self) {
        let held = self.fence.is_open();
        self.fence.set(None);
        if !held {
            return;
        }
        let freed = async {
            let Some(lease) = self.read().await? else {
                return Ok(());
            };
            if holder(&lease) != Some(&self.identity) {
                return Ok(());
            }
            self.swap(&lease, "").await
        };
        if let Err(error) = freed.await {
            tracing::warn!(%error, "the lease could not be released");
        }
    }

    /// Takes or renews the Lease if it is free, ours or abandoned.
    async fn attempt(&mut self) -> Result<bool, ClusterError> {
        let began = Instant::now();
        let Some(lease) = self.read().await? else {
            let made = self.create().await?;
            return Ok(made && self.won(began));
        };
        let holder = holder(&lease).cloned().unwrap_or_default();
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        if holder != self.identity && !holder.is_empty() && !self.abandoned(&version) {
            return Ok(false);
        }
        match self.swap(&lease, &self.identity).await {
            Ok(()) => Ok(self.won(began)),
            Err(ClusterError {
                cause: Cause::Conflict,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn won(&self, began: Instant) -> bool {
        self.fence.set(Some(began + self.terms.grace));
        true
    }

    /// Whether nobody renewed for the whole duration, on our own clock.
    fn abandoned(&mut self, version: &str) -> bool {
        match &self.seen {
            Some((seen, since)) if seen == version => since.elapsed() >= self.terms.duration,
            _ => {
                self.seen = Some((version.to_owned(), Instant::now()));
                false
            }
        }
    }

    async fn read(&self) -> Result<Option<Lease>, ClusterError> {
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        self.cluster.get(&api, NAME).await
    }

    async fn create(&self) -> Result<bool, ClusterError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(self.terms.duration.as_secs()).ok(),
                renew_time: Some(MicroTime(jiff::Timestamp::now())),
                ..LeaseSpec::default()
            }),
        };
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        let params = PostParams::default();
        match self
            .cluster
            .call("create", "Lease", NAME, api.create(&params, &lease))
            .await
        {
            Ok(_) => Ok(true),
            Err(ClusterError {
                cause: Cause::Conflict,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The compare-and-swap: it fails if anybody wrote since `lease` was read.
    async fn swap(&self, lease: &Lease, holder: &str) -> Result<(), ClusterError> {
        let changes = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_transitions)
            .unwrap_or(0);
        let changed = self::holder(lease).is_none_or(|former| former != holder);
        let patch = json!({
            "metadata": {"resourceVersion": lease.metadata.resource_version},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": self.terms.duration.as_secs().max(1),
                "renewTime": MicroTime(jiff::Timestamp::now()),
                "leaseTransitions": changes + i32::from(changed && !holder.is_empty()),
            }
        });
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        let params = super::field_manager(PatchParams::default());
        let patch = Patch::Merge(patch);
        let swapped = self
            .cluster
            .call("patch", "Lease", NAME, api.patch(NAME, &params, &patch));
        swapped.await.map(drop)
    }
}

fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref()
}
