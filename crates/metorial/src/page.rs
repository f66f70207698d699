//! Pages of a list, and streams of pages that either are complete or end with an error.

use std::collections::HashSet;
use std::future::Future;

use futures::stream::{self, Stream};
use serde::Deserialize;

use crate::answer::Answer;
use crate::collection::Operation;
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::objects::Object;
use crate::query::ListQuery;

/// Largest number of pages of one stream: at 100 items each, far more than an instance holds.
const PAGE_CAP: usize = 1000;

/// Page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// True if there is a page after this one.
    pub has_more_after: bool,
    /// True if there is a page before this one.
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

/// State of a stream of pages.
struct PageStream<F> {
    operation: Operation,
    fetch: F,
    /// Query of the next page; `None` at the end.
    next: Option<ListQuery>,
    pages: usize,
    seen: HashSet<String>,
}

/// Returns a stream of the pages that `fetch` returns, starting with `query`.
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
    let state = PageStream {
        operation,
        fetch,
        next: Some(query),
        pages: 0,
        seen: HashSet::new(),
    };
    stream::unfold(state, |mut state| async move {
        let query = state.next.take()?;
        let result = match (state.fetch)(query.clone()).await {
            Ok(answer) => state.advance(query, answer),
            Err(error) => Err(error),
        };
        Some((result, state))
    })
}

impl<F> PageStream<F> {
    /// Checks a page against those before it and determines the next query.
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
            Some("the list announced more items and has none")
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
