//! Reads objects by their ids, many with one request.
//!
//! A list that is filtered by ids costs as much of the budget as a GET of one object, so reads that are needed within a few
//! milliseconds share one, and what is due soon is read along. The list is never believed about an absence: older builds
//! accept fewer ids, an unknown filter is ignored, and lists lag behind (▲). What a list does not show is read by itself.

use super::coalesce::Coalesced;
use super::error::RemoteError;
use super::observations::Observed;
use super::session::{Session, all};
use super::transport::{Item, Transport};
use crate::kinds::{Dependents, Kind};
use crate::lock::lock;
use crate::plan::observed::Dependent;
use jiff::{SignedDuration, Timestamp};
use metorial::{Collection, ErrorKind, Method, Object, Operation, Page, Status, is_id};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The number of objects of one request: a page has at most 100 (▲). With ids of 128 characters, the longest that are
/// valid, its URL has less than the 15 KB that the server takes (▲).
pub const MOST: usize = 100;
/// The number of ids that every build accepts: older ones refuse more than 21 (▲).
pub(super) const FEW: usize = 20;
/// The permitted age of an observation that is needed as the object is now.
const AT_ONCE: Duration = Duration::from_secs(1);
/// Time after which a server that could not read many objects at once is tried again: it may have been updated.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(3600);
/// Lists show every object that is older than this, however far they lag behind.
const LISTED_AFTER: SignedDuration = SignedDuration::from_secs(60);

/// The reads that one connection shares.
#[derive(Default)]
pub struct Loader {
    batches: Coalesced<Collection, Result<Shown, RemoteError>>,
    pub(super) dependents: Coalesced<Dependents, Result<Arc<Vec<Dependent>>, RemoteError>>,
    /// The number of ids that a request may have where it is not [`MOST`], and since when that is known.
    limits: Mutex<HashMap<Collection, (usize, Instant)>>,
}

/// What a batch asked for, and how much of it the list showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    asked: usize,
    shown: usize,
}

impl Loader {
    /// Returns the number of ids that a request may have.
    pub(super) fn limit(&self, collection: Collection) -> usize {
        let mut limits = lock(&self.limits);
        limits.retain(|_, (_, since)| since.elapsed() < TRIED_AGAIN_AFTER);
        limits.get(&collection).map_or(MOST, |(limit, _)| *limit)
    }

    pub(super) fn reduce(&self, collection: Collection, limit: usize) {
        let limit = limit.max(1).min(self.limit(collection));
        let known = lock(&self.limits).insert(collection, (limit, Instant::now()));
        if known.is_none_or(|(before, _)| before != limit) {
            let path = collection.path();
            tracing::info!(
                path,
                limit,
                "the server can't read more objects with one request"
            );
        }
    }

    /// Learns from an object that exists but was not shown. One object alone may lag behind, whatever its age.
    fn learn(&self, collection: Collection, shown: Shown) {
        if shown.shown <= shown.asked / 2 {
            self.reduce(collection, shown.shown);
        }
    }
}

impl Session {
    /// Returns one object as it was observed at `since` or later.
    ///
    /// # Errors
    /// The read failed; nothing is known then, least of all that the object is gone.
    pub async fn observe<K: Kind>(
        &self,
        id: &str,
        since: Instant,
    ) -> Result<Observed, RemoteError> {
        if let Some(known) = self.known(id, since) {
            return Ok(known);
        }
        let collection = K::Remote::COLLECTION;
        let limit = self.loader.limit(collection);
        // What is no id could keep the server from reading the others.
        let mut shown = Shown::default();
        if limit > 1 && is_id(id) {
            shown = match self.join_batch::<K>(id, limit, since).await {
                // Refused to whoever opened the batch, which may be less urgent or of another namespace.
                Err(RemoteError::BudgetSpent(_)) => shown,
                joined => joined?,
            };
            if let Some(known) = self.known(id, since) {
                return Ok(known);
            }
        }
        let observed = self.get::<K>(id).await?;
        if let Observed::Found(view) = &observed
            && shown.asked > 1
            && view.created_at < before(self.transport.server_time(), LISTED_AFTER)
        {
            self.loader.learn(collection, shown);
        }
        Ok(observed)
    }

    /// Has these objects read along with others of their collection, as far as nothing is known of them.
    pub fn expect<K: Kind>(&self, ids: Vec<String>) {
        let observations = &self.cache.observations;
        observations.expect(
            K::Remote::COLLECTION,
            ids.into_iter().filter(|id| is_id(id)),
        );
    }

    fn known(&self, id: &str, since: Instant) -> Option<Observed> {
        self.cache.observations.get(id, since, Instant::now())
    }

    async fn join_batch<K: Kind>(
        &self,
        id: &str,
        limit: usize,
        since: Instant,
    ) -> Result<Shown, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let due = read_along_before(since, Instant::now());
        let batch = BatchRead {
            transport: self.transport.clone(),
            cache: self.cache.clone(),
            loader: self.loader.clone(),
        };
        let send = move |mut ids: Vec<String>| async move {
            let limit = limit.min(batch.loader.limit(collection));
            let observations = &batch.cache.observations;
            if let Some(due) = due {
                observations.fill(collection, &mut ids, limit, due, Instant::now());
            }
            // A GET of one object says more than a list of one.
            match ids.len() {
                1 => Ok(Shown::default()),
                _ => batch.read::<K>(&ids).await,
            }
        };
        let batches = &self.loader.batches;
        batches
            .join(collection, &[id.to_owned()], limit, send)
            .await
    }

    /// Reads one object by a request of its own.
    async fn get<K: Kind>(&self, id: &str) -> Result<Observed, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let operation = Operation {
            method: Method::Get,
            template: collection.item_template(),
        };
        let began = Instant::now();
        let call = self.transport.client().get::<K::Remote>(id);
        let observed = match self.transport.send(operation, call).await {
            Ok(remote) => Observed::Found(Arc::new(K::view(&remote))),
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Gone => Observed::Missing,
            Err(error) => return Err(error),
        };
        let server_time = self.transport.server_time();
        let observations = &self.cache.observations;
        Ok(observations.store_read(collection, id, observed, began, server_time))
    }

    /// Counts how many of `ids` are gone, read now.
    ///
    /// # Errors
    /// A read failed; nothing is known then.
    pub async fn missing<K: Kind>(&self, ids: &[String]) -> Result<usize, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let mut live = 0;
        let mut rest = ids;
        while !rest.is_empty() {
            let most = self.loader.limit(collection).max(FEW).min(rest.len());
            let (some, others) = rest.split_at(most);
            match self.live_of::<K>(some).await {
                Err(error) if is_refused(&error) && some.len() > FEW => {
                    self.loader.reduce(collection, FEW);
                }
                found => {
                    live += found?;
                    rest = others;
                }
            }
        }
        Ok(ids.len() - live.min(ids.len()))
    }

    async fn live_of<K: Kind>(&self, ids: &[String]) -> Result<usize, RemoteError> {
        // Each item is compared with what was asked for: a filter that a server doesn't know is ignored, and all objects
        // are returned (▲).
        let query = all().ids(ids)?;
        let found = self.transport.list(&query, |item: Item<K::Remote>| {
            let id = match item {
                Item::Read(remote) => Some(K::view(&remote)).filter(|view| view.live)?.id,
                // It is there, whatever it looks like.
                Item::Unreadable(item) => item.id,
            };
            ids.contains(&id).then_some(())
        });
        Ok(found.await?.len())
    }
}

/// What a batch needs once it is sent; whoever opened it may have gone then.
struct BatchRead {
    transport: Transport,
    cache: Arc<super::cache::Cache>,
    loader: Arc<Loader>,
}

impl BatchRead {
    /// Reads these objects into the cache. What the server can't read at once is left to others to read one by one.
    async fn read<K: Kind>(&self, ids: &[String]) -> Result<Shown, RemoteError> {
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
                Err(error) if is_refused(&error) && asked > FEW => {
                    self.loader.reduce(collection, FEW);
                    rest.extend(some.chunks(FEW));
                }
                Err(error) if is_refused(&error) => self.loader.reduce(collection, 1),
                Err(error) => return Err(error),
            }
        }
        Ok(shown)
    }

    async fn page<K: Kind>(
        &self,
        ids: &[String],
    ) -> Result<(Instant, Page<K::Remote>), RemoteError> {
        // Archived objects are left out otherwise, even by their ids (▲).
        let statuses = [Status::Active, Status::Archived];
        let query = all().ids(ids)?.statuses(statuses)?;
        let operation = Operation {
            method: Method::Get,
            template: K::Remote::COLLECTION.path(),
        };
        let began = Instant::now();
        let call = self.transport.client().list::<K::Remote>(&query);
        Ok((began, self.transport.send(operation, call).await?))
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
            self.loader.reduce(collection, 1);
        }
        for item in &asked {
            let view = Observed::Found(Arc::new(K::view(item)));
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
    (age > AT_ONCE).then(|| since + age / 2)
}

/// Returns whether the server refuses the request itself, so that one with fewer ids may pass.
pub(super) fn is_refused(error: &RemoteError) -> bool {
    matches!(error, RemoteError::Api(error) if error.kind() == ErrorKind::Rejected)
}

fn before(time: Timestamp, age: SignedDuration) -> Timestamp {
    time.saturating_sub(age).unwrap_or(time)
}
