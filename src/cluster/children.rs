//! Child objects: the Secret of an export and the ConfigMap of published ids. They are the resource's own or left alone, and
//! are written in one piece.

use super::child::{Child, in_shape, patch, same_type};
use super::client::Cluster;
use super::error::{Cause, ClusterError, DENIED, is_terminating};
use super::verb::Verb;
use super::writes::owned_by;
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

/// Runs code for the type of a kind of child object, which it names.
macro_rules! with_child {
    ($of:expr, $type:ident => $body:expr) => {
        match $of {
            ChildKind::Secret => {
                type $type = Secret;
                $body
            }
            ChildKind::ConfigMap => {
                type $type = ConfigMap;
                $body
            }
        }
    };
}

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
        with_child!(wanted.kind, C => self.observe_as::<C>(wanted, key).await)
    }

    /// Returns the content of a child object that is the resource's own.
    ///
    /// # Errors
    /// The call failed.
    pub async fn content(&self, wanted: &ChildSpec) -> Result<Option<Data>, ClusterError> {
        with_child!(wanted.kind, C => {
            let found = self.cluster.get(&self.api::<C>(), &wanted.name).await?;
            let own = found.filter(|found| self.owns(found));
            Ok(own.map(|own| own.content()))
        })
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
        with_child!(wanted.kind, C => self.apply_as::<C>(wanted, data, export).await)
    }

    /// Returns why Kubernetes would refuse a child object, by a dry run. `data` stands for what will be written: the answer
    /// may quote it.
    ///
    /// # Errors
    /// The call failed in another way.
    pub async fn dry_run(
        &self,
        wanted: &ChildSpec,
        data: &Data,
    ) -> Result<Option<Refusal>, ClusterError> {
        let wanted = &self.labeled(wanted);
        with_child!(wanted.kind, C => self.dry_run_as::<C>(wanted, data).await)
    }

    /// Deletes a child object that is no longer wanted; one that belongs to somebody else stays.
    ///
    /// # Errors
    /// A call failed.
    pub async fn remove(&self, kind: ChildKind, name: &str) -> Result<(), ClusterError> {
        with_child!(kind, C => {
            let api = self.api::<C>();
            match self.cluster.get(&api, name).await? {
                Some(found) if self.owns(&found) => self.delete(&api, &found).await,
                _ => Ok(()),
            }
        })
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
            return Ok(if self.predecessor_owns(&found) {
                ChildState::OfPredecessor
            } else {
                ChildState::Foreign
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

    async fn apply_as<C: Child>(
        &self,
        wanted: &ChildSpec,
        data: &Data,
        export: Option<&ExportStatus>,
    ) -> Result<Applied, ClusterError> {
        let error = match self.write_as::<C>(wanted, data, export).await {
            Ok(()) => return Ok(Applied::Done),
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
        Ok(match self.dry_run_as::<C>(wanted, &shape).await? {
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

    async fn write_as<C: Child>(
        &self,
        wanted: &ChildSpec,
        data: &Data,
        export: Option<&ExportStatus>,
    ) -> Result<(), ClusterError> {
        let api = self.api::<C>();
        let (kind, name) = (C::kind(&()), wanted.name.as_str());
        let found = self.cluster.get(&api, name).await?;
        if found.as_ref().is_some_and(|found| !self.owns(found)) {
            let changed = ClusterError::new(Verb::Patch, &kind, name, Cause::Conflict);
            return Err(changed);
        }
        let annotations = annotations(wanted, export);
        if let Some(found) = found.as_ref().filter(|found| same_type(*found, wanted)) {
            let patch = patch(found, wanted, &annotations, data);
            return self.cluster.merge(&api, name, patch).await;
        }
        let child = self.child::<C>(wanted, annotations, data);
        if let Some(found) = &found {
            // A Secret's type can't be changed: it is deleted first, but only where what takes its place is accepted.
            let params = creation(true);
            let tried = accepted(api.create(&params, &child));
            self.cluster.call(Verb::DryRun, &kind, name, tried).await?;
            self.delete(&api, found).await?;
        }
        let params = creation(false);
        let created = api.create(&params, &child);
        let created = self.cluster.call(Verb::Create, &kind, name, created);
        created.await.map(drop)
    }

    async fn dry_run_as<C: Child>(
        &self,
        wanted: &ChildSpec,
        data: &Data,
    ) -> Result<Option<Refusal>, ClusterError> {
        let api = self.api::<C>();
        let name = wanted.name.as_str();
        let found = self.cluster.get(&api, name).await?;
        // The record of an export has to be admitted, too.
        let annotations = annotations(wanted, Some(&ExportStatus::default()));
        let tried = async {
            if let Some(found) = found.as_ref().filter(|found| same_type(*found, wanted)) {
                let patch = Patch::Merge(patch(found, wanted, &annotations, data));
                let params = PatchParams {
                    dry_run: true,
                    ..PatchParams::apply(FIELD_MANAGER)
                };
                return api.patch(name, &params, &patch).await.map(drop);
            }
            let child = self.child::<C>(wanted, annotations, data);
            let params = creation(true);
            let created = api.create(&params, &child);
            if found.is_some() {
                accepted(created).await
            } else {
                created.await.map(drop)
            }
        };
        let refused = async {
            match tried.await {
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 413 | 422) => {
                    // An object that exists stays as it is.
                    Ok(Some(refusal(wanted, &status, found.is_some())))
                }
                tried => tried.map(|()| None),
            }
        };
        let kind = C::kind(&());
        self.cluster.call(Verb::DryRun, &kind, name, refused).await
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
            .call(Verb::Delete, &kind, &name, api.delete(&name, &params));
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

    /// Returns the object to create.
    fn child<C: Child>(
        &self,
        wanted: &ChildSpec,
        annotations: BTreeMap<String, String>,
        data: &Data,
    ) -> C {
        let some = |texts: BTreeMap<String, String>| Some(texts).filter(|texts| !texts.is_empty());
        let metadata = ObjectMeta {
            name: Some(wanted.name.clone()),
            labels: some(wanted.labels.clone()),
            annotations: some(annotations),
            owner_references: owned_by(self.resource).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        C::new(metadata, wanted.type_.clone(), data)
    }
}

fn creation(dry_run: bool) -> PostParams {
    PostParams {
        dry_run,
        field_manager: Some(FIELD_MANAGER.to_owned()),
    }
}

/// Turns the answer to a dry run that the name is taken into one that the object is accepted. The API server runs admission
/// before it checks whether the name is taken.
async fn accepted<C>(
    tried: impl Future<Output = Result<C, kube::Error>>,
) -> Result<(), kube::Error> {
    match tried.await {
        Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => Ok(()),
        tried => tried.map(drop),
    }
}

/// Returns the refusal of a dry run; `kept` is true if there is an object, which stays as it is.
fn refusal(wanted: &ChildSpec, status: &Status, kept: bool) -> Refusal {
    Refusal {
        kind: wanted.kind,
        name: wanted.name.clone(),
        forbidden: status.code == 403 || status.message.contains(DENIED),
        terminating: is_terminating(status),
        kept,
        message: status.message.chars().take(500).collect(),
    }
}

/// Returns the wanted annotations, and for a Secret the record of the export that it holds.
fn annotations(wanted: &ChildSpec, export: Option<&ExportStatus>) -> BTreeMap<String, String> {
    let mut annotations = wanted.annotations.clone();
    if let Some(export) = export
        && wanted.kind == ChildKind::Secret
    {
        annotations.insert(EXPORT_ANNOTATION.to_owned(), json!(export).to_string());
        let expires_at = export.expires_at.clone();
        annotations.extend(expires_at.map(|at| (EXPIRES_ANNOTATION.to_owned(), at)));
    }
    annotations
}
