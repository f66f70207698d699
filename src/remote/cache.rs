//! What is known of one Metorial instance: objects as reads and our own writes returned them, the last listings, the
//! schemas, and the locks of its objects. Shared by all connections that open the instance, so that two of them never
//! write one object at the same time; kept when a key is replaced.

use crate::kinds::ValueSchema;
use crate::plan::RemoteView;
use metorial::Collection;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// Time for which a schema is used without being read again.
pub const SCHEMA_LIFETIME: Duration = Duration::from_secs(3600);

/// The result of a shared read, and when the read began. It is locked during the read, so that reconciliations that need the
/// same result at the same time share one request, and nobody else waits.
pub type Shared<T> = Arc<AsyncMutex<Option<(Instant, T)>>>;

/// The last complete listing of a collection.
pub type Listing = Shared<Arc<Vec<RemoteView>>>;

/// A schema; `None` inside where the API publishes none.
pub type Schema = Shared<Option<Arc<Value>>>;

/// One remote object as it was last observed.
#[derive(Clone, Debug, PartialEq)]
pub enum Observed {
    /// The object, as the API returned it. It may be archived: a deleted object is readable for 14 days (▲).
    Found(Arc<RemoteView>),
    /// A GET of the id returned `not_found` or `gone`: it is gone for good.
    Missing,
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
    #[must_use]
    pub fn get(&self, id: &str, since: Instant) -> Option<Observed> {
        let observations = lock(&self.observations);
        let (at, observed) = observations.get(id)?;
        (*at >= since).then(|| observed.clone())
    }

    /// Stores the result of a read that began at `began`; returns what is known now.
    ///
    /// A read may be served by a replica that lags behind our last write (▲): of two live states the one with the later
    /// `updated_at` wins. An archived or missing object always wins, since nothing can be un-archived (▲).
    pub fn store_read(&self, id: &str, observed: Observed, began: Instant) -> Observed {
        let mut observations = lock(&self.observations);
        if let (Some((_, Observed::Found(known))), Observed::Found(read)) =
            (observations.get(id), &observed)
            && read.live
            && read.updated_at < known.updated_at
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
