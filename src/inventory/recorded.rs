//! The ids that resources have recorded when a leadership starts. The first reads of a kind take them along, so that a restart
//! costs one request for a hundred objects instead of one for each.

use super::entry::Entry;
use super::list::{Part, visit};
use super::servers::Servers;
use crate::cluster::client::Cluster;
use crate::cluster::shard::Shard;
use crate::kinds::Kind;
use crate::lock::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// A server, and the id of an instance there.
type At = (Arc<str>, String);

/// The ids of one kind by their instance, until they are taken.
type ByInstance = Mutex<HashMap<At, Vec<String>>>;

/// The recorded ids of all kinds, listed when a kind is first asked for.
#[derive(Default)]
pub struct RecordedIds {
    of_kinds: Mutex<HashMap<&'static str, Arc<OnceCell<ByInstance>>>>,
    servers: OnceCell<Servers>,
}

impl RecordedIds {
    /// Returns the ids that resources of one kind in a shard have recorded in an instance to the first caller, and nothing to
    /// others.
    ///
    /// A status is no proof that an object exists or whose it is; here it only saves requests.
    pub async fn take<K: Kind>(&self, cluster: &Cluster, shard: &Shard, at: &At) -> Vec<String> {
        let of_kind = lock(&self.of_kinds).entry(K::NAME).or_default().clone();
        let servers = self.servers.get_or_init(|| servers(cluster)).await;
        let listed = of_kind.get_or_init(|| list::<K>(cluster, shard, servers));
        let ids = lock(listed.await).remove(at);
        ids.unwrap_or_default()
    }
}

async fn servers(cluster: &Cluster) -> Servers {
    Servers::list(cluster).await.unwrap_or_else(|error| {
        tracing::info!(%error, "listing connections failed; reading objects one by one");
        Servers::default()
    })
}

async fn list<K: Kind>(cluster: &Cluster, shard: &Shard, servers: &Servers) -> ByInstance {
    let mut ids: HashMap<At, Vec<String>> = HashMap::new();
    let part = Part {
        selector: shard.selector.as_deref(),
        ..Part::default()
    };
    let mut each = |entry: Entry| {
        let server = servers.of(&entry).cloned();
        if let (Some(server), Some(instance), Some(id)) = (server, entry.instance, entry.id) {
            ids.entry((server, instance)).or_default().push(id);
        }
    };
    if let Err(error) = visit::<K>(cluster, part, &mut each).await {
        let of_kind = K::NAME;
        tracing::info!(%error, of_kind, "listing recorded ids failed; reading objects one by one");
    }
    Mutex::new(ids)
}
