//! The number of objects that a server can read with one request, learned from its responses.

use super::error::RemoteError;
use crate::lock::lock;
use crate::plan::observed::RemoteView;
use metorial::{Collection, ErrorKind};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// The number of objects of one request: a page has at most 100 (▲). With ids of 128 characters, the longest that are
/// valid, its URL has less than the 15 KB that the server takes (▲).
pub const MAX_BATCH_SIZE: usize = 100;
/// The number of ids that every build accepts: older ones refuse more than 21 (▲).
pub const SAFE_BATCH_SIZE: usize = 20;
/// Time after which a server that could not read many objects together is tried again: it may have been updated.
const TRIED_AGAIN_AFTER: Duration = Duration::from_secs(3600);

/// The number of ids that a request may have where it is not [`MAX_BATCH_SIZE`], and since when that is known.
#[derive(Default)]
pub struct BatchLimits(Mutex<HashMap<Collection, (usize, Instant)>>);

/// The size of a batch, and how much of it the list showed.
#[derive(Default)]
pub struct Shown {
    /// The number of ids.
    pub asked: usize,
    /// The objects that were shown, by their ids; `None` if one can't be read, or something newer is known of it.
    pub objects: HashMap<String, Option<Arc<RemoteView>>>,
}

impl BatchLimits {
    /// Returns the number of ids that a request may have.
    #[must_use]
    pub fn limit(&self, collection: Collection) -> usize {
        let mut limits = lock(&self.0);
        limits.retain(|_, (_, since)| since.elapsed() < TRIED_AGAIN_AFTER);
        limits
            .get(&collection)
            .map_or(MAX_BATCH_SIZE, |(limit, _)| *limit)
    }

    /// Records that requests with more ids do not work.
    pub fn reduce(&self, collection: Collection, limit: usize) {
        let limit = limit.max(1).min(self.limit(collection));
        let known = lock(&self.0).insert(collection, (limit, Instant::now()));
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
    pub fn learn(&self, collection: Collection, shown: &Shown) {
        if shown.objects.len() <= shown.asked / 2 {
            self.reduce(collection, shown.objects.len());
        }
    }
}

/// Returns whether the server refuses the request itself, so that one with fewer ids may pass.
#[must_use]
pub fn is_refused(error: &RemoteError) -> bool {
    matches!(error, RemoteError::Api(error) if error.kind() == ErrorKind::Rejected)
}
