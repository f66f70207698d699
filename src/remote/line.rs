//! One key's way to the API: every call goes through here, past the budget, and every write past the fence.

use super::budget::Budget;
use super::trouble::Trouble;
use crate::cluster::fence::Fence;
use crate::metrics::Metrics;
use futures::{Stream, StreamExt, pin_mut};
use metorial::{Answer, Client, Error, ErrorKind, ListQuery, Method, Object, Operation, Page};
use std::sync::Arc;
use tokio::time::Instant;

/// The client with what every call passes.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) client: Client,
    pub(super) budget: Arc<Budget>,
    pub(super) fence: Fence,
    pub(super) metrics: Arc<Metrics>,
    /// `None` until the API said whose key it is.
    pub(super) organisation: Option<String>,
}

impl Line {
    /// Sends one request. Nothing is sent without a place in the budget, and no write by a process that doesn't lead.
    pub(super) async fn send<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<Answer<T>, Error>>,
    ) -> Result<T, Trouble> {
        self.admit()?;
        if operation.method.is_write() && !self.fence.is_open() {
            return Err(Trouble::NotLeader);
        }
        self.note(operation, call.await)
    }

    /// All items of a list that `keep` keeps: complete, or an error.
    pub(super) async fn list<T: Object, R>(
        &self,
        query: &ListQuery,
        keep: impl FnMut(T) -> Option<R>,
    ) -> Result<Vec<R>, Trouble> {
        self.collect(self.client.pages::<T>(query), keep).await
    }

    /// The same over pages of any way to list.
    pub(super) async fn collect<T: Object, R>(
        &self,
        pages: impl Stream<Item = Result<Answer<Page<T>>, Error>>,
        mut keep: impl FnMut(T) -> Option<R>,
    ) -> Result<Vec<R>, Trouble> {
        let operation = Operation {
            method: Method::Get,
            template: T::COLLECTION.path(),
        };
        pin_mut!(pages);
        let mut kept = Vec::new();
        loop {
            self.admit()?;
            let Some(page) = pages.next().await else {
                return Ok(kept);
            };
            let page = self.note(operation, page)?;
            kept.extend(page.items.into_iter().filter_map(&mut keep));
            if !page.has_more_after {
                return Ok(kept);
            }
        }
    }

    fn admit(&self) -> Result<(), Trouble> {
        self.budget.admit(Instant::now()).map_err(Trouble::Spent)
    }

    fn note<T>(
        &self,
        operation: Operation,
        outcome: Result<Answer<T>, Error>,
    ) -> Result<T, Trouble> {
        let word = outcome
            .as_ref()
            .map_or_else(|error| error.kind().as_str(), |_| "ok");
        self.metrics.api_request(operation.to_string(), word);
        let now = Instant::now();
        let noted = match outcome {
            Ok(answer) => {
                self.budget.answered(&answer.meta, now);
                Ok(answer.value)
            }
            Err(error) => {
                self.budget.failed(&error, now);
                // That something is not there is an answer like any other.
                match error.kind() {
                    ErrorKind::Gone | ErrorKind::NoSuchRoute => {
                        tracing::debug!(%error, "the API has no such thing");
                    }
                    _ => tracing::warn!(%error, "a call to the API failed"),
                }
                Err(Trouble::Api(error))
            }
        };
        if let Some(organisation) = &self.organisation {
            self.metrics
                .budget(organisation, self.budget.remaining(now));
        }
        noted
    }
}
