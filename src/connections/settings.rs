//! The settings of a `Connection` or `ClusterConnection`, in one form for both.

use crate::kinds::{Reference, SourceKind};
use crate::resources::{
    AllowedNamespaces, ClusterConnection, Connection, ConnectionCommon, ConnectionKind,
    ConnectionStatus, ExternalIds, RECONCILE_REQUESTED, Stored,
};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Everything of a connection's custom resource that the operator uses.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The uid of the custom resource.
    pub uid: String,
    /// The generation of its spec.
    pub generation: Option<i64>,
    /// The part of the spec that both kinds share.
    pub common: ConnectionCommon,
    /// The namespace of the connection, in which a `Connection` refers to a Secret and a ConfigMap.
    pub namespace: String,
    /// The reference to the API key.
    pub key: Reference,
    /// The reference to additional root certificates.
    pub ca_bundle: Option<Reference>,
    /// The namespaces whose resources may use the connection; `None` for a `Connection`, which serves its own.
    pub allowed: Option<AllowedNamespaces>,
    /// True if specs may name objects by their ids that no resource of this cluster created.
    pub external_ids: bool,
    /// The reason why the spec can't be applied as it is stored.
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
    const NAME: &'static str = Self::KIND.as_str();
    /// Returns the Kubernetes API for the connections that resources of `namespace` can refer to.
    fn api(client: Client, namespace: &str) -> Api<Self>;
    /// Returns the settings of this connection.
    fn settings(&self) -> ConnectionSettings;
}

impl ConnectionResource for Stored<Connection> {
    const KIND: ConnectionKind = ConnectionKind::Connection;

    fn api(client: Client, namespace: &str) -> Api<Self> {
        Api::namespaced(client, namespace)
    }

    fn settings(&self) -> ConnectionSettings {
        let object = self.object();
        let ca = object.spec.ca_bundle.as_ref();
        ConnectionSettings {
            uid: self.uid().unwrap_or_default(),
            generation: object.metadata.generation,
            common: object.spec.common.clone(),
            namespace: self.namespace().unwrap_or_default(),
            key: Reference::to_key(SourceKind::Secret, &object.spec.api_key.secret_key_ref),
            ca_bundle: ca
                .map(|ca| Reference::to_key(SourceKind::ConfigMap, &ca.config_map_key_ref)),
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

    fn api(client: Client, _: &str) -> Api<Self> {
        Api::all(client)
    }

    fn settings(&self) -> ConnectionSettings {
        let object = self.object();
        let key = &object.spec.api_key.secret_key_ref;
        let ca = object.spec.ca_bundle.as_ref();
        let ca = ca.map(|ca| &ca.config_map_key_ref);
        ConnectionSettings {
            uid: self.uid().unwrap_or_default(),
            generation: object.metadata.generation,
            common: object.spec.common.clone(),
            namespace: String::new(),
            key: Reference::to_namespaced_key(SourceKind::Secret, key),
            ca_bundle: ca.map(|ca| Reference::to_namespaced_key(SourceKind::ConfigMap, ca)),
            // Absent means nobody, not everybody: a new ClusterConnection serves no namespace by accident.
            allowed: Some(object.spec.allowed_namespaces.clone().unwrap_or_default()),
            external_ids: object.spec.external_ids.unwrap_or_default() == ExternalIds::Allow,
            unreadable: self.unreadable().map(str::to_owned),
            status: object.status.clone().unwrap_or_default(),
            annotations: self.annotations().clone(),
        }
    }
}
