//! What the reads of one key share: the requests that read many objects of one collection together.
//!
//! A list that is filtered by ids costs as much of the budget as a GET of one object, so reads that are needed within a few
//! milliseconds share one, and what is due soon is read along. The list is never believed about an absence: older builds
//! accept fewer ids, an unknown filter is ignored, and lists lag behind (▲). What a list does not show is read by itself.

use super::access::Access;
use super::batch_limits::{BatchLimits, Shown};
use super::coalesce::Coalesced;
use super::error::RemoteError;
use crate::plan::observed::{Dependent, RemoteView};
use metorial::Collection;
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
    pub(super) limits: BatchLimits,
    /// The rights of the key.
    pub(super) access: Access,
}

/// The result of a batch, for all who joined it.
#[derive(Clone)]
pub(super) enum Batched {
    /// It was a list of several objects.
    Listed(Arc<Shown>),
    /// All asked for the same object, which was read by a request of its own; `None` if it is gone.
    Read(Option<Arc<RemoteView>>),
}

/// Returns the time before which an object must have been observed to be read along with one that has to be known as it was
/// at `since` or later: half of the permitted age. Where that is none, somebody waits for a write, and the response stays
/// small.
pub fn read_along_before(since: Instant, now: Instant) -> Option<Instant> {
    let age = now.saturating_duration_since(since);
    (age > CURRENT_AGE).then(|| since + age / 2)
}
