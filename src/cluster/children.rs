//! Child objects: the Secret of an export and the ConfigMap of published ids. They are the resource's own or left alone, and
//! are written in one piece.

use super::child::{Child, in_shape, patch, same_type};
use super::client::Cluster;
use super::error::{Cause, ClusterError, DENIED, is_terminating};
use super::writes::{field_manager, owned_by};
use crate::plan::children::{
    ChildKind, ChildSpec, ChildState, Data, EXPIRES_ANNOTATION, EXPORT_ANNOTATION, Refusal, blank,
};
use crate::plan::fingerprint::MacKey;
use crate::resources::{ExportStatus, FIELD_MANAGER, Reason};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// The most characters of a label's value.
const LONGEST_LABEL: usize = 63;

/// The resource that child objects belong to.
#[derive(Clone, Copy)]
pub struct Parent<'a, K> {
    /// The Kubernetes API.
    pub cluster: &'a Cluster,
    /// The resource.
    pub resource: &'a K,
}

/// The result of a write that Kubernetes may refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The child object holds what it should.
    Done,
    /// Kubernetes refuses it.
    Refused(Refusal),
    /// Kubernetes refuses its content: the error.
    TooLarge(String),
}

impl<K: Resource<DynamicType = ()> + Serialize> Parent<'_, K> {
    /// Reads a child object and compares it with what is wanted.
    ///
    /// # Errors
    /// The call failed.
    pub async fn observe(
        &self,
        wanted: &ChildSpec,
        key: &MacKey,
    ) -> Result<ChildState, ClusterError> {
        let wanted = &self.labeled(wanted);
        match wanted.kind {
            ChildKind::Secret => self.observe_as::<Secret>(wanted, key).await,
            ChildKind::ConfigMap => self.observe_as::<ConfigMap>(wanted, key).await,
        }
    }

    /// Returns the content of a child object that is the resource's own.
    ///
    /// # Errors
    /// The call failed.
    pub async fn content(&self, wanted: &ChildSpec) -> Result<Option<Data>, ClusterError> {
        match wanted.kind {
            ChildKind::Secret => self.content_as::<Secret>(wanted).await,
            ChildKind::ConfigMap => self.content_as::<ConfigMap>(wanted).await,
        }
    }

    /// Makes a child object hold exactly `data`: readers see the former content or this, never a mixture.
    ///
    /// # Errors
    /// A call failed; [`Cause::Conflict`] where the object belongs to somebody else by now.
    pub async fn apply(
        &self,
        wanted: &ChildSpec,
        data: &Data,
        export: Option<&ExportStatus>,
    ) -> Result<Applied, ClusterError> {
        let wanted = &self.labeled(wanted);
        let written = match wanted.kind {
            ChildKind::Secret => self.write_as::<Secret>(wanted, data, export, false).await,
            ChildKind::ConfigMap => {
                self.write_as::<ConfigMap>(wanted, data, export, false)
                    .await
            }
        };
        let error = match written {
            Ok(None) => return Ok(Applied::Done),
            Ok(Some(refusal)) => return Ok(Applied::Refused(refusal)),
            Err(error) => error,
        };
        if !matches!(
            error.cause,
            Cause::Refused(_) | Cause::Forbidden | Cause::Terminating
        ) {
            return Err(error);
        }
        // The answer to a write may quote what was sent, so only a dry run without values tells the cause.
        let shape = blank(data.keys().cloned());
        Ok(match self.try_out(wanted, &shape).await? {
            Some(refusal) => Applied::Refused(refusal),
            None if wanted.kind == ChildKind::Secret => Applied::TooLarge(error.to_string()),
            // Only the write itself is refused, for its content.
            None => Applied::Refused(Refusal {
                kind: wanted.kind,
                name: wanted.name.clone(),
                forbidden: error.reason() == Reason::Forbidden,
                terminating: error.cause == Cause::Terminating,
                kept: false,
                message: error.cause.to_string(),
            }),
        })
    }

    /// Returns why Kubernetes would refuse a child object, by a dry run. `data` stands for what will be written: the answer
    /// may quote it.
    ///
    /// # Errors
    /// The call failed in another way.
    pub async fn try_out(
        &self,
        wanted: &ChildSpec,
        data: &Data,
    ) -> Result<Option<Refusal>, ClusterError> {
        let wanted = &self.labeled(wanted);
        match wanted.kind {
            ChildKind::Secret => self.write_as::<Secret>(wanted, data, None, true).await,
            ChildKind::ConfigMap => self.write_as::<ConfigMap>(wanted, data, None, true).await,
        }
    }

    /// Deletes a child object that is no longer wanted; one that belongs to somebody else stays.
    ///
    /// # Errors
    /// A call failed.
    pub async fn remove(&self, kind: ChildKind, name: &str) -> Result<(), ClusterError> {
        match kind {
            ChildKind::Secret => self.remove_as::<Secret>(name).await,
            ChildKind::ConfigMap => self.remove_as::<ConfigMap>(name).await,
        }
    }

    async fn observe_as<C: Child>(
        &self,
        wanted: &ChildSpec,
        key: &MacKey,
    ) -> Result<ChildState, ClusterError> {
        let Some(found) = self.cluster.get(&self.api::<C>(), &wanted.name).await? else {
            return Ok(ChildState::Missing);
        };
        if !self.owns(&found) {
            return Ok(match self.predecessor_owns(&found) {
                true => ChildState::OfPredecessor,
                false => ChildState::Foreign,
            });
        }
        let namespace = self.resource.namespace().unwrap_or_default();
        let mut content = found.content();
        let fingerprint = wanted.fingerprint(key, &namespace, &content);
        content.values_mut().for_each(zeroize::Zeroize::zeroize);
        let export = found
            .annotations()
            .get(EXPORT_ANNOTATION)
            .and_then(|text| serde_json::from_str::<Box<ExportStatus>>(text).ok())
            .filter(|export| export.secret_fingerprint.as_ref() == Some(&fingerprint));
        Ok(ChildState::Owned {
            fingerprint,
            in_shape: in_shape(&found, wanted),
            export,
        })
    }

    async fn content_as<C: Child>(&self, wanted: &ChildSpec) -> Result<Option<Data>, ClusterError> {
        let found = self.cluster.get(&self.api::<C>(), &wanted.name).await?;
        let own = found.filter(|found| self.owns(found));
        Ok(own.map(|own| own.content()))
    }

    /// Writes a child object, or tries to. A refusal is returned by a dry run only.
    async fn write_as<C: Child>(
        &self,
        wanted: &ChildSpec,
        data: &Data,
        export: Option<&ExportStatus>,
        dry_run: bool,
    ) -> Result<Option<Refusal>, ClusterError> {
        let api = self.api::<C>();
        let (kind, name) = (C::kind(&()), wanted.name.as_str());
        let found = self.cluster.get(&api, name).await?;
        if let Some(found) = found
            .as_ref()
            .filter(|found| !dry_run && !self.owns(*found))
        {
            return Err(changed(&kind, &found.name_any()));
        }
        let annotations = annotations(wanted, export.filter(|_| !dry_run), dry_run);
        let verb = |verb| if dry_run { "try" } else { verb };
        if let Some(found) = found.as_ref().filter(|found| same_type(*found, wanted)) {
            let patch = Patch::Merge(patch(found, wanted, &annotations, data));
            let params = PatchParams {
                dry_run,
                ..field_manager(PatchParams::default())
            };
            let patched = refusal(wanted, dry_run, api.patch(name, &params, &patch));
            let patched = self.cluster.call(verb("patch"), &kind, name, patched).await;
            return kept(patched);
        }
        let child = C::new(
            self.metadata(wanted, annotations),
            wanted.type_.clone(),
            data,
        );
        if let Some(found) = &found {
            // A Secret's type can't be changed: it is deleted first, but only where what takes its place is accepted.
            let params = creation(true);
            let tried = refusal(wanted, dry_run, accepted(api.create(&params, &child)));
            let tried = self.cluster.call("try", &kind, name, tried).await;
            if dry_run {
                return kept(tried);
            }
            tried?;
            self.delete(&api, found).await?;
        }
        let params = creation(dry_run);
        let created = refusal(wanted, dry_run, api.create(&params, &child));
        self.cluster
            .call(verb("create"), &kind, name, created)
            .await
    }

    async fn remove_as<C: Child>(&self, name: &str) -> Result<(), ClusterError> {
        let api = self.api::<C>();
        match self.cluster.get(&api, name).await? {
            Some(found) if self.owns(&found) => self.delete(&api, &found).await,
            _ => Ok(()),
        }
    }

    async fn delete<C: Child>(&self, api: &Api<C>, found: &C) -> Result<(), ClusterError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: found.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let (kind, name) = (C::kind(&()), found.name_any());
        let deleted = self
            .cluster
            .call("delete", &kind, &name, api.delete(&name, &params));
        match deleted.await {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            deleted => deleted.map(drop),
        }
    }

    /// Returns what is wanted, with the labels by which people and tools find it.
    fn labeled(&self, wanted: &ChildSpec) -> ChildSpec {
        let name = self.resource.name_any();
        let kind = K::kind(&()).into_owned();
        let labels = [
            ("app.kubernetes.io/managed-by", FIELD_MANAGER.to_owned()),
            ("metorial.com/kind", kind),
            ("metorial.com/name", name),
        ];
        let mut wanted = wanted.clone();
        // The name of a resource may be longer than a label.
        let fitting = labels
            .into_iter()
            .filter(|(_, text)| text.len() <= LONGEST_LABEL);
        let fitting = fitting.map(|(key, text)| (key.to_owned(), text));
        wanted.labels.extend(fitting);
        wanted
    }

    fn api<C: Child>(&self) -> Api<C> {
        let namespace = self.resource.namespace().unwrap_or_default();
        self.cluster.namespaced(&namespace)
    }

    fn owns<C: Child>(&self, child: &C) -> bool {
        let uid = self.resource.meta().uid.as_ref();
        let owners = child.owner_references();
        owners.iter().any(|owner| Some(&owner.uid) == uid)
    }

    /// Returns whether its only owner is a resource of the same kind and name, which no longer exists if this one does.
    fn predecessor_owns<C: Child>(&self, child: &C) -> bool {
        let Some(own) = owned_by(self.resource) else {
            return false;
        };
        let group = |owner: &OwnerReference| owner.api_version.split('/').next().map(str::to_owned);
        matches!(child.owner_references(), [owner]
            if group(owner) == group(&own) && (&owner.kind, &owner.name) == (&own.kind, &own.name))
    }

    fn metadata(&self, wanted: &ChildSpec, annotations: BTreeMap<String, String>) -> ObjectMeta {
        let some = |texts: BTreeMap<String, String>| Some(texts).filter(|texts| !texts.is_empty());
        ObjectMeta {
            name: Some(wanted.name.clone()),
            labels: some(wanted.labels.clone()),
            annotations: some(annotations),
            owner_references: owned_by(self.resource).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }
}

fn creation(dry_run: bool) -> PostParams {
    PostParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    }
}

/// Turns the answer to a dry run that the name is taken into one that the object is accepted: the API server, its admission
/// policies included, judges an object before it looks for another of that name.
async fn accepted<C>(
    tried: impl Future<Output = Result<C, kube::Error>>,
) -> Result<(), kube::Error> {
    match tried.await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        tried => tried.map(drop),
    }
}

/// Returns the outcome of a dry run for an object that exists: where it is refused, the object stays as it is.
fn kept(tried: Result<Option<Refusal>, ClusterError>) -> Result<Option<Refusal>, ClusterError> {
    let kept = |refusal| Refusal {
        kept: true,
        ..refusal
    };
    tried.map(|refusal| refusal.map(kept))
}

/// Turns the refusal of a dry run into a value.
async fn refusal<C>(
    wanted: &ChildSpec,
    dry_run: bool,
    written: impl Future<Output = Result<C, kube::Error>>,
) -> Result<Option<Refusal>, kube::Error> {
    match written.await {
        Err(kube::Error::Api(status))
            if dry_run && matches!(status.code, 400 | 403 | 413 | 422) =>
        {
            Ok(Some(refused(wanted, &status)))
        }
        written => written.map(|_| None),
    }
}

fn refused(wanted: &ChildSpec, status: &Status) -> Refusal {
    Refusal {
        kind: wanted.kind,
        name: wanted.name.clone(),
        forbidden: status.code == 403 || status.message.contains(DENIED),
        terminating: is_terminating(status),
        kept: false,
        message: status.message.chars().take(500).collect(),
    }
}

fn changed(kind: &str, name: &str) -> ClusterError {
    ClusterError {
        operation: format!("patch {kind}"),
        object: name.to_owned(),
        cause: Cause::Conflict,
    }
}

/// Returns the wanted annotations, and for a Secret the record of the export that it holds.
fn annotations(
    wanted: &ChildSpec,
    export: Option<&ExportStatus>,
    dry_run: bool,
) -> BTreeMap<String, String> {
    let mut annotations = wanted.annotations.clone();
    let placeholder = ExportStatus::default();
    let export = match wanted.kind {
        ChildKind::Secret => export.or(dry_run.then_some(&placeholder)),
        ChildKind::ConfigMap => None,
    };
    if let Some(export) = export {
        annotations.insert(EXPORT_ANNOTATION.to_owned(), json!(export).to_string());
        let expires_at = export.expires_at.clone();
        annotations.extend(expires_at.map(|at| (EXPIRES_ANNOTATION.to_owned(), at)));
    }
    annotations
}
