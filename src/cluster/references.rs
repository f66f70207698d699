//! Reads what resources refer to: Secrets and ConfigMaps, byte for byte, and other custom resources.

use super::client::Cluster;
use super::error::ClusterError;
use crate::kinds::{Inputs, Kind, Reference, RemoteKind, SourceKind, with_kind};
use crate::plan::attempt::digest;
use crate::plan::case::Unresolved;
use crate::plan::ownership::Owner;
use crate::plan::referred::{Usable, seen_by_others, usable_by_others};
use crate::resources::{AllowedNamespaces, Reason, ResourceStatus, Stored};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use zeroize::Zeroizing;

/// The use of what references resolve to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Creates something: each resource that is referred to has to be ready.
    Create,
    /// Updates a remote object and rotates its values, also while a resource that is referred to is not ready, as long as that
    /// resource's object is as it was.
    Update,
}

/// The cause of references that could not be resolved.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// Something is not there yet, or can't be used.
    Unresolved(Unresolved),
    /// Something could not be read.
    Unread(ClusterError),
}

impl From<ClusterError> for Missing {
    fn from(error: ClusterError) -> Self {
        Self::Unread(error)
    }
}

/// The content of one object.
struct Content {
    uid: String,
    values: BTreeMap<String, Zeroizing<Vec<u8>>>,
    /// Digest of the state of a custom resource.
    state: Option<u64>,
}

impl Content {
    fn new(uid: Option<String>, values: impl Iterator<Item = (String, Vec<u8>)>) -> Self {
        let values = values.map(|(key, bytes)| (key, Zeroizing::new(bytes)));
        Self {
            uid: uid.unwrap_or_default(),
            values: values.collect(),
            state: None,
        }
    }
}

impl Cluster {
    /// Reads all references of an object in `namespace`.
    ///
    /// # Errors
    /// The first reference that can't be resolved.
    pub async fn resolve(
        &self,
        namespace: &str,
        references: &[Reference],
        need: Need,
    ) -> Result<Inputs, Missing> {
        let mut read: BTreeMap<(SourceKind, String), Option<Content>> = BTreeMap::new();
        let mut inputs = Inputs::default();
        for reference in references {
            let place = (reference.kind, reference.place());
            let content = match read.entry(place) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let content = self.content(namespace, reference, need).await?;
                    let state = content.as_ref().and_then(|content| content.state);
                    if let Some(state) = state {
                        inputs.observe(state);
                    }
                    place.insert(content)
                }
            };
            let Some(content) = content else {
                return Err(Missing::Unresolved(absent(reference)));
            };
            let bytes = content.values.get(&reference.key).cloned();
            let bytes = bytes.ok_or_else(|| Missing::Unresolved(keyless(reference)))?;
            inputs
                .insert(reference.clone(), bytes, &content.uid)
                .map_err(|it| Missing::Unresolved(Unresolved::new(it.reason, it.message)))?;
        }
        Ok(inputs)
    }

    /// Reads an object that is referred to; `None` where there is none.
    async fn content(
        &self,
        namespace: &str,
        reference: &Reference,
        need: Need,
    ) -> Result<Option<Content>, Missing> {
        let name = &reference.name;
        let there = reference.namespace_from(namespace);
        match reference.kind {
            SourceKind::Secret => {
                let found = self.get(&self.namespaced::<Secret>(there), name).await?;
                Ok(found.map(|secret| {
                    let uid = secret.uid();
                    let data = secret.data.unwrap_or_default().into_iter();
                    Content::new(uid, data.map(|(key, bytes)| (key, bytes.0)))
                }))
            }
            SourceKind::ConfigMap => {
                let found = self.get(&self.namespaced::<ConfigMap>(there), name).await?;
                Ok(found.map(|map| {
                    let uid = map.uid();
                    let text = map.data.unwrap_or_default().into_iter();
                    let binary = map.binary_data.unwrap_or_default().into_iter();
                    let text = text.map(|(key, text)| (key, text.into_bytes()));
                    let binary = binary.map(|(key, bytes)| (key, bytes.0));
                    Content::new(uid, text.chain(binary))
                }))
            }
            SourceKind::Resource(kind) => with_kind!(kind, K => {
                self.referred::<Stored<K>>(namespace, reference, need).await
            }),
        }
    }

    /// Returns whether the resource that a marker names still exists. It may be of any kind: Metorial copies the marker of a
    /// deployment to the config that it makes with it ◆. One of a kind that is not ours, or in a namespace that is not served,
    /// counts as existing.
    ///
    /// # Errors
    /// The read failed.
    pub async fn owner_exists(&self, owner: &Owner) -> Result<bool, ClusterError> {
        let kind = RemoteKind::named(&owner.kind);
        let (Some(kind), true) = (kind, self.serves(&owner.namespace)) else {
            return Ok(true);
        };
        let uid = with_kind!(kind, K => {
            let api = self.namespaced::<Stored<K>>(&owner.namespace);
            let found = self.get(&api, &owner.name).await?;
            found.and_then(|object| object.uid())
        });
        Ok(uid.as_ref() == Some(&owner.uid))
    }

    /// Checks the grant. A missing resource and a refused one get the same error, so that namespaces can't probe each other.
    async fn check_grant(
        &self,
        namespace: &str,
        allowed: Option<&AllowedNamespaces>,
        reference: &Reference,
    ) -> Result<(), Missing> {
        let labels = match allowed.and_then(|allowed| allowed.selector.as_ref()) {
            Some(_) => self.namespace_labels(namespace).await?,
            None => BTreeMap::new(),
        };
        if allowed.is_some_and(|allowed| allowed.allows(namespace, &labels)) {
            return Ok(());
        }
        let message = format!(
            "{} {} does not exist, or does not allow namespace {namespace}: ask its owner to add it to spec.allowedNamespaces",
            reference.kind.as_str(),
            reference.place()
        );
        let reason = Reason::OwnershipConflict;
        Err(Missing::Unresolved(Unresolved::new(reason, message)))
    }

    /// Returns what another custom resource shows to one in `namespace`: its uid, its id once it is ready or while its object is
    /// as it was, and its attributes.
    async fn referred<K: Kind>(
        &self,
        namespace: &str,
        reference: &Reference,
        need: Need,
    ) -> Result<Option<Content>, Missing> {
        let there = reference.namespace_from(namespace);
        let found = if self.serves(there) {
            let api = self.namespaced::<K>(there);
            self.get(&api, &reference.name).await?
        } else {
            None
        };
        if there != namespace {
            let allowed = found.as_ref();
            let allowed = allowed.and_then(|object| object.common().allowed_namespaces.as_ref());
            self.check_grant(namespace, allowed, reference).await?;
        }
        let Some(object) = found else {
            return Ok(None);
        };
        let status = object.status().map(ResourceStatus::common);
        let usable = match status.map_or(Usable::No, usable_by_others) {
            Usable::Yes => true,
            Usable::ByFormer => need == Need::Update && object.meta().deletion_timestamp.is_none(),
            Usable::No => false,
        };
        let id = status.and_then(|status| status.id.clone());
        let (Some(id), true) = (id, usable) else {
            let place = reference.place();
            let message = format!("{} {place} is not ready: see its conditions", K::NAME);
            let reason = Reason::ReferenceNotReady;
            return Err(Missing::Unresolved(Unresolved::new(reason, message)));
        };
        let uid = object.uid().unwrap_or_default();
        let attributes = object.attributes().into_iter();
        let shown = [("id", id), ("uid", uid.clone())].into_iter();
        let shown = shown.chain(attributes);
        let values = shown.map(|(key, text)| (key.to_owned(), text.into_bytes()));
        let state = digest((&uid, status.map(seen_by_others)));
        Ok(Some(Content {
            state: Some(state),
            ..Content::new(Some(uid), values)
        }))
    }
}

fn absent(reference: &Reference) -> Unresolved {
    let (kind, name, key) = (reference.kind.as_str(), reference.place(), &reference.key);
    let (reason, what) = match reference.kind {
        SourceKind::Secret => (Reason::SecretNotFound, format!(" with the key {key}")),
        SourceKind::ConfigMap => (Reason::ConfigMapNotFound, format!(" with the key {key}")),
        SourceKind::Resource(_) => (Reason::ReferenceNotFound, String::new()),
    };
    Unresolved::new(reason, format!("{kind} {name} not found; create it{what}"))
}

fn keyless(reference: &Reference) -> Unresolved {
    let (kind, name, key) = (reference.kind.as_str(), reference.place(), &reference.key);
    let reason = match reference.kind {
        SourceKind::Secret => Reason::SecretKeyNotFound,
        SourceKind::ConfigMap => Reason::ConfigMapNotFound,
        SourceKind::Resource(_) => Reason::ReferenceNotReady,
    };
    Unresolved::new(reason, format!("{kind} {name} has no key {key}: add it"))
}
