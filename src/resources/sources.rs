//! Where values come from: Secrets and ConfigMaps of the object's own namespace, or the manifest itself.

use super::schema;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// One key of a Secret or ConfigMap in the namespace of the object that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Key inside it.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::KEY))]
    pub key: String,
}

/// One key of a Secret in a named namespace; only cluster-scoped kinds have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedKeyRef {
    /// Namespace of the Secret.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::NAMESPACE))]
    pub namespace: String,
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Key inside it.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::KEY))]
    pub key: String,
}

/// A value that may be public: written here, or read from a ConfigMap or a Secret.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.value), has(self.configMapKeyRef), has(self.secretKeyRef)].filter(x, x).size() == 1")
    .message("set exactly one of value, configMapKeyRef and secretKeyRef"))]
pub struct ValueSource {
    /// The value itself, 1 to 100000 characters.
    #[schemars(length(min = 1, max = 100_000))]
    pub value: Option<String>,
    /// A key of a ConfigMap in this namespace. Must be UTF-8; a trailing newline is kept.
    pub config_map_key_ref: Option<KeyRef>,
    /// A key of a Secret in this namespace. Must be UTF-8; a trailing newline is kept.
    pub secret_key_ref: Option<KeyRef>,
}

/// A secret value: only ever read from a Secret of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// A key of a Secret in this namespace. Must be UTF-8; a trailing newline is kept.
    pub secret_key_ref: KeyRef,
}
