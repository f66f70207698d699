//! Counts which resources use a connection, and which of its objects are gone. The latter takes a request for every hundred
//! objects, and each of the lost objects would ask for one.

use super::losses::Count;
use super::registry::Connections;
use super::single_flight::SingleFlight;
use super::users::CountedUsers;
use crate::cluster::error::ClusterError;
use crate::inventory::{CountResult, Inventories, Lost};
use crate::plan::observed::Losses;
use crate::plan::purpose::Purpose;
use crate::remote::{RemoteError, Session};
use crate::resources::ConnectionKey;
use std::sync::Arc;
use tokio::time::Instant;

/// The longest time for which an approval is extended, as a multiple of its time: four hours.
const MOST_EXTENSIONS: u32 = 24;

impl Connections {
    /// Returns the resources that keep a connection in use.
    ///
    /// # Errors
    /// A list failed.
    pub async fn users(
        &self,
        key: &ConnectionKey,
        inventories: &Inventories,
    ) -> Result<CountedUsers, ClusterError> {
        let began = Instant::now();
        if let Some(known) = self.users.known(key, began) {
            return Ok(known);
        }
        self.users.begin(key);
        let users = inventories.users(key).await?;
        self.users.end(key, &users, began, Instant::now());
        Ok(CountedUsers {
            users,
            recount_in: None,
        })
    }

    /// Counts the objects of a connection that are gone, unless a count answers for the lost object `id` already: many are lost
    /// together. A suspicious loss stays until it is approved or its time is over.
    ///
    /// # Errors
    /// Kubernetes or the API failed; nothing is known then.
    pub async fn losses(
        &self,
        key: &ConnectionKey,
        id: Option<&str>,
        session: &Session,
        inventories: &Inventories,
    ) -> Result<Result<Losses, RemoteError>, ClusterError> {
        let approved = session.recreation_approved;
        let mut joined_before = false;
        loop {
            if let Some(known) = self.counted_losses(key, id) {
                return Ok(Ok(Losses { approved, ..known }));
            }
            let counting = self.entry(key).slot().counting.clone();
            let (count, is_new) = counting.join(|| inventories.count_lost(session));
            let losses = match count.await? {
                Ok(lost) => self.store_count(key, &counting, lost, approved),
                Err(error) => return Ok(Err(error)),
            };
            // One that began before this call may lack what was lost since; the next one does not.
            if is_new || joined_before {
                return Ok(Ok(losses));
            }
            joined_before = true;
        }
    }

    /// Stores a count, for which others may have waited as well.
    fn store_count(
        &self,
        key: &ConnectionKey,
        counting: &Arc<SingleFlight<CountResult>>,
        lost: Arc<Lost>,
        approved: bool,
    ) -> Losses {
        let losses = lost.losses(approved);
        let entry = self.entry(key);
        let mut slot = entry.slot();
        slot.use_approval();
        let known = slot.losses.as_ref();
        let is_newer = known.is_none_or(|known| known.lost.at < lost.at);
        // Otherwise it is of a connection of the same name that was deleted meanwhile.
        if is_newer && Arc::ptr_eq(&slot.counting, counting) {
            slot.losses = Some(Count { losses, lost });
            if losses.suspicious() {
                self.enqueue(key);
            }
        }
        losses
    }

    /// Counts the lost objects of all shards once more before an approval to create them again ends. As long as the loss would
    /// be suspicious without it, it is extended, but not permanently: of a suspended resource, nothing is created again. Returns
    /// true if it is.
    ///
    /// # Errors
    /// Kubernetes failed; nothing is known then.
    pub async fn extend_approval(
        &self,
        key: &ConnectionKey,
        inventories: &Inventories,
    ) -> Result<bool, ClusterError> {
        let longest = self.factory.timing.approval * MOST_EXTENSIONS;
        let entry = self.entry(key);
        let session = entry.slot().approved_within(longest, Instant::now());
        let Some(session) = session else {
            return Ok(false);
        };
        let session = session.for_purpose(Purpose::of_check(key.resource_key()));
        let extended = match inventories.count_lost(&session).await? {
            Ok(lost) => lost.losses(false).suspicious(),
            // The resources that need it can't use it either, until that passes.
            Err(error) => !error.needs_person(),
        };
        if extended {
            entry.slot().use_approval();
        }
        Ok(extended)
    }

    /// Returns a count that answers for the lost object `id`.
    fn counted_losses(&self, key: &ConnectionKey, id: Option<&str>) -> Option<Losses> {
        let entry = self.entry(key);
        let mut slot = entry.slot();
        slot.use_approval();
        let count = slot.losses.as_ref()?;
        count.answers(id, Instant::now()).then_some(count.losses)
    }
}
