//! Reads of remote objects by their ids, each as fresh as it has to be.

use super::batch_limits::{SAFE_BATCH_SIZE, Shown, is_refused};
use super::coalesce::{LONG_QUIET_TIME, QUIET_TIME};
use super::error::RemoteError;
use super::loader::{Batched, read_along_before};
use super::session::Session;
use super::transport::{Item, full_pages};
use crate::kinds::{Kind, RemoteObject};
use crate::plan::observed::RemoteView;
use crate::plan::purpose::Priority;
use jiff::{SignedDuration, Timestamp};
use metorial::{ErrorKind, Method, Object, Operation, Page, Status, is_id};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Lists show every object that is older than this, however far they lag behind.
const LISTED_AFTER: SignedDuration = SignedDuration::from_secs(60);

impl Session {
    /// Returns one object as it was observed at `since` or later; `None` if it is gone permanently. It may be archived: a
    /// deleted object is readable for 14 days (▲).
    ///
    /// # Errors
    /// The read failed; nothing is known then, least of all that the object is gone.
    pub async fn observe<K: Kind>(
        &self,
        id: &str,
        since: Instant,
    ) -> Result<Option<Arc<RemoteView>>, RemoteError> {
        if let Some(known) = self.known(id, since) {
            return Ok(Some(known));
        }
        let collection = K::Remote::COLLECTION;
        let limit = self.loader.limits.limit(collection);
        // An invalid id would fail the whole batch.
        let mut shown = Arc::<Shown>::default();
        if limit > 1 && is_id(id) {
            match self.join_batch::<K>(id, limit, since).await {
                Ok(Batched::Read(observed)) => return Ok(observed),
                Ok(Batched::Listed(listed)) => shown = listed,
                // Refused to the one that opened the batch, which may be less urgent or of another namespace.
                Err(RemoteError::BudgetSpent(_)) => {}
                Err(error) => return Err(error),
            }
            if let Some(known) = self.known(id, since) {
                return Ok(Some(known));
            }
            // It is too large to be kept.
            if let Some(Some(view)) = shown.objects.get(id) {
                return Ok(Some(view.clone()));
            }
        }
        let observed = self.get::<K>(id).await?;
        if let Some(view) = &observed
            && shown.asked > 1
            && !shown.objects.contains_key(id)
            && view.created_at < before(self.transport.server_time(), LISTED_AFTER)
        {
            self.loader.limits.learn(collection, &shown);
        }
        Ok(observed)
    }

    /// Prefetches these objects with the next batch of their collection.
    pub fn expect<K: Kind>(&self, ids: Vec<String>) {
        let observations = &self.cache.observations;
        observations.expect(
            K::Remote::COLLECTION,
            ids.into_iter().filter(|id| is_id(id)),
        );
    }

    /// Returns one object as it was observed at `since` or later, without asking the API. What other keys have observed counts
    /// once this one has read the collection itself.
    #[must_use]
    pub fn known(&self, id: &str, since: Instant) -> Option<Arc<RemoteView>> {
        let (collection, known) = self.cache.observations.get(id, since, Instant::now())?;
        let reaches = self.loader.access.reaches(collection, id);
        reaches.then_some(known)
    }

    async fn join_batch<K: Kind>(
        &self,
        id: &str,
        limit: usize,
        since: Instant,
    ) -> Result<Batched, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let due = read_along_before(since, Instant::now());
        let session = self.clone();
        let send = move |mut ids: Vec<String>| async move {
            let limit = limit.min(session.loader.limits.limit(collection));
            let observations = &session.cache.observations;
            if let Some(due) = due {
                observations.fill(collection, &mut ids, limit, due, Instant::now());
            }
            match ids.as_slice() {
                // A GET of one object says more than a list of one.
                [id] => session.get::<K>(id).await.map(Batched::Read),
                ids => {
                    let listed = session.read::<K>(ids).await;
                    listed.map(Arc::new).map(Batched::Listed)
                }
            }
        };
        let batches = &self.loader.batches;
        batches
            .join(collection, &[id.to_owned()], limit, self.quiet(), send)
            .await
    }

    /// Reads these objects into the cache. What the server can't read together is left to others to read one by one.
    async fn read<K: Kind>(&self, ids: &[String]) -> Result<Shown, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let mut shown = Shown::default();
        let mut rest: Vec<&[String]> = vec![ids];
        while let Some(some) = rest.pop() {
            let asked = some.len();
            match self.page::<K>(some).await {
                Ok(page) => {
                    shown.asked += asked;
                    self.store::<K>(some, &page, &mut shown);
                }
                // Smaller objects are not kept from being read by larger ones.
                Err(RemoteError::Api(error)) if error.is_too_large() => {
                    let (first, second) = some.split_at(asked / 2);
                    rest.extend([first, second].into_iter().filter(|half| half.len() > 1));
                }
                Err(error) if is_refused(&error) && asked > SAFE_BATCH_SIZE => {
                    self.loader.limits.reduce(collection, SAFE_BATCH_SIZE);
                    rest.extend(some.chunks(SAFE_BATCH_SIZE));
                }
                Err(error) if is_refused(&error) => self.loader.limits.reduce(collection, 1),
                Err(error) => return Err(error),
            }
        }
        Ok(shown)
    }

    /// Reads one object by a request of its own; `None` if it is gone.
    async fn get<K: Kind>(&self, id: &str) -> Result<Option<Arc<RemoteView>>, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let operation = Operation::on_item(Method::Get, collection);
        let began = Instant::now();
        let call = self.transport.client().get::<K::Remote>(id);
        let read = self.transport.send(operation, call).await;
        self.loader.access.record(collection, &read);
        let observed = match read {
            Ok(remote) => Some(Arc::new(remote.view())),
            Err(RemoteError::Api(error)) if error.kind() == ErrorKind::Gone => None,
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
        self.loader.access.record(K::Remote::COLLECTION, &read);
        Ok((began, read?))
    }

    /// Stores what a page shows of `ids`, and adds it to what was shown.
    fn store<K: Kind>(
        &self,
        ids: &[String],
        (began, page): &(Instant, Page<K::Remote>),
        shown: &mut Shown,
    ) {
        let collection = K::Remote::COLLECTION;
        let server_time = self.transport.server_time();
        let (asked, others): (Vec<&K::Remote>, Vec<&K::Remote>) = page
            .items
            .iter()
            .partition(|item| ids.iter().any(|id| id == item.id()));
        if !others.is_empty() {
            // The filter was ignored (▲).
            self.loader.limits.reduce(collection, 1);
        }
        for item in asked {
            let (id, view) = (item.id(), Arc::new(item.view()));
            let observations = &self.cache.observations;
            observations.store_read(collection, id, Some(view.clone()), *began, server_time);
            let is_current = observations.observed_at(id) == Some(*began);
            let object = is_current.then_some(view);
            shown.objects.insert(id.to_owned(), object);
        }
        let unreadable = page.unreadable.iter().map(|item| &item.id);
        let unreadable = unreadable.filter(|id| ids.contains(id));
        let unreadable = unreadable.map(|id| (id.clone(), None));
        shown.objects.extend(unreadable);
    }

    /// Returns for how long a batch that this reconciliation needs waits for others: many resources are deleted together,
    /// one after the other.
    fn quiet(&self) -> Duration {
        match self.transport.purpose().priority {
            Priority::Deletion => LONG_QUIET_TIME,
            _ => QUIET_TIME,
        }
    }

    /// Returns those of `ids` that are gone, read now.
    ///
    /// # Errors
    /// A read failed; nothing is known then.
    pub async fn missing<K: Kind>(&self, ids: &[String]) -> Result<Vec<String>, RemoteError> {
        let collection = K::Remote::COLLECTION;
        let mut live = HashSet::new();
        let mut rest = ids;
        while !rest.is_empty() {
            let most = self
                .loader
                .limits
                .limit(collection)
                .max(SAFE_BATCH_SIZE)
                .min(rest.len());
            let (some, others) = rest.split_at(most);
            match self.live_of::<K>(some).await {
                Err(error) if is_refused(&error) && some.len() > SAFE_BATCH_SIZE => {
                    self.loader.limits.reduce(collection, SAFE_BATCH_SIZE);
                }
                found => {
                    live.extend(found?);
                    rest = others;
                }
            }
        }
        let gone = ids.iter().filter(|id| !live.contains(*id));
        Ok(gone.cloned().collect())
    }

    async fn live_of<K: Kind>(&self, ids: &[String]) -> Result<Vec<String>, RemoteError> {
        // Each item is compared with what was asked for: a filter that a server doesn't know is ignored, and all objects
        // are returned (▲).
        let query = full_pages().ids(ids)?;
        let found = self.transport.list(&query, |item: Item<K::Remote>| {
            let id = match item {
                Item::Read(remote) => Some(remote.view()).filter(|view| view.live)?.id,
                // It is there, whatever it looks like.
                Item::Unreadable(item) => item.id,
            };
            ids.contains(&id).then_some(id)
        });
        let found = found.await;
        self.loader.access.record(K::Remote::COLLECTION, &found);
        found
    }
}

fn before(time: Timestamp, age: SignedDuration) -> Timestamp {
    time.saturating_sub(age).unwrap_or(time)
}
