//! Pages of a list, and streams of pages that either are complete or end with an error.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::Future;

use futures::stream::{self, Stream};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::answer::Answer;
use crate::collection::Operation;
use crate::error::{Error, ErrorKind};
use crate::meta::Meta;
use crate::nodes::{self, OBJECT_NODES, PAGE_NODES};
use crate::objects::Object;
use crate::query::ListQuery;
use crate::request::OBJECT_CAP;

/// Largest number of pages of one stream: at 100 items each, far more than an instance holds.
const PAGE_CAP: usize = 1000;

/// Page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the requested order.
    pub items: Vec<T>,
    /// The items that can't be decoded, or are larger or have more values than an answer about one object may. They are in the list as
    /// well: an absence can be concluded from it only for objects that none of these can be.
    pub unreadable: Vec<Unreadable>,
    /// True if there is a page after this one.
    pub has_more_after: bool,
    /// True if there is a page before this one.
    pub has_more_before: bool,
    /// The id of the last item, readable or not.
    last: Option<String>,
    /// The status of the answer.
    status: u16,
}

/// An item of a list that can't be decoded, but has an id.
#[derive(Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    text: String,
    shortened: bool,
}

impl Unreadable {
    /// Returns whether the item contains this text, byte for byte. One that holds an id or another unique text as a plain
    /// JSON string does; one that does not contain it has nothing to do with it, unless the text may be a part of a string
    /// that was [left out](Self::is_shortened).
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Returns whether strings of more than 1 KiB were left out, because the item is larger than a page of a list may be.
    #[must_use]
    pub fn is_shortened(&self) -> bool {
        self.shortened
    }

    /// Returns the item's JSON as the server sent it, or [shortened](Self::is_shortened). The caller is responsible for
    /// keeping it out of logs and messages.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.id;
        f.debug_struct("Unreadable")
            .field("id", id)
            .finish_non_exhaustive()
    }
}

/// Body of a list. Its items are kept as the server sent them: a raw value is skipped in a loop, so that neither size nor
/// depth of an item matters here.
#[derive(Deserialize)]
pub(crate) struct ListBody<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
    pagination: Pagination,
}

/// The least that an item has, whatever else is in it. Metadata that isn't an object is the server's fault, not that of
/// whoever wrote it: such an item says nothing about whose it is.
#[derive(Deserialize)]
struct Bare {
    #[serde(deserialize_with = "crate::objects::id")]
    id: String,
    #[serde(rename = "metadata")]
    _metadata: Option<HashMap<String, IgnoredAny>>,
}

#[derive(Deserialize)]
struct Pagination {
    has_more_after: bool,
    has_more_before: bool,
}

/// Failure to read a page.
pub(crate) enum PageError {
    /// Together its items have more values than are decoded at a time.
    TooManyValues,
    /// An item has no id, or metadata that isn't an object.
    BadItem,
}

impl<T: Object> Page<T> {
    /// Decodes the items one by one, so that a bad one hides no other. The items of a shortened page are not what they were,
    /// and count as bad.
    pub(crate) fn read(
        list: &ListBody<'_>,
        status: u16,
        shortened: bool,
    ) -> Result<Self, PageError> {
        let mut page = Self {
            items: Vec::new(),
            unreadable: Vec::new(),
            has_more_after: list.pagination.has_more_after,
            has_more_before: list.pagination.has_more_before,
            last: None,
            status,
        };
        let mut nodes = 0;
        for text in list.items.iter().map(|item| item.get()) {
            let nodes_of_item = nodes::count(text.as_bytes());
            let fits = text.len() <= OBJECT_CAP && nodes_of_item <= OBJECT_NODES;
            let whole = !shortened && fits;
            nodes += if whole { nodes_of_item } else { 0 };
            if nodes > PAGE_NODES {
                return Err(PageError::TooManyValues);
            }
            let decoded = whole.then(|| serde_json::from_str::<T>(text));
            match decoded {
                Some(Ok(item)) => {
                    page.last = Some(item.id().to_owned());
                    page.items.push(item);
                }
                Some(Err(_)) | None => {
                    let bare = serde_json::from_str(text);
                    let Bare { id, .. } = bare.map_err(|_| PageError::BadItem)?;
                    page.last = Some(id.clone());
                    let text = text.to_owned();
                    page.unreadable.push(Unreadable {
                        id,
                        text,
                        shortened,
                    });
                }
            }
        }
        Ok(page)
    }
}

/// State of a stream of pages.
struct PageStream<F> {
    operation: Operation,
    fetch: F,
    /// Query of the next page; `None` at the end.
    next: Option<ListQuery>,
    /// Size of a page unless one was too large.
    page_size: u8,
    pages: usize,
    seen: HashSet<String>,
    /// True once the list was asked for at another location.
    moved: bool,
}

/// Returns a stream of the pages that `fetch` returns, starting with `query`. After a page that is too large, which is an
/// error of the stream, half of it is asked for, down to a single item, which is read without its long strings if it is too
/// large by itself; later pages grow again. A list that may be at another location is asked for there, once.
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
        page_size: query.page_size(),
        next: Some(query),
        pages: 0,
        seen: HashSet::new(),
        moved: false,
    };
    stream::unfold(state, |mut state| async move {
        let query = state.next.take()?;
        let result = match (state.fetch)(query.clone()).await {
            Ok(answer) => state.advance(query, answer),
            Err(error) => {
                state.next = state.after_error(query, &error);
                Err(match state.next {
                    Some(_) => error.continues(),
                    None => error,
                })
            }
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
        let readable = page.items.iter().map(|item| item.id().to_owned());
        let unreadable = page.unreadable.iter().map(|item| item.id.clone());
        let mut ids = readable.chain(unreadable);
        let repeats = ids.any(|id| !self.seen.insert(id));
        let fault = if repeats {
            Some("the list repeats itself")
        } else if page.last.is_none() && (self.pages > 1 || page.has_more_after) {
            Some("the list announced more items and has none")
        } else if page.has_more_after && self.pages == PAGE_CAP {
            Some("the list has no end")
        } else {
            None
        };
        if let Some(fault) = fault {
            let status = page.status;
            return Err(self.malformed(answer.meta, status, fault));
        }
        if page.has_more_after {
            let size = query.page_size().saturating_mul(2).min(self.page_size);
            let query = query.limit(size);
            let last = page.last.clone();
            self.next = last.and_then(|last| query.after(last).ok());
        }
        Ok(answer)
    }

    /// Returns the next query after an error that is not the end of the stream.
    fn after_error(&mut self, query: ListQuery, error: &Error) -> Option<ListQuery> {
        let size = query.page_size();
        if error.is_too_large() && size > 1 {
            return Some(query.limit(size / 2));
        }
        let moves = error.may_be_elsewhere() && !self.moved;
        self.moved |= moves;
        moves.then_some(query)
    }

    fn malformed(&self, meta: Meta, status: u16, fault: &'static str) -> Error {
        Error::of(ErrorKind::Malformed, self.operation, meta, fault).with_status(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGINATION: &str =
        r#""pagination":{"items":[0],"has_more_after":false,"has_more_before":false}"#;

    fn items(body: &str) -> Option<Vec<&str>> {
        let list: ListBody<'_> = serde_json::from_slice(body.as_bytes()).ok()?;
        Some(list.items.into_iter().map(RawValue::get).collect())
    }

    #[test]
    fn items_are_returned_as_they_were_sent() {
        let body = format!(
            r#" {{ "object" : "list","n":1, "items" : [ {{"a": "]}}\\"}},[1] ,"x", 7,null ], {PAGINATION} }} "#
        );
        let expected = [r#"{"a": "]}\\"}"#, "[1]", r#""x""#, "7", "null"];
        assert_eq!(items(&body).expect("a list"), expected);
        let empty = format!(r#"{{"items":[],{PAGINATION}}}"#);
        assert_eq!(items(&empty), Some(Vec::new()));
    }

    #[test]
    fn the_depth_of_an_item_does_not_matter() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        let body = format!(r#"{{"items":[1,{deep},2],{PAGINATION}}}"#);
        assert_eq!(items(&body), Some(vec!["1", deep.as_str(), "2"]));
    }

    #[test]
    fn what_is_no_list_has_no_items() {
        for body in [
            "",
            "[]",
            "null",
            &format!("{{{PAGINATION}}}"),
            &format!(r#"{{"items":null,{PAGINATION}}}"#),
            &format!(r#"{{{PAGINATION},"items":[1"#),
            &format!(r#"{{"items" [1],{PAGINATION}}}"#),
            &format!("{{\"items\":[1],{PAGINATION}\u{0}"),
        ] {
            assert_eq!(items(body), None, "{body}");
        }
    }
}
