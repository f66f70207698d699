//! Query strings as the API reads them: arrays, ranges, and filters that it ignores.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use url::form_urlencoded;

use crate::errors::{ApiError, Problem, Result, refuse};
use crate::options::{Options, Quirk};

/// Largest number of elements of an array filter in older builds ▲.
const MOST_ELEMENTS: usize = 21;

/// Range filter on a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Range {
    greater: Option<Timestamp>,
    less: Option<Timestamp>,
    at_least: Option<Timestamp>,
    at_most: Option<Timestamp>,
}

impl Range {
    pub(crate) fn contains(&self, time: Timestamp) -> bool {
        self.greater.is_none_or(|bound| time > bound)
            && self.less.is_none_or(|bound| time < bound)
            && self.at_least.is_none_or(|bound| time >= bound)
            && self.at_most.is_none_or(|bound| time <= bound)
    }
}

/// Query of a list.
#[derive(Debug)]
pub(crate) struct ListQuery {
    pub(crate) limit: usize,
    pub(crate) after: Option<String>,
    pub(crate) before: Option<String>,
    pub(crate) descending: bool,
    /// Filters by name, without those that are ignored.
    pub(crate) filters: BTreeMap<String, Vec<String>>,
    pub(crate) ranges: BTreeMap<String, Range>,
}

/// Returns the last value of each parameter, without empty ones.
pub(crate) fn singles(query: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

impl ListQuery {
    /// Reads the query of a list whose filters are `known`, separated by spaces.
    pub(crate) fn parse(query: &str, known: &str, options: &Options) -> Result<ListQuery> {
        let mut list = ListQuery {
            limit: 20,
            after: None,
            before: None,
            descending: false,
            filters: BTreeMap::new(),
            ranges: BTreeMap::new(),
        };
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            list.read(&key, &value, known, options)?;
        }
        if list.after.is_some() && list.before.is_some() {
            if !options.has(Quirk::BeforeIgnoredWithAfter) {
                return Err(invalid("before", "not together with after", "", options));
            }
            list.before = None;
        }
        Ok(list)
    }

    fn read(&mut self, key: &str, value: &str, known: &str, options: &Options) -> Result<()> {
        let (name, part) = match key.split_once('[') {
            Some((name, part)) => (name, part.trim_end_matches(']')),
            None => (key, ""),
        };
        let is_bad = value.is_empty() || !known.split(' ').any(|known| known == name);
        match name {
            "limit" => self.limit = limit(value, options)?,
            "order" => {
                self.descending = match value {
                    "asc" => false,
                    "desc" => true,
                    _ => return Err(invalid("order", "asc or desc", value, options)),
                }
            }
            "after" | "before" if value.is_empty() => {}
            "after" => self.after = Some(value.to_owned()),
            "before" => self.before = Some(value.to_owned()),
            "cursor" => {}
            _ if is_bad && options.has(Quirk::BadFiltersIgnored) => {}
            _ if is_bad => {
                return Err(invalid(name, "a known filter with a value", value, options));
            }
            "created_at" | "updated_at" => self.read_range(name, part, value, options)?,
            _ if part.is_empty() || part.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.read_filter(name, value, options)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_filter(&mut self, name: &str, value: &str, options: &Options) -> Result<()> {
        if name == "status" && !matches!(value, "active" | "archived") {
            return Err(invalid("status", "active or archived", value, options));
        }
        let values = self.filters.entry(name.to_owned()).or_default();
        values.push(value.to_owned());
        if values.len() > MOST_ELEMENTS && options.has(Quirk::ShortArrayFilters) {
            return Err(invalid(name, "at most 21 elements", value, options));
        }
        Ok(())
    }

    fn read_range(&mut self, name: &str, part: &str, value: &str, options: &Options) -> Result<()> {
        let time: Timestamp = value
            .parse()
            .map_err(|_| invalid(name, "date", value, options))?;
        let range = self.ranges.entry(name.to_owned()).or_default();
        let inclusive = !options.has(Quirk::InclusiveRangesIgnored);
        match part {
            "gt" => range.greater = Some(time),
            "lt" => range.less = Some(time),
            "gte" if inclusive => range.at_least = Some(time),
            "lte" if inclusive => range.at_most = Some(time),
            _ => {}
        }
        Ok(())
    }
}

fn limit(value: &str, options: &Options) -> Result<usize> {
    match value.parse() {
        Ok(limit @ 1..=100) => Ok(limit),
        _ => Err(invalid("limit", "a number from 1 to 100", value, options)),
    }
}

/// Returns 400 for one query parameter.
pub(crate) fn invalid(name: &str, expected: &str, received: &str, options: &Options) -> ApiError {
    let problem = Problem {
        code: "invalid_value".to_owned(),
        message: "Invalid query parameter".to_owned(),
        path: vec![name.to_owned()],
        expected: Some(expected.to_owned()),
        received: Some(json!(received)),
    };
    refuse(&[problem], "query", options)
        .err()
        .unwrap_or_else(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<ListQuery> {
        ListQuery::parse(query, "id status created_at", &Options::default())
    }

    #[test]
    fn arrays_have_three_spellings() {
        for query in [
            "id[]=a&id[]=b",
            "id=a&id=b",
            "id[0]=a&id[1]=b",
            "id%5B%5D=a&id%5B%5D=b",
        ] {
            let list = parse(query).unwrap();
            assert_eq!(list.filters["id"], ["a", "b"], "{query}");
        }
        assert_eq!(parse("id=a,b").unwrap().filters["id"], ["a,b"]);
    }

    #[test]
    fn empty_and_unknown_filters_are_ignored() {
        let list = parse("id=&id[]=&metadata[uid]=x&color=red").unwrap();
        assert!(list.filters.is_empty());
        let strict = Options::default().without(Quirk::BadFiltersIgnored);
        assert!(ListQuery::parse("color=red", "id", &strict).is_err());
    }

    #[test]
    fn invalid_limits_statuses_and_orders_are_rejected() {
        for query in [
            "limit=0",
            "limit=101",
            "limit=many",
            "status=deleted",
            "order=up",
        ] {
            assert_eq!(parse(query).unwrap_err().status, 400, "{query}");
        }
        assert_eq!(parse("limit=100").unwrap().limit, 100);
    }
}
