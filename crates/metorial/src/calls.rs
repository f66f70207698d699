//! Calls on the objects of a collection.

use futures::stream::Stream;

use crate::answer::Answer;
use crate::body::Body;
use crate::client::Client;
use crate::collection::{Method, Operation};
use crate::error::Error;
use crate::objects::Object;
use crate::page::{self, Page};
use crate::query::ListQuery;
use crate::request::Request;

impl Client {
    /// Reads one object. Archived ones are found too: check [`Object::status`]. The server serves them for 14 days ▲.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind). [`Gone`](crate::ErrorKind::Gone) is returned only if the API reports this
    /// object as not found.
    pub async fn get<T: Object>(&self, id: &str) -> Result<Answer<T>, Error> {
        let request = Request::item::<T>(Method::Get, id)?;
        self.send(request).await?.object(Some(id))
    }

    /// Reads one page of a list.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn list<T: Object>(&self, query: &ListQuery) -> Result<Answer<Page<T>>, Error> {
        self.send(Request::list(T::COLLECTION, query)).await?.page()
    }

    /// Reads all pages of a list, each when the stream is polled for it. The stream ends after its first error, except that
    /// after a page that [is too large](crate::Error::is_too_large) it continues with a smaller one, if
    /// [there is one](crate::Error::is_followed_by_a_page).
    ///
    /// A stream that ends without such a last error was complete: a page that repeats an item, an empty page where more items
    /// were announced, and a list without an end are [`Malformed`](crate::ErrorKind::Malformed). Without a limit in
    /// `query`, pages have the server's largest size.
    pub fn pages<T: Object>(
        &self,
        query: &ListQuery,
    ) -> impl Stream<Item = Result<Answer<Page<T>>, Error>> + Send + use<T> {
        let client = self.clone();
        let operation = Operation::on_collection(Method::Get, T::COLLECTION);
        page::follow(operation, query.clone().or_largest_page(), move |query| {
            let client = client.clone();
            async move { client.list(&query).await }
        })
    }

    /// Creates an object. The API has no idempotency key: two identical calls create two objects.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind). After [`Ambiguous`](crate::ErrorKind::Ambiguous) or
    /// [`Inconclusive`](crate::ErrorKind::Inconclusive) search for the object before trying again.
    pub async fn create<T: Object>(&self, body: &Body) -> Result<Answer<T>, Error> {
        let request = Request::create(T::COLLECTION, body);
        self.send(request).await?.object(None)
    }

    /// Changes the fields that `body` names. The server reads, changes and writes the whole object ▲: of two concurrent
    /// updates of one object one is lost.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind).
    pub async fn update<T: Object>(&self, id: &str, body: &Body) -> Result<Answer<T>, Error> {
        let request = Request {
            body: Some(body),
            ..Request::item::<T>(Method::Patch, id)?
        };
        self.send(request).await?.object(Some(id))
    }

    /// Archives an object permanently ▲. The server then archives what depends on it: the auth configs of credentials,
    /// the configs of a vault, all three of a deployment.
    ///
    /// # Errors
    /// See [`ErrorKind`](crate::ErrorKind). [`Gone`](crate::ErrorKind::Gone) if it was archived before. The API refuses to
    /// archive what an integration or identity uses: see [`Error::blockers`].
    pub async fn delete<T: Object>(&self, id: &str) -> Result<Answer<T>, Error> {
        let request = Request::item::<T>(Method::Delete, id)?;
        self.send(request).await?.object(Some(id))
    }
}
