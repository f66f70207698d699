//! The servers of connections. The id of an instance alone is no key: of several servers that may be called, one could answer
//! with the id of another's instance, and be sent the ids of all objects that are recorded for that.

use super::entry::Entry;
use crate::cluster::client::Cluster;
use crate::cluster::decode::decode;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::metadata::Metadata;
use crate::cluster::pages::Collection;
use crate::resources::{
    ClusterConnection, Connection, ConnectionKey, ConnectionKind, DEFAULT_BASE_URL, Stored,
};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use url::Url;

/// The server of each connection that exists, as `https://host:port`.
#[derive(Default)]
pub struct Servers {
    of_connections: HashMap<ConnectionKey, Arc<str>>,
}

/// A connection, as far as it names a server.
#[derive(Deserialize)]
struct Addressed {
    metadata: Metadata,
    spec: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Address {
    base_url: Option<String>,
}

impl Servers {
    /// Lists the connections in a cluster.
    ///
    /// # Errors
    /// A list failed.
    pub async fn list(cluster: &Cluster) -> Result<Self, ClusterError> {
        let mut servers = Self::default();
        for namespace in cluster.scopes() {
            let collection = Collection::new::<Stored<Connection>>(namespace);
            servers
                .add_listed(cluster, collection, ConnectionKind::Connection)
                .await?;
        }
        if cluster.serves_all() {
            let collection = Collection::new::<Stored<ClusterConnection>>(None);
            servers
                .add_listed(cluster, collection, ConnectionKind::ClusterConnection)
                .await?;
        }
        Ok(servers)
    }

    async fn add_listed(
        &mut self,
        cluster: &Cluster,
        collection: Collection,
        kind: ConnectionKind,
    ) -> Result<(), ClusterError> {
        let mut add = |text: &str| self.add(kind, text);
        match cluster.list(&collection, &mut add).await {
            Err(error) if error.cause == Cause::NotFound => Ok(()),
            listed => listed.map(drop),
        }
    }

    /// Adds a connection, as Kubernetes sent it. One without a server that can be read has none.
    fn add(&mut self, kind: ConnectionKind, text: &str) {
        let Some(Addressed { metadata, spec }) = decode(text) else {
            return;
        };
        let url = spec.base_url.as_deref().unwrap_or(DEFAULT_BASE_URL);
        if let Ok(url) = Url::parse(url) {
            let key = ConnectionKey::new(kind, &metadata.namespace, &metadata.name);
            let server = url.origin().ascii_serialization().into();
            self.of_connections.insert(key, server);
        }
    }

    /// Returns the server of the connection that a resource uses.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> Option<&Arc<str>> {
        self.of_connections.get(&entry.used_connection()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ProviderAuthConfig;
    use serde_json::json;

    #[test]
    fn a_resource_belongs_to_the_server_of_the_connection_that_it_uses() {
        let mut servers = Servers::default();
        for (kind, namespace, spec) in [
            (
                "Connection",
                "apps",
                json!({"baseUrl": "https://a.example/api"}),
            ),
            (
                "Connection",
                "tenant",
                json!({"baseUrl": "https://b.example:8443"}),
            ),
            ("Connection", "broken", json!({"baseUrl": 7})),
            ("ClusterConnection", "", json!({})),
        ] {
            let metadata = json!({"name": "default", "namespace": namespace});
            let text = json!({"metadata": metadata, "spec": spec}).to_string();
            servers.add(ConnectionKind::parse(kind).unwrap(), &text);
        }
        let of = |namespace: &str, connection: &str| {
            let resource = json!({
                "metadata": {"name": "r", "namespace": namespace},
                "status": {"id": "pac_1", "instanceId": "ins_1", "connection": connection},
            });
            let entry = Entry::read::<ProviderAuthConfig>(&resource.to_string()).unwrap();
            servers.of(&entry).map(ToString::to_string)
        };
        let server = |text: &str| Some(text.to_owned());
        assert_eq!(
            of("apps", "Connection/default"),
            server("https://a.example")
        );
        assert_eq!(
            of("tenant", "Connection/default"),
            server("https://b.example:8443")
        );
        assert_eq!(
            of("tenant", "ClusterConnection/default"),
            server("https://api.metorial.com")
        );
        assert_eq!(of("broken", "Connection/default"), None);
        assert_eq!(of("apps", "Connection/gone"), None);
    }
}
