//! The namespaces that a ClusterConnection, or a resource that others refer to, allows.

use super::schema;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Selector, SelectorExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;
use std::collections::BTreeMap;

/// Allowed namespaces: those that are named, and those whose labels match.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
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
        // A selector that can't be parsed matches nothing: an invalid one must not allow everybody.
        let matches = |selector: &LabelSelector| {
            Selector::try_from(selector.clone()).is_ok_and(|selector| selector.matches(labels))
        };
        named || self.selector.as_ref().is_some_and(matches)
    }
}
