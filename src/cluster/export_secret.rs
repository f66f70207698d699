//! The Secret that exports go into: ours or left alone, written in one piece.

use super::{Cause, Cluster, ClusterError, field_manager, owned_by};
use crate::plan::{MacKey, SecretSeen};
use crate::resources::{ExportFormat, ExportSecret, ExportStatus, FIELD_MANAGER};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a Secret holds.
pub type Data = BTreeMap<String, Vec<u8>>;

const OPAQUE: &str = "Opaque";
/// The annotation that tells which export a Secret holds: a crash before the status is written loses nothing.
const HOLDS: &str = "metorial.com/export";

/// The digest of a Secret's content, bound to its place and to the format that it was laid out in: where another is
/// wanted, the Secret does not hold what it should.
#[must_use]
pub fn digest(key: &MacKey, namespace: &str, wanted: &ExportSecret, data: &Data) -> String {
    let mut parts: Vec<&[u8]> = vec![b"secret", namespace.as_bytes(), wanted.name.as_bytes()];
    if wanted.format == Some(ExportFormat::Json) {
        parts.push(b"json");
    }
    for (key, value) in data {
        parts.extend([key.as_bytes(), value]);
    }
    key.fingerprint(&parts).to_string()
}

impl Cluster {
    /// How the Secret of `owner` stands.
    ///
    /// # Errors
    /// The call failed.
    pub async fn export_secret<K>(
        &self,
        owner: &K,
        wanted: &ExportSecret,
        key: &MacKey,
    ) -> Result<SecretSeen, ClusterError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = owner.namespace().unwrap_or_default();
        let api = self.namespaced::<Secret>(&namespace);
        let Some(found) = self.get(&api, &wanted.name).await? else {
            return Ok(SecretSeen::Missing);
        };
        if !is_ours(owner, &found) {
            return Ok(SecretSeen::Foreign);
        }
        let data: Data = found
            .data
            .iter()
            .flatten()
            .map(|(key, bytes)| (key.clone(), bytes.0.clone()))
            .collect();
        let has = |wanted: &Option<BTreeMap<String, String>>, found: &BTreeMap<String, String>| {
            wanted
                .iter()
                .flatten()
                .all(|(key, value)| found.get(key) == Some(value))
        };
        let fingerprint = digest(key, &namespace, wanted, &data);
        let holds = found
            .annotations()
            .get(HOLDS)
            .and_then(|text| serde_json::from_str::<Box<ExportStatus>>(text).ok())
            .filter(|export| export.secret_fingerprint.as_ref() == Some(&fingerprint));
        Ok(SecretSeen::Ours {
            fingerprint,
            holds,
            shaped: left(&found, "f:labels", wanted.labels.as_ref()).is_empty()
                && left(&found, "f:annotations", wanted.annotations.as_ref()).is_empty()
                && has(&wanted.labels, found.labels())
                && has(&wanted.annotations, found.annotations())
                && type_of(&found) == wanted.type_.as_deref().unwrap_or(OPAQUE),
        })
    }

    /// Makes the Secret hold exactly `data`; readers see the former content or this, never a mixture.
    ///
    /// # Errors
    /// A call failed; [`Cause::Conflict`] where the Secret is somebody else's by now.
    pub async fn deliver<K>(
        &self,
        owner: &K,
        wanted: &ExportSecret,
        data: &Data,
        export: &ExportStatus,
    ) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = owner.namespace().unwrap_or_default();
        let (api, name) = (self.namespaced::<Secret>(&namespace), wanted.name.as_str());
        let found = self.get(&api, name).await?;
        let annotations = annotations(wanted, export);
        if let Some(found) = &found {
            if !is_ours(owner, found) {
                return Err(ClusterError {
                    operation: "patch Secret".to_owned(),
                    object: name.to_owned(),
                    cause: Cause::Conflict,
                });
            }
            if type_of(found) == wanted.type_.as_deref().unwrap_or(OPAQUE) {
                let patch = Patch::Merge(patch(found, wanted, &annotations, data));
                let params = field_manager(PatchParams::default());
                return self
                    .call("patch", "Secret", name, api.patch(name, &params, &patch))
                    .await
                    .map(drop);
            }
            // A Secret's type can't be changed.
            self.remove(&api, found).await?;
        }
        let secret = secret(owner, wanted, annotations, data);
        let params = PostParams {
            field_manager: Some(super::FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        self.call("create", "Secret", name, api.create(&params, &secret))
            .await
            .map(drop)
    }

    /// Deletes a Secret of `owner` that exports no longer go into; one that is somebody else's stays.
    ///
    /// # Errors
    /// The call failed.
    pub async fn discard<K>(&self, owner: &K, name: &str) -> Result<(), ClusterError>
    where
        K: Resource<DynamicType = ()>,
    {
        let api = self.namespaced::<Secret>(&owner.namespace().unwrap_or_default());
        match self.get(&api, name).await? {
            Some(found) if is_ours(owner, &found) => self.remove(&api, &found).await,
            _ => Ok(()),
        }
    }

    async fn remove(&self, api: &Api<Secret>, found: &Secret) -> Result<(), ClusterError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: found.uid(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let name = found.name_any();
        let removed = self.call("delete", "Secret", &name, api.delete(&name, &params));
        removed.await.map(drop)
    }

    /// Why Kubernetes would not take this Secret, by a dry run. `data` stands for what will be written: the answer may
    /// quote it.
    ///
    /// # Errors
    /// The call failed in another way.
    pub async fn refuses<K>(
        &self,
        owner: &K,
        wanted: &ExportSecret,
        data: &Data,
    ) -> Result<Option<Refusal>, ClusterError>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let namespace = owner.namespace().unwrap_or_default();
        let (api, name) = (self.namespaced::<Secret>(&namespace), wanted.name.as_str());
        let found = self.get(&api, name).await?;
        let annotations = annotations(wanted, &ExportStatus::default());
        let tried = async {
            let done = match &found {
                Some(found) if type_of(found) == wanted.type_.as_deref().unwrap_or(OPAQUE) => {
                    let patch = Patch::Merge(patch(found, wanted, &annotations, data));
                    let params = PatchParams {
                        dry_run: true,
                        ..field_manager(PatchParams::default())
                    };
                    api.patch(name, &params, &patch).await
                }
                found => {
                    let mut secret = secret(owner, wanted, annotations, data);
                    if found.is_some() {
                        // It will be deleted first.
                        secret.metadata.generate_name = secret.metadata.name.take();
                    }
                    let params = PostParams {
                        dry_run: true,
                        field_manager: Some(super::FIELD_MANAGER.to_owned()),
                    };
                    api.create(&params, &secret).await
                }
            };
            match done {
                Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 413 | 422) => {
                    Ok(Some(Refusal::of(&status)))
                }
                done => done.map(|_| None),
            }
        };
        self.call("try", "Secret", name, tried).await
    }
}

/// Why Kubernetes does not take a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whether it is a matter of rights or quotas, not of the Secret's form.
    pub forbidden: bool,
    /// Whether the namespace is being deleted.
    pub terminating: bool,
    /// The API server's words.
    pub message: String,
}

impl Refusal {
    fn of(status: &Status) -> Self {
        let causes = status.details.iter().flat_map(|details| &details.causes);
        Self {
            forbidden: status.code == 403,
            terminating: causes
                .map(|cause| cause.reason.as_str())
                .any(|reason| reason == "NamespaceTerminating"),
            message: status.message.chars().take(500).collect(),
        }
    }
}

/// The annotations of a Secret that holds this export.
fn annotations(wanted: &ExportSecret, export: &ExportStatus) -> BTreeMap<String, String> {
    let mut annotations = wanted.annotations.clone().unwrap_or_default();
    annotations.insert(HOLDS.to_owned(), json!(export).to_string());
    annotations
}

/// The Secret as it is made.
fn secret<K>(
    owner: &K,
    wanted: &ExportSecret,
    annotations: BTreeMap<String, String>,
    data: &Data,
) -> Secret
where
    K: Resource<DynamicType = ()> + Serialize,
{
    let data = data.iter();
    Secret {
        metadata: ObjectMeta {
            name: Some(wanted.name.clone()),
            labels: wanted.labels.clone(),
            annotations: Some(annotations),
            owner_references: owned_by(owner).map(|reference| vec![reference]),
            ..ObjectMeta::default()
        },
        type_: wanted.type_.clone(),
        data: Some(
            data.map(|(key, bytes)| (key.clone(), ByteString(bytes.clone())))
                .collect(),
        ),
        ..Secret::default()
    }
}

fn is_ours<K: Resource<DynamicType = ()>>(owner: &K, secret: &Secret) -> bool {
    let uid = owner.meta().uid.as_ref();
    secret
        .owner_references()
        .iter()
        .any(|reference| Some(&reference.uid) == uid)
}

fn type_of(secret: &Secret) -> &str {
    secret.type_.as_deref().unwrap_or(OPAQUE)
}

fn patch(
    found: &Secret,
    wanted: &ExportSecret,
    annotations: &BTreeMap<String, String>,
    data: &Data,
) -> Value {
    let mut content: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, bytes)| (key.clone(), json!(ByteString(bytes.clone()))))
        .collect();
    for key in found.data.iter().flatten().map(|(key, _)| key) {
        content.entry(key.clone()).or_insert(Value::Null);
    }
    let without = |field: &str, wanted: Option<&BTreeMap<String, String>>| {
        let mut all: BTreeMap<String, Option<String>> = left(found, field, wanted)
            .into_iter()
            .map(|key| (key, None))
            .collect();
        let wanted = wanted.into_iter().flatten();
        all.extend(wanted.map(|(key, value)| (key.clone(), Some(value.clone()))));
        all
    };
    json!({
        "metadata": {
            "uid": found.metadata.uid,
            "labels": without("f:labels", wanted.labels.as_ref()),
            "annotations": without("f:annotations", Some(annotations)),
        },
        "data": content,
    })
}

/// The labels or annotations that we set once, as the API server's records of who set what say, and that are not
/// wanted any more.
fn left(
    found: &Secret,
    field: &str,
    wanted: Option<&BTreeMap<String, String>>,
) -> BTreeSet<String> {
    let ours = found.metadata.managed_fields.iter().flatten();
    ours.filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER))
        .filter_map(|entry| entry.fields_v1.as_ref()?.0["f:metadata"][field].as_object())
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix("f:"))
        .filter(|key| *key != HOLDS && !wanted.is_some_and(|wanted| wanted.contains_key(*key)))
        .map(str::to_owned)
        .collect()
}
