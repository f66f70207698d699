//! Where values come from: Secrets and ConfigMaps of the resource's own namespace, or the manifest itself.

use super::schema;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

/// One key of a Secret or ConfigMap in the namespace of the resource that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRef {
    /// Name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Key in the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::KEY))]
    pub key: String,
}

/// One key of a Secret or ConfigMap in any namespace. Only cluster-scoped kinds have such references.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedKeyRef {
    /// Namespace of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::NAMESPACE))]
    pub namespace: String,
    /// Name of the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Key in the Secret or ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::KEY))]
    pub key: String,
}

/// A value that need not be secret: written here, or read from a ConfigMap or a Secret.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.value), has(self.configMapKeyRef), has(self.secretKeyRef)].filter(x, x).size() == 1")
    .message("set exactly one of value, configMapKeyRef and secretKeyRef"))]
pub struct ValueSource {
    /// The value itself, 1 to 100000 characters.
    #[schemars(length(min = 1, max = 100_000))]
    pub value: Option<String>,
    /// A key of a ConfigMap in this namespace. Its value must be UTF-8. A trailing newline is part of the value.
    pub config_map_key_ref: Option<KeyRef>,
    /// A key of a Secret in this namespace. Its value must be UTF-8. A trailing newline is part of the value.
    pub secret_key_ref: Option<KeyRef>,
}

/// A secret value: always read from a Secret of the same namespace, never written in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// A key of a Secret in this namespace. Its value must be UTF-8. A trailing newline is part of the value.
    pub secret_key_ref: KeyRef,
}
