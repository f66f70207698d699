//! The key of a connection, and the connections that a resource may use.

use super::common::{ConnectionKind, ConnectionRef};
use super::key::ResourceKey;
use std::fmt;

/// The name of the connections that are used by resources which name none.
pub const DEFAULT_CONNECTION: &str = "default";

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

impl ConnectionRef {
    /// Returns the key of the connection that a resource in `namespace` refers to.
    #[must_use]
    pub fn key(&self, namespace: &str) -> ConnectionKey {
        let kind = self.kind.unwrap_or(ConnectionKind::Connection);
        ConnectionKey::new(kind, namespace, &self.name)
    }
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
        ResourceKey::new(self.kind.as_str(), &self.namespace, &self.name)
    }

    /// Returns the connection that a key of the work queue names; `None` for a resource of another kind.
    #[must_use]
    pub fn from_resource_key(key: &ResourceKey) -> Option<Self> {
        let kind = ConnectionKind::parse(key.kind)?;
        Some(Self::new(kind, &key.namespace, &key.name))
    }

    /// Returns the two connections that can be the default of a namespace, whichever is in use.
    #[must_use]
    pub fn defaults(namespace: &str) -> [Self; 2] {
        ConnectionKind::ALL.map(|kind| Self::new(kind, namespace, DEFAULT_CONNECTION))
    }

    /// Returns the objects that decide whether a resource in `namespace` uses this connection. `named`: true if its spec names
    /// the connection.
    #[must_use]
    pub fn decided_by(&self, namespace: &str, named: bool) -> Vec<ResourceKey> {
        let mut keys = vec![self.resource_key()];
        if !named {
            keys.extend(Self::defaults(namespace).iter().map(Self::resource_key));
        }
        // Its labels decide which ClusterConnections it may use.
        if self.kind == ConnectionKind::ClusterConnection {
            keys.push(ResourceKey::new("Namespace", "", namespace));
        }
        keys
    }

    /// Parses `Connection/name`, as statuses of resources in `namespace` record it; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str, namespace: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        Some(Self::new(ConnectionKind::parse(kind)?, namespace, name))
    }
}

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}
