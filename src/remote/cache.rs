//! The known state of one Metorial instance: objects as reads and our own writes returned them, the listings in progress, the
//! schemas, and the locks of its objects. Shared by all connections that open the instance, so that two of them never
//! write one object at the same time; kept when a key is replaced.

use super::observations::Observations;
use super::room::Room;
use super::unreadable::Suspect;
use crate::lock::lock;
use crate::plan::observed::RemoteView;
use crate::plan::schema::ValueSchema;
use crate::schema::Published;
use crate::weak_map::WeakMap;
use metorial::Collection;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// Time for which the result of a shared read is used without being read again.
pub const LIFETIME: Duration = Duration::from_secs(3600);

/// The result of a shared read, and when the read began. It is locked during the read, so that reconciliations that need the
/// same result at the same time share one request, and nobody else waits.
pub type Shared<T> = Arc<Last<T>>;

/// The last result of a shared read, if there was one.
type Last<T> = AsyncMutex<Option<(Instant, T)>>;

/// A listing of a collection, for those that search at the same time. It holds all marked objects of the collection with
/// their metadata, so nothing of it stays when the last of them has its result.
pub type Listing = Shared<Arc<Listed>>;

/// The objects of a collection that carry a marker, and those that can't be read.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that carry a marker.
    pub marked: Arc<Vec<RemoteView>>,
    /// Those that can't be read.
    pub unreadable: Vec<Suspect>,
}

/// The last reads of what the API describes.
pub struct Reads<K, T>(Mutex<HashMap<K, Shared<Option<T>>>>);

/// The cache of one Metorial instance.
#[derive(Default)]
pub struct Cache {
    /// The objects.
    pub observations: Observations,
    listings: WeakMap<Collection, Last<Arc<Listed>>>,
    /// The schemas; `None` inside where the API publishes none.
    pub schemas: Reads<ValueSchema, Published>,
    /// The callback URLs of providers.
    pub callback_urls: Reads<String, String>,
    /// The fields that an update of a collection takes, where the server describes itself.
    pub patch_fields: Reads<Collection, Arc<BTreeSet<String>>>,
    locks: WeakMap<String, AsyncMutex<()>>,
}

impl Cache {
    /// Returns an empty cache that shares the room for large objects with others.
    #[must_use]
    pub fn sharing(room: Arc<Room>) -> Self {
        Self {
            observations: Observations::sharing(room),
            ..Self::default()
        }
    }

    /// Returns the listing of a collection that others need at this time, or else a new one.
    #[must_use]
    pub fn listing(&self, collection: Collection) -> Listing {
        self.listings.get_or_insert(collection, Last::default)
    }

    /// Waits for the lock of a remote object.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        let lock = self.locks.get_or_insert(id.to_owned(), AsyncMutex::default);
        lock.lock_owned().await
    }
}

/// Returns true if the result of a shared read that began then is used without being read again.
#[must_use]
pub fn is_fresh(began: Instant) -> bool {
    began.elapsed() < LIFETIME
}

impl<K, T> Default for Reads<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T> Reads<K, T> {
    /// Returns the last read of what has this key. Removes those that nobody waits for and that are old or were never read:
    /// the set of auth configs that values are imported into changes over time.
    #[must_use]
    pub fn get(&self, key: K) -> Shared<Option<T>> {
        let mut all = lock(&self.0);
        all.retain(|_, read| {
            read.try_lock().map_or(true, |known| {
                let at = known.as_ref().map(|(at, _)| at);
                at.is_some_and(|at| is_fresh(*at)) || Arc::strong_count(read) > 1
            })
        });
        all.entry(key).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listing_stays_only_while_somebody_waits_for_it() {
        let cache = Cache::default();
        let listing = |collection| cache.listing(collection);
        let (first, second) = (listing(Collection::Configs), listing(Collection::Configs));
        let other = listing(Collection::ConfigVaults);
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        let found = Arc::new(Listed::default());
        let result = Arc::downgrade(&found);
        *first.lock().await = Some((Instant::now(), found));
        drop(first);
        assert!(result.upgrade().is_some());
        drop(second);
        assert!(result.upgrade().is_none());
    }

    #[tokio::test]
    async fn an_object_has_one_lock_and_another_object_another() {
        let cache = Cache::default();
        let first = cache.lock("pac_1").await;
        let second = cache.lock("pac_1");
        let wait = Duration::from_millis(20);
        assert!(tokio::time::timeout(wait, second).await.is_err());
        drop(cache.lock("pac_2").await);
        drop(first);
        drop(cache.lock("pac_1").await);
    }
}
