//! What is known of one Metorial instance: objects as reads and our own writes returned them, the last listings, the
//! schemas, and the locks of its objects. Shared by all connections that open the instance, so that two of them never
//! write one object at the same time; kept when a key is replaced.

use super::schema_bounds::Published;
use super::unreadable::Suspect;
use crate::lock::lock;
use crate::plan::observed::RemoteView;
use crate::plan::schema::ValueSchema;
use jiff::Timestamp;
use metorial::Collection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// Time for which a schema is used without being read again.
pub const SCHEMA_LIFETIME: Duration = Duration::from_secs(3600);

/// The result of a shared read, and when the read began. It is locked during the read, so that reconciliations that need the
/// same result at the same time share one request, and nobody else waits.
pub type Shared<T> = Arc<AsyncMutex<Option<(Instant, T)>>>;

/// The last complete listing of a collection.
pub type Listing = Shared<Arc<Listed>>;

/// The objects of a collection that carry a marker, and those that can't be read.
#[derive(Debug, Default)]
pub struct Listed {
    /// Those that carry a marker.
    pub marked: Arc<Vec<RemoteView>>,
    /// Those that can't be read.
    pub unreadable: Vec<Suspect>,
}

/// A schema; `None` inside where the API publishes none.
pub type Schema = Shared<Option<Published>>;

/// One remote object as it was last observed.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// The object, as the API returned it. It may be archived: a deleted object is readable for 14 days (▲).
    Found(Arc<RemoteView>),
    /// A GET of the id returned `not_found` or `gone`: it is gone for good.
    Missing,
}

impl Observed {
    /// Returns the object, unless it is gone for good.
    #[must_use]
    pub fn found(self) -> Option<Arc<RemoteView>> {
        match self {
            Self::Found(view) => Some(view),
            Self::Missing => None,
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct Cache {
    observations: Mutex<HashMap<String, (Instant, Observed)>>,
    listings: Mutex<HashMap<Collection, Listing>>,
    schemas: Mutex<HashMap<ValueSchema, Schema>>,
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl Cache {
    /// Returns the last observation of an object if it was made at `since` or later.
    ///
    /// An absence is never returned: it may only have shown that reads lag behind writes (▲), which the next read decides.
    #[must_use]
    pub fn get(&self, id: &str, since: Instant) -> Option<Observed> {
        let observations = lock(&self.observations);
        let (at, observed) = observations.get(id)?;
        let exists = matches!(observed, Observed::Found(_));
        (exists && *at >= since).then(|| observed.clone())
    }

    /// Stores the result of a read that began at `began` and ended at `server_time`, by the server's clock; returns what is
    /// known now.
    ///
    /// A read may be served by a replica that lags behind our last write (▲): of two live states the one with the later
    /// `updated_at` wins, unless that is in the future: no later read would ever be believed then. An archived or missing object always wins, since nothing can be un-archived (▲).
    pub fn store_read(
        &self,
        id: &str,
        observed: Observed,
        began: Instant,
        server_time: Timestamp,
    ) -> Observed {
        let mut observations = lock(&self.observations);
        if let (Some((_, Observed::Found(known))), Observed::Found(read)) =
            (observations.get(id), &observed)
            && read.live
            && read.updated_at < known.updated_at
            && known.updated_at <= server_time
        {
            return Observed::Found(known.clone());
        }
        observations.insert(id.to_owned(), (began, observed.clone()));
        observed
    }

    /// Stores the response to one of our own writes.
    pub fn store_write(&self, view: &Arc<RemoteView>) {
        let entry = (Instant::now(), Observed::Found(view.clone()));
        lock(&self.observations).insert(view.id.clone(), entry);
    }

    /// Drops the observation of an object, so that it is read again: its state is unknown after a failed write.
    pub fn forget(&self, id: &str) {
        lock(&self.observations).remove(id);
    }

    /// Returns the last listing of a collection.
    #[must_use]
    pub fn listing(&self, collection: Collection) -> Listing {
        lock(&self.listings).entry(collection).or_default().clone()
    }

    /// Returns the last read of a schema. Removes those that nobody waits for and that are old or were never read: the
    /// set of auth configs that values are imported into changes over time.
    #[must_use]
    pub fn schema(&self, of: &ValueSchema) -> Schema {
        let mut schemas = lock(&self.schemas);
        schemas.retain(|_, schema| {
            schema.try_lock().map_or(true, |known| {
                let fresh = known
                    .as_ref()
                    .is_some_and(|(at, _)| at.elapsed() < SCHEMA_LIFETIME);
                fresh || Arc::strong_count(schema) > 1
            })
        });
        schemas.entry(of.clone()).or_default().clone()
    }

    /// Waits for the lock of a remote object.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        let of_object = {
            let mut locks = lock(&self.locks);
            let known = locks.get(id).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                locks.retain(|_, lock| lock.strong_count() > 0);
                let fresh = Arc::new(AsyncMutex::new(()));
                locks.insert(id.to_owned(), Arc::downgrade(&fresh));
                fresh
            })
        };
        of_object.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::auth_config;
    use serde_json::json;

    fn now() -> Timestamp {
        "2025-09-15T10:00:05Z".parse().unwrap()
    }

    fn object(status: &str, updated_at: &str) -> Observed {
        let object = json!({
            "object": "provider.auth_config", "id": "pac_1", "type": "manual", "source": "manual",
            "status": status, "provider_id": "pro_1", "created_at": "2025-09-15T10:00:00.000Z",
            "updated_at": updated_at,
        });
        let object = serde_json::from_value(object).unwrap();
        Observed::Found(Arc::new(auth_config::view(&object)))
    }

    #[test]
    fn a_read_that_lags_behind_is_not_believed_unless_it_says_that_the_object_is_gone() {
        let newer = object("active", "2025-09-15T10:00:02.000Z");
        let older = object("active", "2025-09-15T10:00:01.000Z");
        let archived = object("archived", "2025-09-15T10:00:01.000Z");
        for (read, believed) in [
            (older, newer.clone()),
            (newer.clone(), newer.clone()),
            (archived.clone(), archived),
            (Observed::Missing, Observed::Missing),
        ] {
            let cache = Cache::default();
            cache.store_read("pac_1", newer.clone(), Instant::now(), now());
            assert_eq!(
                cache.store_read("pac_1", read, Instant::now(), now()),
                believed
            );
        }
    }

    #[test]
    fn a_time_in_the_future_does_not_outlast_the_next_read() {
        let future = object("active", "2999-01-01T00:00:00.000Z");
        let next = object("active", "2025-09-15T10:00:03.000Z");
        let cache = Cache::default();
        cache.store_read("pac_1", future, Instant::now(), now());
        let believed = cache.store_read("pac_1", next.clone(), Instant::now(), now());
        assert_eq!(believed, next);
    }

    #[test]
    fn an_absence_is_read_again() {
        let (cache, began) = (Cache::default(), Instant::now());
        cache.store_read("pac_1", Observed::Missing, began, now());
        assert_eq!(cache.get("pac_1", began), None);
    }

    #[test]
    fn an_observation_is_as_old_as_the_start_of_its_read() {
        let (cache, began) = (Cache::default(), Instant::now());
        let found = object("active", "2025-09-15T10:00:00.000Z");
        cache.store_read("pac_1", found.clone(), began, now());
        assert_eq!(cache.get("pac_1", began), Some(found));
        assert_eq!(cache.get("pac_1", began + Duration::from_millis(1)), None);
        cache.forget("pac_1");
        assert_eq!(cache.get("pac_1", began), None);
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
