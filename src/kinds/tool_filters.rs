//! Tool filters in one form: written as `tool_filters` and read as `tool_filter`, which differ in name and shape.

use crate::plan::fields::{Blank, Compare, FieldRule, Remedy, Role};
use crate::resources::ToolFilter;
use metorial::ToolFilters;
use serde::Serialize;
use serde_json::Value;

/// The field of the kinds that have tool filters.
pub const TOOL_FILTERS: FieldRule = FieldRule {
    name: "toolFilters",
    role: Role::Other,
    create: &["tool_filters"],
    compare: Compare::Readable,
    remedy: Remedy::Patch("tool_filters"),
    blank: Blank::ClearsByNull,
};

/// Returns the desired filters: a list in one order, empty for "all".
#[must_use]
pub fn wanted(filters: Option<&Vec<ToolFilter>>) -> Value {
    normal(filters.into_iter().flatten())
}

/// Returns the existing filters in the same form; `None` where the answer has a shape that can't be compared.
#[must_use]
pub fn observed(filters: Option<&ToolFilters>) -> Option<Value> {
    match filters? {
        ToolFilters::AllowAll { .. } => Some(Value::Array(Vec::new())),
        ToolFilters::Filter { filters, .. } => Some(normal(filters)),
        ToolFilters::Unknown => None,
    }
}

/// Sets have no order: neither the filters nor the names in one.
fn normal(filters: impl IntoIterator<Item: Serialize>) -> Value {
    let mut filters: Vec<Value> = filters
        .into_iter()
        .filter_map(|filter| serde_json::to_value(filter).ok())
        .collect();
    for filter in &mut filters {
        for key in ["keys", "uris"] {
            if let Some(Value::Array(names)) = filter.get_mut(key) {
                names.sort_by_key(ToString::to_string);
                names.dedup();
            }
        }
    }
    filters.sort_by_key(ToString::to_string);
    filters.dedup();
    Value::Array(filters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn what_is_written_and_what_is_read_of_it_are_equal_in_any_order() {
        let written: Vec<ToolFilter> = from_value(json!([
            {"type": "tool_keys", "keys": ["b", "a"]},
            {"type": "resource_regex", "pattern": "^docs"}
        ]))
        .unwrap();
        let read: ToolFilters = from_value(json!({"type": "filter", "filters": [
            {"type": "resource_regex", "pattern": "^docs"},
            {"type": "tool_keys", "keys": ["a", "b"]}
        ]}))
        .unwrap();
        assert_eq!(Some(wanted(Some(&written))), observed(Some(&read)));
        let all: ToolFilters = from_value(json!({"type": "allow_all"})).unwrap();
        assert_eq!(Some(wanted(None)), observed(Some(&all)));
    }
}
