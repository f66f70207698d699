//! The requests that read many objects of one collection together.
//!
//! A list that is filtered by ids costs as much of the budget as a GET of one object, so reads that are needed within a few
//! milliseconds share one, and what is due soon is read along. The list is never believed about an absence: older builds
//! accept fewer ids, an unknown filter is ignored, and lists lag behind (▲). What a list does not show is read by itself.

use super::access::Access;
use super::batch_limits::{BatchLimits, SAFE_BATCH_SIZE, Shown, is_refused};
use super::cache::Cache;
use super::coalesce::Coalesced;
use super::error::RemoteError;
use super::observations::Observed;
use super::transport::{Transport, full_pages};
use crate::kinds::{Kind, RemoteObject};
use crate::plan::observed::Dependent;
use metorial::{Collection, ErrorKind, Method, Object, Operation, Page, Status};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The permitted age of an observation that is needed as the object is now.
const CURRENT_AGE: Duration = Duration::from_secs(1);

/// What the reads of one key share.
#[derive(Default)]
pub struct Loader {
    /// Reads of objects.
    pub(super) batches: Coalesced<Collection, Result<Batched, RemoteError>>,
    /// Lists of dependents, by the kind that they depend on.
    pub(super) dependents: Coalesced<&'static str, Result<Arc<Vec<Dependent>>, RemoteError>>,
    /// The sizes of both.
    pub(super) limits: Arc<BatchLimits>,
    /// The rights of the key.
    pub(super) access: Arc<Access>,
}

/// The result of a batch, for all who joined it.
#[derive(Clone)]
pub(super) enum Batched {
    /// It was a list of several objects.
    Listed(Shown),
    /// All asked for the same object, which was read by a request of its own.
    Read(Observed),
}

/// The parts of a batch that are needed once it is sent; the one that opened it may have gone then.
pub(super) struct BatchRead {
    pub transport: Transport,
    pub cache: Arc<Cache>,
    /// Not the loader: it keeps the batch, which would keep it in turn.
    pub limits: Arc<BatchLimits>,
    pub access: Arc<Access>,
}

impl BatchRead {
    /// Reads these objects into the cache. What the server can't read together is left to others to read one by one.
    pub async fn read<K: Kind>(&self, ids: &[String]) -> Result<Shown, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let mut shown = Shown::default();
        let mut rest: Vec<&[String]> = vec![ids];
        while let Some(some) = rest.pop() {
            let asked = some.len();
            match self.page::<K>(some).await {
                Ok(page) => {
                    shown.asked += asked;
                    shown.shown += self.store::<K>(some, &page);
                }
                // Smaller objects are not kept from being read by larger ones.
                Err(RemoteError::Api(error)) if error.is_too_large() => {
                    let (first, second) = some.split_at(asked / 2);
                    rest.extend([first, second].into_iter().filter(|half| half.len() > 1));
                }
                Err(error) if is_refused(&error) && asked > SAFE_BATCH_SIZE => {
                    self.limits.reduce(collection, SAFE_BATCH_SIZE);
                    rest.extend(some.chunks(SAFE_BATCH_SIZE));
                }
                Err(error) if is_refused(&error) => self.limits.reduce(collection, 1),
                Err(error) => return Err(error),
            }
        }
        Ok(shown)
    }

    /// Reads one object by a request of its own.
    pub async fn get<K: Kind>(&self, id: &str) -> Result<Observed, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let operation = Operation::on_item(Method::Get, collection);
        let began = Instant::now();
        let call = self.transport.client().get::<K::Remote>(id);
        let read = self.transport.send(operation, call).await;
        self.access.record(collection, &read);
        let observed = match read {
            Ok(remote) => Observed::Found(Arc::new(remote.view())),
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Gone => Observed::Missing,
            Err(error) => return Err(error),
        };
        let server_time = self.transport.server_time();
        let observations = &self.cache.observations;
        Ok(observations.store_read(collection, id, observed, began, server_time))
    }

    async fn page<K: Kind>(
        &self,
        ids: &[String],
    ) -> Result<(Instant, Page<K::Remote>), RemoteError> {
        // Archived objects are left out otherwise, even by their ids (▲).
        let statuses = [Status::Active, Status::Archived];
        let query = full_pages().ids(ids)?.statuses(statuses)?;
        let operation = Operation::on_collection(Method::Get, K::Remote::COLLECTION);
        let began = Instant::now();
        let call = self.transport.client().list::<K::Remote>(&query);
        let read = self.transport.send(operation, call).await;
        self.access.record(K::Remote::COLLECTION, &read);
        Ok((began, read?))
    }

    /// Stores what a page shows of `ids`, and returns how many that are.
    fn store<K: Kind>(&self, ids: &[String], (began, page): &(Instant, Page<K::Remote>)) -> usize {
        let collection = K::Remote::COLLECTION;
        let server_time = self.transport.server_time();
        let (asked, others): (Vec<&K::Remote>, Vec<&K::Remote>) = page
            .items
            .iter()
            .partition(|item| ids.iter().any(|id| id == item.id()));
        if !others.is_empty() {
            // The filter was ignored (▲).
            self.limits.reduce(collection, 1);
        }
        for item in &asked {
            let view = Observed::Found(Arc::new(item.view()));
            let observations = &self.cache.observations;
            observations.store_read(collection, item.id(), view, *began, server_time);
        }
        asked.len()
    }
}

/// Returns the time before which an object must have been observed to be read along with one that has to be known as it was
/// at `since` or later: half of the permitted age. Where that is none, somebody waits for a write, and the response stays
/// small.
pub fn read_along_before(since: Instant, now: Instant) -> Option<Instant> {
    let age = now.saturating_duration_since(since);
    (age > CURRENT_AGE).then(|| since + age / 2)
}
