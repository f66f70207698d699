//! `Connection` and `ClusterConnection` in one form.

use crate::kinds::{Reference, SourceKind};
use crate::resources::{
    AllowedNamespaces, ClusterConnection, Connection, ConnectionCommon, ConnectionKind,
    ConnectionStatus, KeyRef, NamespacedKeyRef, ResourceKey,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};

/// The name of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// Which of the two kinds.
    pub kind: ConnectionKind,
    /// Its namespace; empty for a ClusterConnection.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConnectionKey {
    /// A connection for objects of `namespace`.
    #[must_use]
    pub fn new(kind: ConnectionKind, namespace: &str, name: &str) -> Self {
        let namespace = match kind {
            ConnectionKind::Connection => namespace.to_owned(),
            ConnectionKind::ClusterConnection => String::new(),
        };
        Self {
            kind,
            namespace,
            name: name.to_owned(),
        }
    }

    /// Returns the key among all resources.
    #[must_use]
    pub fn resource_key(&self) -> ResourceKey {
        let kind = match self.kind {
            ConnectionKind::Connection => "Connection",
            ConnectionKind::ClusterConnection => "ClusterConnection",
        };
        ResourceKey::new(kind, &self.namespace, &self.name)
    }

    /// Reads `Connection/name`, as it stands in a status.
    #[must_use]
    pub fn stored(text: &str, namespace: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        let kind = match kind {
            "Connection" => ConnectionKind::Connection,
            "ClusterConnection" => ConnectionKind::ClusterConnection,
            _ => return None,
        };
        Some(Self::new(kind, namespace, name))
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.kind, self.name)
    }
}

/// What the operator needs to know of a connection.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The connection's uid.
    pub uid: String,
    /// The spec's generation.
    pub generation: Option<i64>,
    /// The shared part of the spec.
    pub common: ConnectionCommon,
    /// The namespace that the references below are in.
    pub namespace: String,
    /// The API key.
    pub key: Reference,
    /// Extra roots.
    pub ca_bundle: Option<Reference>,
    /// The namespaces that may use it; `None`: only its own.
    pub allowed: Option<AllowedNamespaces>,
    /// The status as it stands.
    pub status: ConnectionStatus,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Facts {
    /// What has to be read to use the connection.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        [Some(self.key.clone()), self.ca_bundle.clone()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// A custom resource that is a connection.
pub trait ConnectionObject:
    Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static
{
    /// Which of the two kinds.
    const KIND: ConnectionKind;
    /// The kind's name.
    const NAME: &'static str;
    /// The API that has the connections of `namespace`.
    fn api(client: Client, namespace: &str) -> Api<Self>;
    /// All that matters of it.
    fn facts(&self) -> Facts;
}

impl ConnectionObject for Connection {
    const KIND: ConnectionKind = ConnectionKind::Connection;
    const NAME: &'static str = "Connection";

    fn api(client: Client, namespace: &str) -> Api<Self> {
        Api::namespaced(client, namespace)
    }

    fn facts(&self) -> Facts {
        let reference = |kind, of: &KeyRef| Reference {
            kind,
            name: of.name.clone(),
            key: of.key.clone(),
        };
        let ca = self.spec.ca_bundle.as_ref();
        Facts {
            uid: self.uid().unwrap_or_default(),
            generation: self.metadata.generation,
            common: self.spec.common.clone(),
            namespace: self.namespace().unwrap_or_default(),
            key: reference(SourceKind::Secret, &self.spec.api_key.secret_key_ref),
            ca_bundle: ca.map(|ca| reference(SourceKind::ConfigMap, &ca.config_map_key_ref)),
            allowed: None,
            status: self.status.clone().unwrap_or_default(),
            annotations: self.annotations().clone(),
        }
    }
}

impl ConnectionObject for ClusterConnection {
    const KIND: ConnectionKind = ConnectionKind::ClusterConnection;
    const NAME: &'static str = "ClusterConnection";

    fn api(client: Client, _: &str) -> Api<Self> {
        Api::all(client)
    }

    fn facts(&self) -> Facts {
        let reference = |kind, of: &NamespacedKeyRef| Reference {
            kind,
            name: of.name.clone(),
            key: of.key.clone(),
        };
        let key = &self.spec.api_key.secret_key_ref;
        let ca = self.spec.ca_bundle.as_ref();
        Facts {
            uid: self.uid().unwrap_or_default(),
            generation: self.metadata.generation,
            common: self.spec.common.clone(),
            namespace: key.namespace.clone(),
            key: reference(SourceKind::Secret, key),
            ca_bundle: ca.map(|ca| reference(SourceKind::ConfigMap, &ca.config_map_key_ref)),
            allowed: Some(
                self.spec
                    .allowed_namespaces
                    .clone()
                    .unwrap_or(AllowedNamespaces {
                        names: None,
                        selector: None,
                    }),
            ),
            status: self.status.clone().unwrap_or_default(),
            annotations: self.annotations().clone(),
        }
    }
}

/// Whether a namespace with these labels is among the allowed ones.
#[must_use]
pub fn admits(
    allowed: &AllowedNamespaces,
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    let named = allowed.names.iter().flatten().any(|name| name == namespace);
    let selected = |selector: &LabelSelector| {
        Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
    };
    named || allowed.selector.as_ref().is_some_and(selected)
}
