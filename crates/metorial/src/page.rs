//! Lists, page by page, with the guarantee that a stream that ends without an error has shown everything.

use std::collections::HashSet;
use std::future::Future;

use futures::stream::{self, Stream};
use serde::Deserialize;

use crate::client::Client;
use crate::collection::{Method, Operation};
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::objects::Object;
use crate::query::ListQuery;
use crate::send::Answer;

/// A stream gives up after this many pages: at 100 items each, far more than an instance holds.
const PAGE_CAP: usize = 1000;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// Whether there is a page after this one.
    pub has_more_after: bool,
    /// Whether there is a page before this one.
    pub has_more_before: bool,
}

#[derive(Deserialize)]
pub(crate) struct ListBody<T> {
    items: Vec<T>,
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    has_more_after: bool,
    has_more_before: bool,
}

impl<T> From<ListBody<T>> for Page<T> {
    fn from(body: ListBody<T>) -> Self {
        let Pagination {
            has_more_after,
            has_more_before,
        } = body.pagination;
        Self {
            items: body.items,
            has_more_after,
            has_more_before,
        }
    }
}

impl Client {
    /// All pages of a list, each asked for when the one before was taken. The stream ends after its first error.
    ///
    /// If it ends without an error it was complete: a page that repeats an item, that is empty though more was
    /// promised, or a list without an end is [`ErrorKind::Malformed`]. Without a limit in `query`, pages are as large
    /// as the server makes them.
    pub fn pages<T: Object>(
        &self,
        query: &ListQuery,
    ) -> impl Stream<Item = Result<Answer<Page<T>>, Error>> + Send + use<T> {
        let client = self.clone();
        let path = T::COLLECTION.path();
        let operation = Operation {
            method: Method::Get,
            template: path,
        };
        follow(operation, query.clone().or_largest_page(), move |query| {
            let client = client.clone();
            async move { client.list(&query).await }
        })
    }
}

/// Where a stream of pages stands.
struct Walk<F> {
    operation: Operation,
    fetch: F,
    /// What to ask for next; `None` at the end.
    next: Option<ListQuery>,
    pages: usize,
    seen: HashSet<String>,
}

/// The pages that `fetch` brings, from `query` on.
pub(crate) fn follow<T, F, Fut>(
    operation: Operation,
    query: ListQuery,
    fetch: F,
) -> impl Stream<Item = Result<Answer<Page<T>>, Error>> + Send
where
    T: Object,
    F: FnMut(ListQuery) -> Fut + Send,
    Fut: Future<Output = Result<Answer<Page<T>>, Error>> + Send,
{
    let walk = Walk {
        operation,
        fetch,
        next: Some(query),
        pages: 0,
        seen: HashSet::new(),
    };
    stream::unfold(walk, |mut walk| async move {
        let query = walk.next.take()?;
        let result = match (walk.fetch)(query.clone()).await {
            Ok(answer) => walk.advance(query, answer),
            Err(error) => Err(error),
        };
        Some((result, walk))
    })
}

impl<F> Walk<F> {
    /// Checks a page against those before it, and decides what to ask for next.
    fn advance<T: Object>(
        &mut self,
        query: ListQuery,
        answer: Answer<Page<T>>,
    ) -> Result<Answer<Page<T>>, Error> {
        self.pages += 1;
        let page = &answer.value;
        let repeats = page
            .items
            .iter()
            .any(|item| !self.seen.insert(item.id().to_owned()));
        let fault = if repeats {
            Some("the list repeats itself")
        } else if page.items.is_empty() && (self.pages > 1 || page.has_more_after) {
            Some("the list lost the page that it promised")
        } else if page.has_more_after && self.pages == PAGE_CAP {
            Some("the list has no end")
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(self.malformed(answer.meta, fault));
        }
        if page.has_more_after {
            let last = page.items.last().map(|item| item.id().to_owned());
            self.next = last.and_then(|last| query.after(last).ok());
        }
        Ok(answer)
    }

    fn malformed(&self, meta: Meta, fault: &'static str) -> Error {
        Error::of(ErrorKind::Malformed, self.operation, meta, fault)
    }
}
