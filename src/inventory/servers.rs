//! The servers of connections. The id of an instance alone is no key: of several servers that may be called, one could answer
//! with the id of another's instance, and be sent the ids of all objects that are recorded for that.

use super::entry::Entry;
use crate::cluster::client::Cluster;
use crate::cluster::decode::decode;
use crate::cluster::error::{Cause, ClusterError};
use crate::cluster::metadata::Metadata;
use crate::cluster::pages::Collection;
use crate::resources::{
    ClusterConnection, Connection, ConnectionKey, ConnectionKind, Stored, api_address, server_of,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// The server of each connection that exists, as `https://host:port`; `None` where it can't be read.
#[derive(Default)]
pub struct Servers {
    of_connections: HashMap<ConnectionKey, Option<Arc<str>>>,
}

/// A connection, as far as it names a server.
#[derive(Deserialize)]
struct Addressed {
    metadata: Metadata,
    spec: Value,
}

impl Addressed {
    fn server(&self) -> Option<Arc<str>> {
        let url = match self.spec.as_object()?.get("baseUrl") {
            None | Some(Value::Null) => None,
            Some(url) => Some(url.as_str()?),
        };
        api_address(url).as_ref().map(server_of)
    }
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

    /// Adds a connection, as Kubernetes sent it.
    fn add(&mut self, kind: ConnectionKind, text: &str) {
        if let Some(connection) = decode::<Addressed>(text) {
            let Metadata {
                namespace, name, ..
            } = &connection.metadata;
            let key = ConnectionKey::new(kind, namespace, name);
            self.of_connections.insert(key, connection.server());
        }
    }

    /// Returns the server of the connection that a resource uses.
    #[must_use]
    pub fn of(&self, entry: &Entry) -> Option<&Arc<str>> {
        self.server(&entry.used_connection()?)
    }

    /// Returns true if a resource uses a connection to this server, or will when it is reconciled next: its spec names one, or the
    /// one that it used no longer exists. Its author chose the server then.
    #[must_use]
    pub fn is_at(&self, entry: &Entry, server: &Arc<str>) -> bool {
        let next = self.server(&self.next_connection(entry));
        self.of(entry) == Some(server) || next == Some(server)
    }

    fn server(&self, connection: &ConnectionKey) -> Option<&Arc<str>> {
        self.of_connections.get(connection)?.as_ref()
    }

    /// Returns the connection that a resource will use: see `Connections::choose`.
    fn next_connection(&self, entry: &Entry) -> ConnectionKey {
        let exists = |key: &ConnectionKey| self.of_connections.contains_key(key);
        let used = || entry.used_connection().filter(exists);
        entry.named.clone().or_else(used).unwrap_or_else(|| {
            let [own, shared] = ConnectionKey::defaults(&entry.key.namespace);
            let shared_only = !exists(&own) && exists(&shared);
            if shared_only { shared } else { own }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::ProviderAuthConfig;
    use serde_json::json;

    /// Returns the servers of some connections.
    fn servers() -> Servers {
        let mut servers = Servers::default();
        let first = json!({"baseUrl": "https://a.example/api"});
        let second = json!({"baseUrl": "https://b.example:8443"});
        for (kind, namespace, name, spec) in [
            ("Connection", "apps", "default", first),
            ("Connection", "apps", "other", second.clone()),
            ("Connection", "tenant", "default", second),
            ("Connection", "broken", "default", json!({"baseUrl": 7})),
            ("ClusterConnection", "", "default", json!({})),
        ] {
            let metadata = json!({"name": name, "namespace": namespace});
            let text = json!({"metadata": metadata, "spec": spec}).to_string();
            servers.add(ConnectionKind::parse(kind).unwrap(), &text);
        }
        servers
    }

    /// Returns the entry of a resource that used `connection`, and whose spec names one, too.
    fn entry(namespace: &str, connection: &str, named: &Value) -> Entry {
        let resource = json!({
            "metadata": {"name": "r", "namespace": namespace},
            "spec": {"authMethodId": "pam_1", "value": {}, "connectionRef": named},
            "status": {"id": "pac_1", "instanceId": "ins_1", "connection": connection},
        });
        Entry::read::<ProviderAuthConfig>(&resource.to_string()).unwrap()
    }

    #[test]
    fn a_resource_that_will_use_another_connection_is_at_the_server_of_each() {
        let servers = servers();
        let is_at = |namespace: &str, connection: &str, named: &Value, server: &str| {
            let entry = entry(namespace, connection, named);
            servers.is_at(&entry, &Arc::from(server))
        };
        let [first, second] = ["https://a.example", "https://b.example:8443"];
        let (none, other) = (&json!(null), &json!({"name": "other"}));
        assert!(is_at("apps", "Connection/default", none, first));
        assert!(!is_at("apps", "Connection/default", none, second));
        assert!(is_at("apps", "Connection/default", other, first));
        assert!(is_at("apps", "Connection/default", other, second));
        assert!(!is_at("tenant", "Connection/default", other, first));
        let shared = &json!({"kind": "ClusterConnection", "name": "default"});
        let metorial = "https://api.metorial.com";
        assert!(is_at("apps", "Connection/default", shared, metorial));
        assert!(is_at("apps", "Connection/gone", none, first));
        assert!(!is_at("apps", "Connection/gone", none, metorial));
        assert!(is_at("empty", "Connection/gone", none, metorial));
        assert!(!is_at("broken", "Connection/gone", none, metorial));
    }

    #[test]
    fn a_resource_belongs_to_the_server_of_the_connection_that_it_uses() {
        let servers = servers();
        let of = |namespace: &str, connection: &str| {
            let entry = entry(namespace, connection, &json!(null));
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
