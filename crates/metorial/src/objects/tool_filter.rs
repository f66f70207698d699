//! Tool filters. They are written as `tool_filters` and read as `tool_filter`, which has another shape.

use serde::{Deserialize, Serialize};

use super::null::null_as_default;

/// Tool filter. A single one has the same shape when written and when read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolFilter {
    /// Tools with these keys.
    ToolKeys {
        /// The keys.
        keys: Vec<String>,
    },
    /// Tools whose key matches.
    ToolRegex {
        /// The expression.
        pattern: String,
    },
    /// Resources whose URI matches.
    ResourceRegex {
        /// The expression.
        pattern: String,
    },
    /// Resources with these URIs.
    ResourceUris {
        /// The URIs.
        uris: Vec<String>,
    },
    /// Prompts with these keys.
    PromptKeys {
        /// The keys.
        keys: Vec<String>,
    },
    /// Prompts whose key matches.
    PromptRegex {
        /// The expression.
        pattern: String,
    },
    /// Filter that this client doesn't know. It can't be written.
    #[serde(other)]
    Unknown,
}

/// Tool filters of an object as read from `tool_filter`. They are written as `tool_filters`: null, one [`ToolFilter`] or a
/// list of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToolFilters {
    /// Nothing is filtered.
    AllowAll {
        /// True if the filters of the parent object are ignored.
        ignore_parent_filters: Option<bool>,
    },
    /// Only what at least one of the filters matches.
    Filter {
        /// The filters.
        #[serde(default, deserialize_with = "null_as_default")]
        filters: Vec<ToolFilter>,
        /// True if the filters of the parent object are ignored.
        ignore_parent_filters: Option<bool>,
    },
    /// Shape that this client doesn't know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_filter_reads_as_it_is_written() {
        for value in [
            json!({"type": "tool_keys", "keys": ["a"]}),
            json!({"type": "tool_regex", "pattern": "a"}),
            json!({"type": "resource_regex", "pattern": "a"}),
            json!({"type": "resource_uris", "uris": ["a"]}),
            json!({"type": "prompt_keys", "keys": ["a"]}),
            json!({"type": "prompt_regex", "pattern": "a"}),
        ] {
            let filter: ToolFilter = from_value(value.clone()).expect("a filter");
            assert_eq!(serde_json::to_value(&filter).expect("JSON"), value);
        }
    }

    #[test]
    fn shapes_of_a_later_server_decode_as_unknown() {
        let filters: ToolFilters =
            from_value(json!({"type": "deny_all", "reason": 1})).expect("tolerant");
        assert_eq!(filters, ToolFilters::Unknown);
        let filters: ToolFilters =
            from_value(json!({"type": "filter", "filters": [{"type": "agent_keys", "keys": [1]}]}))
                .expect("tolerant");
        let want = ToolFilters::Filter {
            filters: vec![ToolFilter::Unknown],
            ignore_parent_filters: None,
        };
        assert_eq!(filters, want);
    }
}
