//! The rights of one key, as far as the API has shown them. Connections to one instance share what was read of it, and the key
//! of one may read less than that of another: what one may not read is no answer for others, and what others have read is no
//! answer for one that may not read it. What a key was allowed or refused is believed for an hour.

use super::cache::{LIFETIME, Shared, is_fresh};
use super::error::RemoteError;
use crate::lock::lock;
use crate::plan::schema::ValueSchema;
use metorial::{Collection, ErrorKind};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Mutex;
use tokio::time::Instant;

/// The rights of one key.
#[derive(Default)]
pub struct Access {
    /// The descriptions that the API refused, and when.
    refused: Mutex<HashMap<Description, Instant>>,
    collections: Mutex<HashMap<Collection, Known>>,
}

/// Something that the API describes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Description {
    /// The schema of a value.
    Schema(ValueSchema),
    /// The callback URL of a provider.
    CallbackUrl(String),
    /// The fields that an update of a collection takes.
    PatchFields(Collection),
}

/// The result of asking for a description.
pub enum Described<D> {
    /// What the API describes; `None` where it has no description.
    Answered(Option<D>),
    /// The API refused to.
    Refused,
}

impl<D> Described<D> {
    /// Converts the description.
    pub fn map<U>(self, convert: impl FnOnce(D) -> U) -> Described<U> {
        match self {
            Self::Answered(description) => Described::Answered(description.map(convert)),
            Self::Refused => Described::Refused,
        }
    }
}

/// The objects of a collection that the key is known to reach.
enum Known {
    /// Those that it wrote itself: nothing was read lately.
    Written(HashSet<String>),
    /// All: it has read some, the last time then. A right that is withdrawn shows only at a read of its own.
    All(Instant),
}

impl Known {
    fn has_all(&self, now: Instant) -> bool {
        matches!(self, Self::All(at) if now.saturating_duration_since(*at) < LIFETIME)
    }

    fn has(&self, id: &str, now: Instant) -> bool {
        match self {
            Self::Written(ids) => ids.contains(id),
            Self::All(_) => self.has_all(now),
        }
    }

    /// Adds an object that the key wrote.
    fn add(&mut self, id: &str, now: Instant) {
        match self {
            Self::Written(ids) => drop(ids.insert(id.to_owned())),
            Self::All(_) if self.has_all(now) => {}
            Self::All(_) => *self = Self::Written(HashSet::from([id.to_owned()])),
        }
    }
}

impl Access {
    /// Records that a read of the collection succeeded, or was refused.
    pub fn record<T>(&self, collection: Collection, read: &Result<T, RemoteError>) {
        let mut collections = lock(&self.collections);
        match read {
            Ok(_) => {
                collections.insert(collection, Known::All(Instant::now()));
            }
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Forbidden => {
                collections.remove(&collection);
            }
            Err(_) => {}
        }
    }

    /// Records that a write returned an object.
    pub fn record_write(&self, collection: Collection, id: &str) {
        let mut collections = lock(&self.collections);
        let known = collections.entry(collection);
        let known = known.or_insert_with(|| Known::Written(HashSet::new()));
        known.add(id, Instant::now());
    }

    /// Returns true if the key is known to reach the objects of a collection.
    #[must_use]
    pub fn reaches_all(&self, collection: Collection) -> bool {
        let collections = lock(&self.collections);
        let known = collections.get(&collection);
        known.is_some_and(|known| known.has_all(Instant::now()))
    }

    /// Returns true if the key is known to reach an object.
    #[must_use]
    pub fn reaches(&self, collection: Collection, id: &str) -> bool {
        let collections = lock(&self.collections);
        let known = collections.get(&collection);
        known.is_some_and(|known| known.has(id, Instant::now()))
    }

    /// Returns the last answer of the API to any key, at most an hour old, or reads it. A refusal counts for as long, and for
    /// this key alone. Any other failure is not kept.
    ///
    /// # Errors
    /// The read failed.
    pub async fn described<D: Clone>(
        &self,
        what: Description,
        shared: &Shared<Option<D>>,
        read: impl Future<Output = Result<Described<D>, RemoteError>>,
    ) -> Result<Option<D>, RemoteError> {
        let mut last = shared.lock().await;
        if let Some((at, known)) = last.as_ref()
            && is_fresh(*at)
        {
            return Ok(known.clone());
        }
        if self.is_refused(&what) {
            return Ok(None);
        }
        match read.await? {
            Described::Answered(description) => {
                *last = Some((Instant::now(), description.clone()));
                Ok(description)
            }
            Described::Refused => {
                lock(&self.refused).insert(what, Instant::now());
                Ok(None)
            }
        }
    }

    fn is_refused(&self, what: &Description) -> bool {
        let mut refused = lock(&self.refused);
        refused.retain(|_, at| is_fresh(*at));
        refused.contains_key(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_to_read_is_believed_for_an_hour_after_the_last_read() {
        let read = Instant::now();
        let mut known = Known::All(read);
        known.add("pcf_1", read);
        assert!(known.has_all(read) && known.has("pcf_2", read));
        let later = read + LIFETIME;
        assert!(!known.has_all(later) && !known.has("pcf_1", later));
        known.add("pcf_1", later);
        assert!(!known.has_all(later) && known.has("pcf_1", later));
        assert!(!known.has("pcf_2", later));
    }
}
