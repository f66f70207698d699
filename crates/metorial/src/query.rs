//! Query of a list: filters, ranges and paging. The server ignores an empty or unknown filter and returns everything ▲, so
//! that an empty one is an error here.

use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::objects::Status;

/// All characters but the unreserved ones of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Order of a list. Lists are sorted by id, and ids by creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Oldest first, the server's default.
    Asc,
    /// Newest first.
    Desc,
}

/// Filter without a value. The server ignores such a filter and returns everything ▲, so it is never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the filter {name:?} has an empty value or none, and the API would ignore it")]
pub struct EmptyFilter {
    name: &'static str,
}

/// Query of a list, built as a chain. An empty filter is an error.
///
/// ```
/// use metorial::{ListQuery, Order, Status};
/// # fn main() -> Result<(), metorial::EmptyFilter> {
/// let query = ListQuery::new()
///     .ids(["par_1", "par_2"])?
///     .statuses([Status::Active, Status::Archived])?
///     .order(Order::Desc)
///     .limit(100);
/// # Ok(())
/// # }
/// ```
///
/// The server ignores unknown filters ▲: check the items against the query. Without [`statuses`](Self::statuses) archived
/// objects are left out, even from a list by id ▲.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    filters: Vec<(String, String)>,
    limit: Option<u8>,
    after: Option<String>,
    order: Option<Order>,
}

impl ListQuery {
    /// Creates a query without filters, with the server's page size and order.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects objects with one of these ids. 100 ids in one query work ▲.
    ///
    /// # Errors
    /// [`EmptyFilter`] if there is no id, or an empty one.
    pub fn ids<I>(self, ids: I) -> Result<Self, EmptyFilter>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        self.filter("id", ids)
    }

    /// Selects objects whose field `name` is one of `values`, for example `provider_id`. Sent as `name[]=…`; in the
    /// form `name[0]=…` older builds accept at most 21 values ▲.
    ///
    /// # Errors
    /// [`EmptyFilter`] if there is no value, or an empty one.
    pub fn filter<I>(mut self, name: &'static str, values: I) -> Result<Self, EmptyFilter>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let before = self.filters.len();
        for value in values {
            let value = value.as_ref();
            if value.is_empty() {
                return Err(EmptyFilter { name });
            }
            self.filters.push((format!("{name}[]"), value.to_owned()));
        }
        if self.filters.len() == before {
            return Err(EmptyFilter { name });
        }
        Ok(self)
    }

    /// Selects objects with one of these statuses. The server accepts active and archived, and answers 400 to deleted ▲.
    ///
    /// # Errors
    /// [`EmptyFilter`] if there is none.
    pub fn statuses(self, statuses: impl IntoIterator<Item = Status>) -> Result<Self, EmptyFilter> {
        self.filter("status", statuses.into_iter().map(Status::as_str))
    }

    /// Selects objects whose `name` (`created_at` or `updated_at`) is later than `bound`, to the millisecond. There is no
    /// inclusive bound: the server ignores `[gte]` ▲.
    #[must_use]
    pub fn range_gt(self, name: &'static str, bound: Timestamp) -> Self {
        self.range(name, "gt", bound)
    }

    /// Selects objects whose `name` (`created_at` or `updated_at`) is earlier than `bound`, to the millisecond.
    #[must_use]
    pub fn range_lt(self, name: &'static str, bound: Timestamp) -> Self {
        self.range(name, "lt", bound)
    }

    fn range(mut self, name: &str, relation: &str, bound: Timestamp) -> Self {
        self.filters
            .push((format!("{name}[{relation}]"), format!("{bound:.3}")));
        self
    }

    /// Sets the page size, clamped to the server's bounds of 1 to 100.
    #[must_use]
    pub fn limit(mut self, items: u8) -> Self {
        self.limit = Some(items.clamp(1, 100));
        self
    }

    /// Starts after the object with this id. Use only the last id of the previous page: to an id without a row the server
    /// answers with an empty last page ▲.
    ///
    /// # Errors
    /// [`EmptyFilter`] if the id is empty: the server would start from the beginning.
    pub fn after(mut self, id: impl Into<String>) -> Result<Self, EmptyFilter> {
        let id = id.into();
        if id.is_empty() {
            return Err(EmptyFilter { name: "after" });
        }
        self.after = Some(id);
        Ok(self)
    }

    /// Sets the order of the items.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// Returns the page size; the server's own where none is set.
    pub(crate) fn page_size(&self) -> u8 {
        self.limit.unwrap_or(20)
    }

    pub(crate) fn or_largest_page(mut self) -> Self {
        self.limit.get_or_insert(100);
        self
    }

    /// Returns the query string without `?`, or `None` if it is empty.
    pub(crate) fn encoded(&self) -> Option<String> {
        let limit = self.limit.map(|limit| limit.to_string());
        let order = self.order.map(|order| match order {
            Order::Asc => "asc",
            Order::Desc => "desc",
        });
        let paging = [
            ("limit", limit.as_deref()),
            ("order", order),
            ("after", self.after.as_deref()),
        ];
        let paging = paging
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let filters = self
            .filters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let query: Vec<String> = filters
            .chain(paging)
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        (!query.is_empty()).then(|| query.join("&"))
    }
}

/// Encodes a path segment or a part of a query, so that nothing in `text` is read as syntax.
pub(crate) fn encode(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, RESERVED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(query: &ListQuery) -> Vec<(String, String)> {
        let encoded = query.encoded().unwrap_or_default();
        url::form_urlencoded::parse(encoded.as_bytes())
            .into_owned()
            .collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn an_empty_query_sends_no_query_string() {
        assert_eq!(ListQuery::new().encoded(), None);
    }

    #[test]
    fn arrays_are_sent_with_brackets_and_ranges_in_milliseconds() {
        let since: Timestamp = "2025-09-15T10:30:00Z".parse().expect("a time");
        let query = ListQuery::new()
            .ids(["par_1", "par_2"])
            .and_then(|query| query.filter("provider_id", ["pro_1"]))
            .and_then(|query| query.statuses([Status::Active, Status::Archived]))
            .and_then(|query| query.after("par_0"))
            .expect("no filter is empty")
            .range_gt("created_at", since)
            .limit(50)
            .order(Order::Desc);
        let want = [
            pair("id[]", "par_1"),
            pair("id[]", "par_2"),
            pair("provider_id[]", "pro_1"),
            pair("status[]", "active"),
            pair("status[]", "archived"),
            pair("created_at[gt]", "2025-09-15T10:30:00.000Z"),
            pair("limit", "50"),
            pair("order", "desc"),
            pair("after", "par_0"),
        ];
        assert_eq!(decoded(&query), want);
    }

    #[test]
    fn a_filter_that_the_server_would_ignore_is_rejected() {
        let none: [&str; 0] = [];
        assert!(ListQuery::new().ids(none).is_err());
        assert!(ListQuery::new().ids(["par_1", ""]).is_err());
        assert!(ListQuery::new().filter("provider_id", [""]).is_err());
        assert!(ListQuery::new().statuses([]).is_err());
        assert!(ListQuery::new().after("").is_err());
    }

    #[test]
    fn nothing_in_a_value_is_read_as_syntax() {
        let query = ListQuery::new()
            .ids(["a&limit=1#?[]%2f +\u{202e}"])
            .expect("not empty");
        assert_eq!(
            decoded(&query),
            [pair("id[]", "a&limit=1#?[]%2f +\u{202e}")]
        );
    }

    #[test]
    fn a_limit_is_clamped_to_the_servers_bounds() {
        assert_eq!(decoded(&ListQuery::new().limit(0)), [pair("limit", "1")]);
        assert_eq!(
            decoded(&ListQuery::new().limit(200)),
            [pair("limit", "100")]
        );
    }
}
