//! The finalizer of a resource. Somebody else's change of the resource in the meantime is no reason to ask the API again,
//! unless it changes what the decision is based on.

use super::context::now;
use super::error::Error;
use super::run::Run;
use crate::cluster::error::{Cause, ClusterError};
use crate::kinds::Kind;
use crate::plan::case::Case;
use crate::plan::steps::Effect;
use crate::resources::{FINALIZER, is_own_annotation};
use kube::{Resource, ResourceExt};
use serde_json::json;

/// How often a write is tried again after a fresh read of the resource.
pub const CONFLICTS: usize = 4;

impl<K: Kind> Run<'_, K> {
    /// Adds the finalizer and reads it back: it must be in etcd before the first create is sent.
    pub async fn add_finalizer(&mut self, case: &Case<'_>) -> Result<(), Error> {
        self.set_finalizers(|finalizers| finalizers.push(FINALIZER.to_owned()))
            .await?;
        let object = &self.resource.object;
        let present = object.finalizers().iter().any(|it| it == FINALIZER);
        if object.meta().deletion_timestamp.is_some() || !present {
            return Err(Error::Cluster(ClusterError {
                operation: "patch finalizers".to_owned(),
                object: self.resource.key.to_string(),
                cause: Cause::Conflict,
            }));
        }
        if case.record.id.is_none() && !case.record.had_object {
            self.remember(|memory| memory.nothing_created(now()));
        }
        Ok(())
    }

    /// Removes the finalizer.
    pub async fn remove_finalizer(&mut self) -> Result<(), Error> {
        let removed = self
            .set_finalizers(|finalizers| finalizers.retain(|finalizer| finalizer != FINALIZER))
            .await;
        match removed {
            Err(Error::Cluster(error)) if error.cause == Cause::NotFound => {}
            removed => removed?,
        }
        self.effects.push(Effect::FinalizerRemoved);
        Ok(())
    }

    /// Changes the finalizers where that makes a difference.
    async fn set_finalizers(&mut self, change: impl Fn(&mut Vec<String>)) -> Result<(), Error> {
        let api = self.resource.api(self.context);
        let mut repetitions = 0..CONFLICTS;
        loop {
            let object = &self.resource.object;
            let mut finalizers = object.finalizers().to_vec();
            change(&mut finalizers);
            if finalizers.len() == object.finalizers().len() {
                return Ok(());
            }
            let cluster = &self.context.cluster;
            match cluster.set_finalizers(&api, object, &finalizers).await {
                Ok(object) => {
                    self.resource.object = object;
                    return Ok(());
                }
                Err(error) if error.is_conflict() && repetitions.next().is_some() => {
                    self.resolve_conflict(error, false).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads the resource again after a write to it failed, so that the write can be repeated.
    ///
    /// # Errors
    /// The decision is no longer based on what is there, unless the write is `needed` in any case. Or nothing has changed that
    /// could let it succeed.
    pub async fn resolve_conflict(
        &mut self,
        error: ClusterError,
        needed: bool,
    ) -> Result<(), Error> {
        match self.read_again().await? {
            false if !needed => Err(error.into()),
            // A policy refuses it, not a change in between.
            true if error.cause != Cause::Conflict => Err(Error::Denied(error)),
            _ => Ok(()),
        }
    }

    /// Reads the resource again. Returns whether it is, in everything that a decision is based on, as it was.
    ///
    /// # Errors
    /// It can't be read, is gone, or belongs to another shard by now, which decides about it.
    async fn read_again(&mut self) -> Result<bool, ClusterError> {
        let context = self.context;
        let (cluster, name) = (&context.cluster, &self.resource.key.name);
        let api = self.resource.api(context);
        let found = match self.wrote() {
            // What was written at the API is recorded in any case.
            true => cluster.get(&api, name).await?,
            false => cluster.get_of_shard(&api, name, &context.shard).await?,
        };
        let Some(object) = found else {
            return Err(ClusterError {
                operation: "get".to_owned(),
                object: self.resource.key.to_string(),
                cause: Cause::NotFound,
            });
        };
        let same = basis(&self.resource.object) == basis(&object)
            && json!(object.status().cloned().unwrap_or_default()) == json!(self.resource.status);
        if same {
            self.resource.object = object;
        }
        Ok(same)
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
