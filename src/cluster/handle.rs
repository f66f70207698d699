//! A handle on the resource that a reconciliation is about: as the last call on it showed it, and the writes to it. Somebody
//! else's change of it in the meantime is no reason to decide again, unless it changes what a decision is based on.

use super::boot_time::BootTime;
use super::client::Cluster;
use super::error::{Cause, ClusterError};
use super::shard::Shard;
use crate::kinds::Kind;
use crate::plan::record::Finalizer;
use crate::resources::{
    APPROVE, FIELD_MANAGER, FINALIZER, RECONCILE_REQUESTED, ResourceKey, ResourceStatus,
    is_own_annotation,
};
use backon::{ExponentialBuilder, Retryable};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Repetitions of a write after a fresh read of the resource.
const MAX_REPETITIONS: usize = 4;
/// Repetitions of a status write that follows a write at the API: only this process knows of that write until then.
const STATUS_RETRIES: usize = 4;
/// The time after which they are left to the next reconciliation, before this one reaches its timeout.
const STATUS_PATIENCE: Duration = Duration::from_secs(30);

/// A handle on one custom resource.
pub struct Handle<'a, K: Kind> {
    cluster: &'a Cluster,
    shard: &'a Shard,
    key: &'a ResourceKey,
    api: Api<K>,
    /// The object.
    pub object: K,
    /// The status, as of the last write.
    pub status: K::Status,
    /// The start of the last read that showed that it belongs to this shard.
    confirmed_at: BootTime,
}

/// The facts that a status has to record, besides the report of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Records {
    /// Nothing.
    Nothing,
    /// An action, or something that was found.
    Effects,
    /// A write at the API.
    Writes,
}

impl<'a, K: Kind> Handle<'a, K> {
    /// Reads the resource; `None` if it no longer exists, or belongs to another shard.
    ///
    /// # Errors
    /// The read failed.
    pub async fn get(
        cluster: &'a Cluster,
        shard: &'a Shard,
        key: &'a ResourceKey,
    ) -> Result<Option<Self>, ClusterError> {
        let api = cluster.namespaced::<K>(&key.namespace);
        let confirmed_at = BootTime::now();
        let found = cluster.get_of_shard(&api, &key.name, shard).await?;
        Ok(found.map(|object| Self {
            status: object.status().cloned().unwrap_or_default(),
            cluster,
            shard,
            key,
            api,
            object,
            confirmed_at,
        }))
    }

    /// Returns whether it has the operator's finalizer.
    #[must_use]
    pub fn has_finalizer(&self) -> bool {
        self.object.finalizers().iter().any(|it| it == FINALIZER)
    }

    /// Returns how it got the operator's finalizer, as the API server's records of field managers show; `None` without it. A
    /// backup may bring its own records with it, which are older than the resource.
    #[must_use]
    pub fn finalizer(&self) -> Option<Finalizer> {
        let created = self.object.creation_timestamp();
        let added = |entry: &ManagedFieldsEntry| {
            let fields = entry.fields_v1.as_ref();
            let finalizers = fields.map(|fields| &fields.0["f:metadata"]["f:finalizers"]);
            entry.manager.as_deref() == Some(FIELD_MANAGER)
                && entry.time >= created
                && finalizers.is_some_and(|it| !it[format!("v:\"{FINALIZER}\"")].is_null())
        };
        let here = self.object.managed_fields().iter().any(added);
        self.has_finalizer().then_some(if here {
            Finalizer::Added
        } else {
            Finalizer::Restored
        })
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
        let new = requested.filter(|requested| Some(*requested) != handled);
        new.cloned()
    }

    /// Returns the hash of the approved plan.
    #[must_use]
    pub fn approved(&self) -> Option<String> {
        self.object.annotations().get(APPROVE).cloned()
    }

    /// Returns the ConfigMap that the ids are to be published in: where the spec can't be read, that of the last one.
    #[must_use]
    pub fn published_config_map(&self) -> Option<String> {
        if self.object.unreadable().is_some() {
            return self.status.common().published_config_map.clone();
        }
        let publish = self.object.common().publish.as_ref();
        publish.map(|publish| publish.config_map.name.clone())
    }

    /// Returns whether the resource still belongs to this shard, which is read unless it was just before.
    ///
    /// # Errors
    /// The read failed.
    pub async fn is_of_shard(&mut self, at_most: Duration) -> Result<bool, ClusterError> {
        if !self.shard.is_part() || BootTime::now().since(self.confirmed_at) < at_most {
            return Ok(true);
        }
        let (began, name) = (BootTime::now(), &self.key.name);
        let confirmed = self
            .cluster
            .is_of_shard(&self.api, name, self.shard)
            .await?;
        if confirmed {
            self.confirmed_at = began;
        }
        Ok(confirmed)
    }

    /// Adds the finalizer, and confirms by the response that it is in etcd.
    ///
    /// # Errors
    /// The call failed; [`Cause::Conflict`] where the resource changed so that a decision has to be made again.
    pub async fn add_finalizer(&mut self) -> Result<(), ClusterError> {
        self.set_finalizers(|finalizers| finalizers.push(FINALIZER.to_owned()))
            .await?;
        if self.has_finalizer() && !self.terminating() {
            Ok(())
        } else {
            Err(self.failed("patch finalizers", Cause::Conflict))
        }
    }

    /// Removes the finalizer; a resource that is gone has none.
    ///
    /// # Errors
    /// As for [`add_finalizer`](Self::add_finalizer).
    pub async fn remove_finalizer(&mut self) -> Result<(), ClusterError> {
        let remove = |finalizers: &mut Vec<String>| finalizers.retain(|it| it != FINALIZER);
        match self.set_finalizers(remove).await {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Changes the finalizers where that makes a difference.
    async fn set_finalizers(
        &mut self,
        change: impl Fn(&mut Vec<String>),
    ) -> Result<(), ClusterError> {
        let mut repetitions = 0..MAX_REPETITIONS;
        loop {
            let (api, object) = (&self.api, &self.object);
            let mut finalizers = object.finalizers().to_vec();
            change(&mut finalizers);
            if finalizers.len() == object.finalizers().len() {
                return Ok(());
            }
            let change = json!({"finalizers": finalizers});
            match self.cluster.patch_metadata(api, object, change).await {
                Err(error) if error.is_conflict() && repetitions.next().is_some() => {
                    self.resolve_conflict(error, Records::Nothing).await?;
                }
                written => {
                    self.object = written?;
                    return Ok(());
                }
            }
        }
    }

    /// Writes the status where it differs from the last one, and returns whether it does.
    ///
    /// # Errors
    /// As for [`add_finalizer`](Self::add_finalizer).
    pub async fn write_status(
        &mut self,
        next: &K::Status,
        records: Records,
    ) -> Result<bool, ClusterError> {
        let mut repetitions = 0..MAX_REPETITIONS;
        loop {
            match self.patch_status(next, records).await {
                Err(error) if error.is_conflict() && repetitions.next().is_some() => {
                    self.resolve_conflict(error, records).await?;
                }
                written => return written,
            }
        }
    }

    async fn patch_status(&self, next: &K::Status, records: Records) -> Result<bool, ClusterError> {
        let (api, object, status) = (&self.api, &self.object, &self.status);
        let write = || self.cluster.write_status(api, object, status, next);
        let began = Instant::now();
        let retries = match records {
            Records::Writes => STATUS_RETRIES,
            _ => 0,
        };
        let pauses = ExponentialBuilder::default().with_max_times(retries);
        let in_time = |error: &ClusterError| error.passes() && began.elapsed() < STATUS_PATIENCE;
        write.retry(pauses).when(in_time).await
    }

    /// Reads the resource again after a write to it failed, so that the write can be repeated. What was done is recorded after any
    /// change, unless it is gone, and perhaps another resource has its name by now.
    async fn resolve_conflict(
        &mut self,
        error: ClusterError,
        records: Records,
    ) -> Result<(), ClusterError> {
        let same = self.read_again(records).await?;
        match (same, records) {
            (false, Records::Nothing) => Err(self.failed("patch", Cause::Conflict)),
            // A policy refuses it, not a change in between.
            (true, _) if error.cause != Cause::Conflict => Err(error),
            _ => Ok(()),
        }
    }

    /// Reads the resource again. Returns whether it is, in everything that a decision is based on, as it was.
    async fn read_again(&mut self, records: Records) -> Result<bool, ClusterError> {
        let (cluster, api, name) = (self.cluster, &self.api, &self.key.name);
        let found = match records {
            // Whichever shard it belongs to by now.
            Records::Writes => cluster.get(api, name).await?,
            _ => cluster.get_of_shard(api, name, self.shard).await?,
        };
        let object = found.ok_or_else(|| self.failed("get", Cause::NotFound))?;
        if object.uid() != self.object.uid() {
            // Nothing of what was decided concerns the new resource of the same name.
            return Err(self.failed("get", Cause::Conflict));
        }
        let same = basis(&self.object) == basis(&object)
            && json!(object.status().cloned().unwrap_or_default()) == json!(self.status);
        if same {
            self.object = object;
        }
        Ok(same)
    }

    fn failed(&self, operation: &str, cause: Cause) -> ClusterError {
        ClusterError {
            operation: operation.to_owned(),
            object: self.key.to_string(),
            cause,
        }
    }
}

/// Returns what a decision is based on in a resource, but for its status.
fn basis(object: &impl Resource) -> impl PartialEq {
    let meta = object.meta();
    let annotations = meta.annotations.iter().flatten();
    let own = annotations.filter(|(key, _)| is_own_annotation(key));
    let own: Vec<(String, String)> = own
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let terminating = meta.deletion_timestamp.is_some();
    (meta.uid.clone(), meta.generation, terminating, own)
}
