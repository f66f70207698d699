//! What was seen in one instance: answers of reads and of our own writes, and the locks of the objects in it. Shared
//! by all connections that open the instance, and kept when a key is replaced.

use super::schemas::{self, Schemas};
use super::session::Observed;
use crate::kinds::ValueSchema;
use crate::plan::RemoteView;
use metorial::Collection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

/// The last complete listing of a collection, and when it began.
pub type Listing = Arc<AsyncMutex<Option<(Instant, Arc<Vec<RemoteView>>)>>>;

/// See the module.
#[derive(Default)]
pub struct Observations {
    seen: Mutex<HashMap<String, (Instant, Observed)>>,
    schemas: Schemas,
    listings: Mutex<HashMap<Collection, Listing>>,
    locks: Mutex<HashMap<String, Weak<AsyncMutex<()>>>>,
}

impl Observations {
    /// What is known of an object, if it was seen at `since` or later. An absence is never taken from here: it may only
    /// have shown that reads lag behind, which the next read decides.
    #[must_use]
    pub fn get(&self, id: &str, since: Instant) -> Option<Observed> {
        let seen = lock(&self.seen);
        let (at, observed) = seen.get(id)?;
        let there = matches!(observed, Observed::Found(_));
        (there && *at >= since).then(|| observed.clone())
    }

    /// Takes the answer of a read that began at `began`; answers what is known now: of two answers the one with the
    /// later `updated_at`, for reads may lag behind our writes.
    pub fn read(&self, id: &str, observed: Observed, began: Instant) -> Observed {
        let mut seen = lock(&self.seen);
        if let (Some((_, Observed::Found(known))), Observed::Found(read)) =
            (seen.get(id), &observed)
            && read.live
            && read.updated_at < known.updated_at
        {
            return Observed::Found(known.clone());
        }
        seen.insert(id.to_owned(), (began, observed.clone()));
        observed
    }

    /// Takes the answer of our own write.
    pub fn wrote(&self, view: &Arc<RemoteView>) {
        let entry = (Instant::now(), Observed::Found(view.clone()));
        lock(&self.seen).insert(view.id.clone(), entry);
    }

    /// Drops what is known of an object: it must be read again.
    pub fn forget(&self, id: &str) {
        lock(&self.seen).remove(id);
    }

    /// The place of a collection's last listing.
    #[must_use]
    pub fn listing(&self, collection: Collection) -> Listing {
        lock(&self.listings).entry(collection).or_default().clone()
    }

    /// The place of a schema.
    #[must_use]
    pub fn schema(&self, of: &ValueSchema) -> schemas::Place {
        schemas::place(&mut lock(&self.schemas), of)
    }

    /// Keeps everybody else off an object.
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
