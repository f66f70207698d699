//! The settings of a `Connection` or `ClusterConnection`, in one form for both.

use crate::kinds::{Reference, SourceKind};
use crate::resources::{
    AllowedNamespaces, ClusterConnection, Connection, ConnectionCommon, ConnectionKind,
    ConnectionStatus, ExternalIds, KeyRef, NamespacedKeyRef, RECONCILE_REQUESTED, ResourceKey,
    Stored,
};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};

/// The kind, namespace and name of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionKey {
    /// The kind.
    pub kind: ConnectionKind,
    /// Its namespace; empty for a ClusterConnection.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConnectionKey {
    /// Returns the key of a connection that resources of `namespace` refer to.
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

    /// Returns the key that names the connection in the work queue and the dependencies.
    #[must_use]
    pub fn resource_key(&self) -> ResourceKey {
        let kind = match self.kind {
            ConnectionKind::Connection => "Connection",
            ConnectionKind::ClusterConnection => "ClusterConnection",
        };
        ResourceKey::new(kind, &self.namespace, &self.name)
    }

    /// Returns the connection that a key of the work queue names; `None` for a resource of another kind.
    #[must_use]
    pub fn of(key: &ResourceKey) -> Option<Self> {
        let kind = match key.kind {
            "Connection" => ConnectionKind::Connection,
            "ClusterConnection" => ConnectionKind::ClusterConnection,
            _ => return None,
        };
        Some(Self::new(kind, &key.namespace, &key.name))
    }

    /// Returns the two connections that can be the default of a namespace, whichever is in use.
    #[must_use]
    pub fn defaults(namespace: &str) -> [Self; 2] {
        [
            ConnectionKind::Connection,
            ConnectionKind::ClusterConnection,
        ]
        .map(|kind| Self::new(kind, namespace, DEFAULT))
    }

    /// Returns what whoever waits for any connection depends on: in `namespace`, and in the cluster.
    #[must_use]
    pub fn any_in(namespace: &str) -> Vec<ResourceKey> {
        let kinds = [
            ConnectionKind::Connection,
            ConnectionKind::ClusterConnection,
        ];
        let any = kinds.map(|kind| Self::new(kind, namespace, "").any().resource_key());
        any.into()
    }

    /// Returns the key that stands for any connection of the same kind and namespace. No connection has it.
    #[must_use]
    pub fn any(&self) -> Self {
        Self::new(self.kind, &self.namespace, "")
    }

    /// Returns what decides whether a resource in `namespace` uses this connection, which its spec has `named` or not.
    #[must_use]
    pub fn decided_by(&self, namespace: &str, named: bool) -> Vec<ResourceKey> {
        let mut keys = vec![self.resource_key()];
        if !named {
            keys.extend(Self::defaults(namespace).iter().map(Self::resource_key));
        }
        // Its labels decide what may be used in it.
        if self.kind == ConnectionKind::ClusterConnection {
            keys.push(ResourceKey::new("Namespace", "", namespace));
        }
        keys
    }

    /// Parses `Connection/name`, as statuses of resources in `namespace` record it; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str, namespace: &str) -> Option<Self> {
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

/// The name of the connections that resources use which name none.
pub const DEFAULT: &str = "default";

/// Everything of a connection's custom resource that the operator uses.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The uid of the custom resource.
    pub uid: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// The part of the spec that both kinds share.
    pub common: ConnectionCommon,
    /// The namespace of the Secret and the ConfigMap that the spec refers to.
    pub namespace: String,
    /// The reference to the API key.
    pub key: Reference,
    /// The reference to additional root certificates.
    pub ca_bundle: Option<Reference>,
    /// The namespaces whose resources may use the connection; `None` for a `Connection`, which serves its own.
    pub allowed: Option<AllowedNamespaces>,
    /// True if specs may name objects by their ids that no resource of this cluster created.
    pub external_ids: bool,
    /// Why the spec can't be applied as it is stored.
    pub unreadable: Option<String>,
    /// The stored status.
    pub status: ConnectionStatus,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
}

impl ConnectionSettings {
    /// Returns the text of the annotation that requests a reconciliation, if it was not handled yet.
    #[must_use]
    pub fn requested(&self) -> Option<&String> {
        let requested = self.annotations.get(RECONCILE_REQUESTED)?;
        let handled = self.status.last_handled_reconcile_at.as_ref();
        (Some(requested) != handled).then_some(requested)
    }

    /// Returns the id of the instance that the key must open.
    #[must_use]
    pub fn instance_id(&self) -> Option<&str> {
        self.common.instance.as_ref()?.id.as_deref()
    }

    /// Returns the references that have to be resolved before the connection can be used.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        [Some(self.key.clone()), self.ca_bundle.clone()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// One of the two custom resource kinds for connections.
pub trait ConnectionResource:
    Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + Debug + Send + Sync + 'static
{
    /// The kind.
    const KIND: ConnectionKind;
    /// The kind's name.
    const NAME: &'static str;
    /// Returns the Kubernetes API for the connections that resources of `namespace` can refer to.
    fn api(client: Client, namespace: &str) -> Api<Self>;
    /// Returns the settings of this connection.
    fn settings(&self) -> ConnectionSettings;
}

impl ConnectionResource for Stored<Connection> {
    const KIND: ConnectionKind = ConnectionKind::Connection;
    const NAME: &'static str = "Connection";

    fn api(client: Client, namespace: &str) -> Api<Self> {
        Api::namespaced(client, namespace)
    }

    fn settings(&self) -> ConnectionSettings {
        let reference = |kind, of: &KeyRef| Reference {
            kind,
            namespace: None,
            name: of.name.clone(),
            key: of.key.clone(),
        };
        let object = self.object();
        let ca = object.spec.ca_bundle.as_ref();
        ConnectionSettings {
            uid: self.uid().unwrap_or_default(),
            generation: object.metadata.generation,
            common: object.spec.common.clone(),
            namespace: self.namespace().unwrap_or_default(),
            key: reference(SourceKind::Secret, &object.spec.api_key.secret_key_ref),
            ca_bundle: ca.map(|ca| reference(SourceKind::ConfigMap, &ca.config_map_key_ref)),
            allowed: None,
            // The key belongs to the namespace.
            external_ids: true,
            unreadable: self.unreadable().map(str::to_owned),
            status: object.status.clone().unwrap_or_default(),
            annotations: self.annotations().clone(),
        }
    }
}

impl ConnectionResource for Stored<ClusterConnection> {
    const KIND: ConnectionKind = ConnectionKind::ClusterConnection;
    const NAME: &'static str = "ClusterConnection";

    fn api(client: Client, _: &str) -> Api<Self> {
        Api::all(client)
    }

    fn settings(&self) -> ConnectionSettings {
        let reference = |kind, of: &NamespacedKeyRef| Reference {
            kind,
            namespace: None,
            name: of.name.clone(),
            key: of.key.clone(),
        };
        let object = self.object();
        let key = &object.spec.api_key.secret_key_ref;
        let ca = object.spec.ca_bundle.as_ref();
        ConnectionSettings {
            uid: self.uid().unwrap_or_default(),
            generation: object.metadata.generation,
            common: object.spec.common.clone(),
            namespace: key.namespace.clone(),
            key: reference(SourceKind::Secret, key),
            ca_bundle: ca.map(|ca| reference(SourceKind::ConfigMap, &ca.config_map_key_ref)),
            // Absent means nobody, not everybody: a new ClusterConnection serves no namespace by accident.
            allowed: Some(
                object
                    .spec
                    .allowed_namespaces
                    .clone()
                    .unwrap_or(AllowedNamespaces {
                        names: None,
                        selector: None,
                    }),
            ),
            external_ids: object.spec.external_ids.unwrap_or_default() == ExternalIds::Allow,
            unreadable: self.unreadable().map(str::to_owned),
            status: object.status.clone().unwrap_or_default(),
            annotations: self.annotations().clone(),
        }
    }
}
