//! The one path of every request to the API: past the request budget, and every write past the fence.

use super::budget::{Budget, OwnLimit, Refused, Requester, Ticket, View};
use super::error::RemoteError;
use super::shared::Account;
use crate::cluster::fence::Fence;
use crate::metrics::Metrics;
use crate::plan::purpose::Purpose;
use futures::{Stream, StreamExt, TryFutureExt, pin_mut};
use jiff::{SignedDuration, Timestamp};
use metorial::{
    Answer, Client, Error, ErrorKind, Instance, ListQuery, Method, Object, Operation, Page, Token,
    Unreadable,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The client of one API key, with what every request has to pass.
#[derive(Clone)]
pub struct Transport {
    client: Client,
    requester: Arc<Requester>,
    fence: Fence,
    metrics: Arc<Metrics>,
    /// The account that the key belongs to; `None` until the API has named it.
    account: Option<Arc<Account>>,
    /// The time by which the server's clock is ahead of this machine's, in milliseconds, by the last response that had a date.
    clock_ahead: Arc<AtomicI64>,
}

/// An item of a list.
pub enum Item<T> {
    /// One that was decoded.
    Read(T),
    /// One that can't be.
    Unreadable(Unreadable),
}

/// A request on its way.
struct Sent {
    operation: Operation,
    /// Its part of the budget; `None` where the server does not count it.
    ticket: Option<Ticket>,
    began: Instant,
    /// Its part of the trace.
    span: Span,
}

impl Sent {
    fn now(operation: Operation, ticket: Option<Ticket>) -> Self {
        let span = tracing::debug_span!(
            "request",
            otel.name = %operation,
            otel.kind = "client",
            otel.status_code = Empty,
            %operation,
            outcome = Empty,
            status = Empty,
            request_id = Empty,
        );
        Self {
            operation,
            ticket,
            began: Instant::now(),
            span,
        }
    }

    fn ended(&self, outcome: &str, request_id: Option<&str>, error: Option<&Error>) {
        self.span.record("outcome", outcome);
        if let Some(request_id) = request_id {
            self.span.record("request_id", request_id);
        }
        if let Some(status) = error.and_then(Error::status) {
            self.span.record("status", status);
        }
        if error.is_some() {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// Returns a query without a filter, in pages of 100: the largest that the API serves.
pub(super) fn full_pages() -> ListQuery {
    ListQuery::new().limit(100)
}

impl Transport {
    /// Builds the transport of a key whose organization is not known yet.
    #[must_use]
    pub fn new(client: Client, requester: Requester, fence: Fence, metrics: Arc<Metrics>) -> Self {
        Self {
            client,
            requester: Arc::new(requester),
            fence,
            metrics,
            account: None,
            clock_ahead: Arc::default(),
        }
    }

    /// Returns the same transport on the budget of the account that its key belongs to, with this limit of its own requests.
    #[must_use]
    pub fn of_account(self, account: Arc<Account>, own_limit: Option<Arc<OwnLimit>>) -> Self {
        let purpose = self.requester.purpose().clone();
        let requester = Requester::new(account.budget().clone(), own_limit, purpose);
        Self {
            requester: Arc::new(requester),
            account: Some(account),
            ..self
        }
    }

    /// Returns the same transport for requests of this purpose.
    #[must_use]
    pub fn for_purpose(&self, purpose: Purpose) -> Self {
        let (budget, own_limit) = (self.budget().clone(), self.requester.own_limit().cloned());
        Self {
            requester: Arc::new(Requester::new(budget, own_limit, purpose)),
            ..self.clone()
        }
    }

    /// Returns the API client, to build the call that is handed to [`send`](Self::send).
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the budget that requests count against.
    #[must_use]
    pub fn budget(&self) -> &Arc<Budget> {
        self.requester.budget()
    }

    /// Returns what requests are sent for.
    #[must_use]
    pub fn purpose(&self) -> &Purpose {
        self.requester.purpose()
    }

    /// Returns the budget as the connection's status shows it.
    #[must_use]
    pub fn budget_view(&self) -> Option<View> {
        let own_limit = self.requester.own_limit().map(Arc::as_ref);
        self.budget().view(own_limit, Instant::now())
    }

    /// Returns the time by the server's clock. A date has no fractions of a second, so this may be up to a second ahead.
    #[must_use]
    pub fn server_time(&self) -> Timestamp {
        let ahead = self
            .clock_ahead
            .load(Ordering::Relaxed)
            .saturating_add(1000);
        let ahead = SignedDuration::from_millis(ahead);
        let now = Timestamp::now();
        now.saturating_add(ahead).unwrap_or(now)
    }

    /// Reads the instance that the key belongs to.
    ///
    /// # Errors
    /// The read failed or was not sent.
    pub async fn instance(&self) -> Result<Instance, RemoteError> {
        let operation = Operation::get("/instance");
        self.send(operation, self.client.instance()).await
    }

    /// Reads what the key is, which needs no scope (◆).
    ///
    /// # Errors
    /// The read failed or was not sent.
    pub async fn token(&self) -> Result<Token, RemoteError> {
        self.send(Operation::get("/token"), self.client.token())
            .await
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The request failed; or nothing was sent, because the budget is used up or this process may not write.
    pub async fn send<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<Answer<T>, Error>>,
    ) -> Result<T, RemoteError> {
        let ticket = self.admit()?;
        self.carry_out(operation, Some(ticket), call).await
    }

    /// Sends one request that the server does not count: its description of itself ◆.
    ///
    /// # Errors
    /// The request failed.
    pub async fn send_uncounted<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = Result<Answer<T>, Error>>,
    ) -> Result<T, RemoteError> {
        self.carry_out(operation, None, call).await
    }

    async fn carry_out<T>(
        &self,
        operation: Operation,
        ticket: Option<Ticket>,
        call: impl Future<Output = Result<Answer<T>, Error>>,
    ) -> Result<T, RemoteError> {
        // Checked last: the budget never waits, so nothing but the call itself comes between the check and the request.
        if operation.method.is_write() && !self.fence.is_open() {
            return Err(RemoteError::NotLeader);
        }
        let sent = Sent::now(operation, ticket);
        let result = call.instrument(sent.span.clone()).await;
        self.record(&sent, result)
    }

    /// Sends one write, and logs it if the API confirms it. `action` is what the log calls it. Returns the id of the request,
    /// too.
    ///
    /// # Errors
    /// See [`send`](Self::send).
    pub async fn write<T: Object>(
        &self,
        action: &'static str,
        operation: Operation,
        call: impl Future<Output = Result<Answer<T>, Error>>,
    ) -> Result<(T, Option<String>), RemoteError> {
        let began = Instant::now();
        let mut request_id = None;
        let logged = call.inspect_ok(|answer| {
            let id = answer.value.id();
            request_id.clone_from(&answer.meta.request_id);
            let elapsed_ms = began.elapsed().as_millis();
            tracing::info!(action, id, %operation, request_id, elapsed_ms, "wrote to Metorial");
        });
        let value = self.send(operation, logged).await?;
        Ok((value, request_id))
    }

    /// Lists all items that `keep` keeps. It decides about items that can't be read too.
    ///
    /// # Errors
    /// Any page failed: a part of a list is never returned, since an absence would be concluded from it.
    pub async fn list<T: Object, R>(
        &self,
        query: &ListQuery,
        keep: impl FnMut(Item<T>) -> Option<R>,
    ) -> Result<Vec<R>, RemoteError> {
        self.collect(self.client.pages::<T>(query), keep).await
    }

    /// Collects all items that `keep` keeps from `pages`, which need not be those of [`list`](Self::list).
    ///
    /// # Errors
    /// Any page failed.
    pub async fn collect<T: Object, R>(
        &self,
        pages: impl Stream<Item = Result<Answer<Page<T>>, Error>>,
        mut keep: impl FnMut(Item<T>) -> Option<R>,
    ) -> Result<Vec<R>, RemoteError> {
        let operation = Operation::on_collection(Method::Get, T::COLLECTION);
        pin_mut!(pages);
        let mut kept = Vec::new();
        loop {
            let ticket = self.admit()?;
            let sent = Sent::now(operation, Some(ticket));
            let Some(page) = pages.next().instrument(sent.span.clone()).await else {
                return Ok(kept);
            };
            let page = match self.record(&sent, page) {
                Err(RemoteError::Api(error)) if error.is_followed_by_a_page() => continue,
                page => page?,
            };
            let read = page.items.into_iter().map(Item::Read);
            let items = read.chain(page.unreadable.into_iter().map(Item::Unreadable));
            kept.extend(items.filter_map(&mut keep));
            if !page.has_more_after {
                return Ok(kept);
            }
        }
    }

    fn admit(&self) -> Result<Ticket, RemoteError> {
        let admitted = self.requester.admit(Instant::now());
        admitted.map_err(|refused| match refused {
            Refused::Spent(spent) => RemoteError::BudgetSpent(spent),
            Refused::Unreachable(unreachable) => RemoteError::Unreachable(unreachable),
        })
    }

    /// Counts the result of a request, and corrects the budget by its headers.
    fn record<T>(&self, sent: &Sent, result: Result<Answer<T>, Error>) -> Result<T, RemoteError> {
        let label = result
            .as_ref()
            .map_or_else(|error| error.kind().as_str(), |_| "ok");
        let now = Instant::now();
        self.metrics
            .api_request(sent.operation.to_string(), label, now - sent.began);
        let meta = result
            .as_ref()
            .map_or_else(Error::meta, |answer| &answer.meta);
        sent.ended(label, meta.request_id.as_deref(), result.as_ref().err());
        if let Some(date) = meta.date {
            let ahead = date.as_millisecond() - Timestamp::now().as_millisecond();
            self.clock_ahead.store(ahead, Ordering::Relaxed);
        }
        // Without a status there was no response.
        let unanswered = result
            .as_ref()
            .err()
            .filter(|error| error.status().is_none());
        if let Some(ticket) = &sent.ticket {
            match unanswered {
                Some(error) => ticket.failed(error, now),
                // That it was refused is all there is to learn.
                None if label == ErrorKind::Throttled.as_str() && meta.rate_limit.is_none() => {}
                None => ticket.answered(meta, now),
            }
        }
        let result = match result {
            Ok(answer) => Ok(answer.value),
            Err(error) => {
                // An absent object or route is an ordinary result: objects are read to see if they still exist, and
                // some routes are tried in two places (▲).
                match error.kind() {
                    ErrorKind::Gone | ErrorKind::NoSuchRoute => {
                        tracing::debug!(%error, "the API has no such object or route");
                    }
                    _ => tracing::warn!(%error, "API request failed"),
                }
                Err(match (&sent.ticket, error.kind()) {
                    (Some(ticket), ErrorKind::Throttled) => {
                        let spent = self.requester.throttled(ticket, &error, now);
                        RemoteError::BudgetSpent(spent)
                    }
                    _ => RemoteError::Api(error),
                })
            }
        };
        if let Some(account) = &self.account {
            account.report(now);
        }
        result
    }
}
