//! The ids that resources have recorded when a leadership begins. The first reads of a kind take them along, so that a restart
//! costs one request for a hundred objects instead of one for each.

use super::entry::Entry;
use super::inventory::{Inventory, Part};
use crate::cluster::client::Cluster;
use crate::cluster::shard::Shard;
use crate::lock::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;

/// The ids of one kind by their instance, until somebody takes them.
type ByInstance = Mutex<HashMap<String, Vec<String>>>;

/// The recorded ids of all kinds, listed when a kind is first asked for.
pub struct RecordedIds {
    shard: Shard,
    of_kinds: Mutex<HashMap<&'static str, Arc<OnceCell<ByInstance>>>>,
}

impl RecordedIds {
    /// Returns the ids that resources of a shard have recorded.
    #[must_use]
    pub fn new(shard: Shard) -> Self {
        Self {
            shard,
            of_kinds: Mutex::default(),
        }
    }

    /// Returns the ids of one kind in an instance to the first who asks, and nothing to others.
    ///
    /// A status is no proof that an object exists or whose it is; here it only saves requests.
    pub async fn take(
        &self,
        inventory: &dyn Inventory,
        cluster: &Cluster,
        instance: &str,
    ) -> Vec<String> {
        let of_kind = {
            let mut of_kinds = lock(&self.of_kinds);
            of_kinds.entry(inventory.kind()).or_default().clone()
        };
        let selector = self.shard.selector.as_deref();
        let listed = of_kind.get_or_init(|| list(inventory, cluster, selector));
        let ids = lock(listed.await).remove(instance);
        ids.unwrap_or_default()
    }
}

async fn list(inventory: &dyn Inventory, cluster: &Cluster, selector: Option<&str>) -> ByInstance {
    let mut ids: HashMap<String, Vec<String>> = HashMap::new();
    let part = Part {
        selector,
        ..Part::default()
    };
    let mut each = |entry: Entry| {
        if let (Some(instance), Some(id)) = (entry.instance, entry.id) {
            ids.entry(instance).or_default().push(id);
        }
    };
    let visited = inventory.visit(cluster, part, &mut each);
    if let Err(error) = visited.await {
        let of_kind = inventory.kind();
        tracing::info!(%error, of_kind, "the objects of a kind will be read with more requests");
    }
    Mutex::new(ids)
}
