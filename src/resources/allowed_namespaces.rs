//! The namespaces that a ClusterConnection, or a resource that others refer to, allows.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::core::{Selector, SelectorExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;

/// Allowed namespaces: those that are named, and those whose labels match.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names of allowed namespaces.
    #[schemars(
        length(max = 1000),
        inner(length(min = 1, max = 63), regex(pattern = schema::NAMESPACE))
    )]
    pub names: Option<Vec<String>>,
    /// Selects allowed namespaces by their labels. An empty selector matches every namespace.
    #[serde(default)]
    #[schemars(schema_with = "schema::selector")]
    pub selector: Option<LabelSelector>,
}

impl AllowedNamespaces {
    /// Returns whether a namespace with these labels is allowed.
    #[must_use]
    pub fn allows(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        let named = self.names.iter().flatten().any(|name| name == namespace);
        // An invalid selector matches nothing: it must not allow everybody.
        let matches = |selector: &LabelSelector| {
            let expressions = selector.match_expressions.iter().flatten();
            let valid = expressions.clone().all(has_its_values);
            let selector = Selector::try_from(selector.clone());
            valid && selector.is_ok_and(|selector| selector.matches(labels))
        };
        named || self.selector.as_ref().is_some_and(matches)
    }
}

/// Returns whether a requirement has values to compare with, if its operator does: `NotIn` nothing would match everything.
fn has_its_values(requirement: &LabelSelectorRequirement) -> bool {
    let compares = matches!(requirement.operator.as_str(), "In" | "NotIn");
    compares != requirement.values.iter().flatten().next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn allows(requirement: &Value) -> bool {
        let allowed = json!({"selector": {"matchExpressions": [requirement]}});
        let allowed: AllowedNamespaces = serde_json::from_value(allowed).unwrap();
        allowed.allows("apps", &BTreeMap::from([("team".into(), "a".into())]))
    }

    #[test]
    fn a_requirement_without_its_values_or_with_values_that_it_does_not_use_allows_nobody() {
        assert!(allows(
            &json!({"key": "team", "operator": "In", "values": ["a"]})
        ));
        assert!(allows(
            &json!({"key": "team", "operator": "NotIn", "values": ["b"]})
        ));
        assert!(allows(&json!({"key": "team", "operator": "Exists"})));
        for operator in ["In", "NotIn"] {
            assert!(!allows(&json!({"key": "tier", "operator": operator})));
            assert!(!allows(
                &json!({"key": "tier", "operator": operator, "values": []})
            ));
        }
        let unused = json!({"key": "team", "operator": "Exists", "values": ["a"]});
        assert!(!allows(&unused));
    }
}
