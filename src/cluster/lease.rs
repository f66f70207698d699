//! Leadership by compare-and-swap on a Lease, timed by this process's own clock.
//!
//! Guarantees: a holder stops writing [`LeaseTiming::grace`] after its last successful renewal began; another replica
//! takes over only after it saw the same renewal unchanged for the whole [`LeaseTiming::duration`] on its own clock, or as
//! long no Lease at all, in reads close to each other.
//! Clocks are never compared: the times in the Lease are for people, the resource version is what is observed.
//! Assumes that a request, once sent, reaches the server within the difference of the two. The API has no idempotency
//! keys, so a write that arrives later than that would be a second writer.

use super::boot_time::BootTime;
use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::fence::Fence;
use super::rivals::Rivals;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// The timing of leadership.
#[derive(Clone, Copy, Debug)]
pub struct LeaseTiming {
    /// Time that other replicas wait after the last renewal that they saw.
    pub duration: Duration,
    /// Time for which a holder writes after its last successful renewal began.
    pub grace: Duration,
    /// Interval at which the holder renews, and others read the Lease.
    pub renew: Duration,
}

impl Default for LeaseTiming {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(15),
            grace: Duration::from_secs(10),
            renew: Duration::from_secs(3),
        }
    }
}

/// One candidate for the Lease.
pub struct Candidate {
    cluster: Cluster,
    namespace: String,
    /// The name of the Lease.
    name: String,
    identity: String,
    timing: LeaseTiming,
    fence: Fence,
    rivals: Rivals,
    /// The other holder that was logged last.
    logged_holder: Option<String>,
}

impl Candidate {
    /// Returns a candidate for the Lease of this name. `identity` must differ from that of every other replica, this one's
    /// former process included.
    #[must_use]
    pub fn new(
        cluster: Cluster,
        namespace: &str,
        name: String,
        identity: String,
        timing: LeaseTiming,
    ) -> Self {
        Self {
            cluster,
            namespace: namespace.to_owned(),
            name,
            identity,
            timing,
            fence: Fence::default(),
            rivals: Rivals::new(timing.duration, timing.renew),
            logged_holder: None,
        }
    }

    /// Returns the fence of this candidate.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Waits until this candidate holds the Lease; calls `heartbeat` before each attempt.
    pub async fn acquire(&mut self, heartbeat: impl Fn()) {
        loop {
            heartbeat();
            match self.attempt().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "acquiring the lease failed; retrying"),
            }
            tokio::time::sleep(self.timing.renew).await;
        }
    }

    /// Renews the Lease until that fails for too long; returns once leadership is lost. Calls `heartbeat` before each
    /// attempt.
    pub async fn keep(&mut self, heartbeat: impl Fn()) {
        loop {
            tokio::time::sleep(self.timing.renew).await;
            heartbeat();
            // Others may have led since that right ended, also where the Lease is free again by now.
            if !self.fence.is_open() {
                break;
            }
            match self.attempt().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => tracing::warn!(%error, "renewing the lease failed; retrying"),
            }
            if !self.fence.is_open() {
                break;
            }
        }
        self.fence.close();
        self.rivals.assume_leader();
        tracing::warn!("leadership lost");
    }

    /// Releases the Lease, so that another replica can acquire it immediately.
    pub async fn release(&mut self) {
        let held = self.fence.is_open();
        self.fence.close();
        // A candidate that let the lease expire may no longer be the holder, and has nothing to release.
        if !held {
            return;
        }
        let released = async {
            let Some(lease) = self.read().await? else {
                return Ok(());
            };
            if holder(&lease) != Some(&self.identity) {
                return Ok(());
            }
            self.swap(&lease, "").await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "releasing the lease failed; another replica takes over when it expires");
        }
    }

    /// Acquires or renews the Lease if it is free, ours or expired.
    async fn attempt(&mut self) -> Result<bool, ClusterError> {
        // The grace counts from before the request: the renewal is in etcd some time before its response is here, and
        // others count from when they read it there.
        let began = BootTime::now();
        let read = self.read().await;
        if !matches!(read, Ok(None)) {
            self.rivals.end_absence();
        }
        let Some(lease) = read? else {
            let created = self.rivals.may_create(Instant::now()) && self.create().await?;
            return Ok(created && self.lead(began));
        };
        let holder = holder(&lease).cloned().unwrap_or_default();
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let of_other = holder != self.identity && !holder.is_empty();
        if of_other && !self.rivals.expired(&version, Instant::now()) {
            self.log_holder(holder);
            self.rivals.assume_leader();
            return Ok(false);
        }
        match self.swap(&lease, &self.identity).await {
            Err(error) if error.cause == Cause::Conflict => Ok(false),
            swapped => swapped.map(|()| self.lead(began)),
        }
    }

    /// Logs who leads, once for each change.
    fn log_holder(&mut self, holder: String) {
        if self.logged_holder.as_ref() != Some(&holder) {
            tracing::info!(
                lease = self.name,
                holder,
                "standing by: another replica leads"
            );
            self.logged_holder = Some(holder);
        }
    }

    fn lead(&mut self, began: BootTime) -> bool {
        self.logged_holder = None;
        self.rivals.overcome();
        self.fence.open_until(began + self.timing.grace);
        true
    }

    async fn read(&self) -> Result<Option<Lease>, ClusterError> {
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        self.cluster.get(&api, &self.name).await
    }

    async fn create(&self) -> Result<bool, ClusterError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(self.timing.duration.as_secs()).ok(),
                renew_time: Some(MicroTime(jiff::Timestamp::now())),
                ..LeaseSpec::default()
            }),
        };
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        match self.cluster.create(&api, &lease).await {
            Err(error) if error.cause == Cause::Conflict => Ok(false),
            created => created.map(|()| true),
        }
    }

    /// Writes the Lease with `holder`. The resource version makes it a compare-and-swap: it fails with a conflict if
    /// anybody wrote since `lease` was read.
    async fn swap(&self, lease: &Lease, holder: &str) -> Result<(), ClusterError> {
        let transitions = lease
            .spec
            .as_ref()
            .and_then(|spec| spec.lease_transitions)
            .unwrap_or(0);
        let changed = self::holder(lease).is_none_or(|former| former != holder);
        let patch = json!({
            "metadata": {"resourceVersion": lease.metadata.resource_version},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": self.timing.duration.as_secs().max(1),
                "renewTime": MicroTime(jiff::Timestamp::now()),
                "leaseTransitions": transitions + i32::from(changed && !holder.is_empty()),
            }
        });
        let api = self.cluster.namespaced::<Lease>(&self.namespace);
        self.cluster.merge(&api, &self.name, patch).await
    }
}

fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time that the module assumes to be enough for a request to reach the server.
    const MARGIN: Duration = Duration::from_secs(5);

    #[test]
    fn a_holder_stops_well_before_another_replica_takes_over_and_that_is_soon_after_a_crash() {
        let LeaseTiming {
            duration,
            grace,
            renew,
        } = LeaseTiming::default();
        assert!(grace + MARGIN <= duration);
        // A renewal that fails is repeated before the right ends.
        assert!(renew * 3 < grace);
        // Another replica sees the last renewal up to `renew` after it, and that it has expired at a later read.
        let reads = duration.as_millis().div_ceil(renew.as_millis());
        let takeover = renew + renew * u32::try_from(reads).expect("a few reads");
        assert!(takeover < Duration::from_secs(20), "{takeover:?}");
        // A shard reads at most `renew` before a write whose it is, and may write until its grace ends.
        assert!(renew + grace < duration);
    }
}
