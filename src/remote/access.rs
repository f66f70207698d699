//! The rights of one key, as far as the API has shown them. Connections to one instance share what was read of it, and the key
//! of one may read less than that of another: what one may not read is no answer for others, and what others have read is no
//! answer for one that may not read it.

use super::cache::{Shared, is_fresh};
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
    /// Those that it wrote itself: nothing was read yet.
    Written(HashSet<String>),
    /// All: it has read some.
    All,
}

impl Access {
    /// Records that a read of the collection succeeded, or was refused.
    pub fn record<T>(&self, collection: Collection, read: &Result<T, RemoteError>) {
        let mut collections = lock(&self.collections);
        match read {
            Ok(_) => {
                collections.insert(collection, Known::All);
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
        if let Known::Written(ids) = known.or_insert_with(|| Known::Written(HashSet::new())) {
            ids.insert(id.to_owned());
        }
    }

    /// Returns true if the key is known to reach the objects of a collection.
    #[must_use]
    pub fn reaches_all(&self, collection: Collection) -> bool {
        matches!(lock(&self.collections).get(&collection), Some(Known::All))
    }

    /// Returns true if the key is known to reach an object.
    #[must_use]
    pub fn reaches(&self, collection: Collection, id: &str) -> bool {
        match lock(&self.collections).get(&collection) {
            Some(Known::All) => true,
            Some(Known::Written(ids)) => ids.contains(id),
            None => false,
        }
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
