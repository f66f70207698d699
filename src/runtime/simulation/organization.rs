//! One organization: its budget, the observations of its objects, and the batch that collects ids.

use super::account::Account;
use super::resource::Number;
use crate::remote::cache::Cache;
use crate::remote::{LONGEST_BATCH_WAIT, MAX_BATCH_SIZE, QUIET_TIME, read_along_before};
use metorial::Collection;
use tokio::time::Instant;

/// The collection of all objects.
pub const COLLECTION: Collection = Collection::AuthCredentials;

/// See the module.
pub struct Organization {
    /// Its budget and its server.
    pub account: Account,
    /// The observations of its objects.
    pub cache: Cache,
    /// The ids that were recorded before the start, until the first read.
    pub recorded: Vec<String>,
    batch: Option<Batch>,
}

/// A batch that is open.
struct Batch {
    opened: Instant,
    /// The number of those who had joined when that was last checked.
    checked: usize,
    /// Those who wait, and their ids.
    joined: Vec<(Number, String)>,
    /// Objects that were observed before this time are read along.
    due: Option<Instant>,
}

/// A batch that is sent.
pub struct Sent {
    /// Those who wait for it.
    pub joined: Vec<Number>,
    /// The objects that it reads.
    pub ids: Vec<String>,
}

impl Organization {
    /// Returns an organization of which nothing was observed, with the ids that statuses have.
    pub fn new(requests: u64, recorded: Vec<String>) -> Self {
        Self {
            account: Account::new(requests),
            cache: Cache::default(),
            recorded,
            batch: None,
        }
    }

    /// Joins the open batch, or opens one. Returns when to check it: one that was opened, after the quiet time; one that is
    /// full, immediately.
    pub fn join(&mut self, who: Number, id: &str, since: Instant, now: Instant) -> Option<Instant> {
        let recorded = std::mem::take(&mut self.recorded);
        let observations = &self.cache.observations;
        observations.expect(COLLECTION, recorded.into_iter());
        if let Some(batch) = &mut self.batch {
            batch.joined.push((who, id.to_owned()));
            return (batch.joined.len() == MAX_BATCH_SIZE).then_some(now);
        }
        self.batch = Some(Batch {
            opened: now,
            checked: 1,
            joined: vec![(who, id.to_owned())],
            due: read_along_before(since, now),
        });
        Some(now + QUIET_TIME)
    }

    /// Closes the batch if nobody joins it any more.
    ///
    /// # Errors
    /// The time of the next check, if it stays open; `None` if there is no batch.
    pub fn close(&mut self, now: Instant) -> Result<Sent, Option<Instant>> {
        let Some(mut batch) = self.batch.take() else {
            return Err(None);
        };
        let count = batch.joined.len();
        let open = now < batch.opened + LONGEST_BATCH_WAIT
            && count < MAX_BATCH_SIZE
            && count > batch.checked;
        if open {
            batch.checked = count;
            self.batch = Some(batch);
            return Err(Some(now + QUIET_TIME));
        }
        let (joined, mut ids): (Vec<Number>, Vec<String>) = batch.joined.into_iter().unzip();
        if let Some(due) = batch.due {
            let observations = &self.cache.observations;
            observations.fill(COLLECTION, &mut ids, MAX_BATCH_SIZE, due, now);
        }
        Ok(Sent { joined, ids })
    }
}
