//! Values that are composed from literals, Secrets and ConfigMaps, and small types that several kinds use.

use super::schema;
use super::sources::KeyRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

/// A JSON object: first `literal`, then the parts in `from` in their order. The result is treated as secret as a whole.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.literal) || (has(self.from) && self.from.size() > 0)")
    .message("set literal, from, or both"))]
pub struct ComposedValue {
    /// The parts of the object that aren't secret. At most 64 KiB and 16 levels.
    #[serde(default)]
    #[schemars(schema_with = "schema::literal")]
    pub literal: Option<Map<String, Value>>,
    /// Parts from Secrets and ConfigMaps. A later part overwrites an earlier one.
    #[schemars(length(max = 64))]
    pub from: Option<Vec<ValuePart>>,
}

/// One part of a composed value.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.secretKeyRef) != has(self.configMapKeyRef)")
        .message("set exactly one of secretKeyRef and configMapKeyRef"),
    validation = Rule::new("self.pointer != '' || (has(self.format) && self.format == 'Json')")
        .message("pointer '' sets the whole value: set format to Json, or name a field in pointer")
)]
pub struct ValuePart {
    /// Where the part is put: a JSON pointer (RFC 6901) such as `/password`. Missing parents are created. `""` sets the
    /// whole value.
    #[schemars(length(max = 500), regex(pattern = schema::POINTER))]
    pub pointer: String,
    /// A key of a Secret in this namespace.
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap in this namespace.
    pub config_map_key_ref: Option<KeyRef>,
    /// Format of the part. Default `Text`.
    pub format: Option<PartFormat>,
}

/// Format of the part. `Text` (default): one string. `Json`: parsed as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PartFormat {
    /// As one string.
    #[default]
    Text,
    /// Parsed as JSON.
    Json,
}

/// Check of the value before it is sent. `Schema` (default) checks it against the schema that Metorial
/// publishes. `None` sends it unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Validation {
    /// Check the value against the schema that Metorial publishes.
    #[default]
    Schema,
    /// Send the value unchecked.
    None,
}

/// Handling of a changed field that Metorial can't change. `Allow` creates a new remote object and deletes the old
/// one. `Never` keeps the old one and reports `ImmutableFieldChanged`. Default `Allow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Replace {
    /// Create a new remote object and delete the old one.
    #[default]
    Allow,
    /// Keep the old remote object and report `ImmutableFieldChanged`.
    Never,
}

/// A reference to another resource.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRef {
    /// Name of the resource.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
    /// Namespace of the resource. Default: this one. Another namespace only works if the resource there allows this one in
    /// its `spec.allowedNamespaces`.
    #[schemars(length(min = 1, max = 63), regex(pattern = schema::NAMESPACE))]
    pub namespace: Option<String>,
}

/// A filter that admits tools, prompts or resources.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.type in ['tool_keys', 'prompt_keys']) == has(self.keys)")
        .message("keys must be set for the types tool_keys and prompt_keys, and only for them"),
    validation = Rule::new("(self.type in ['tool_regex', 'resource_regex', 'prompt_regex']) == has(self.pattern)")
        .message("pattern must be set for the types tool_regex, resource_regex and prompt_regex, and only for them"),
    validation = Rule::new("(self.type == 'resource_uris') == has(self.uris)")
        .message("uris must be set for the type resource_uris, and only for it")
)]
pub struct ToolFilter {
    /// Type of the filter: the names that it compares, and with keys, a pattern or URIs.
    #[serde(rename = "type")]
    pub type_: ToolFilterType,
    /// Keys of the tools or prompts to admit.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 500)))]
    pub keys: Option<Vec<String>>,
    /// A regular expression for what is admitted.
    #[schemars(length(min = 1, max = 1000))]
    pub pattern: Option<String>,
    /// URIs of the resources to admit.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 2000)))]
    pub uris: Option<Vec<String>>,
}

/// The type of a tool filter, as the API names it: what the filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolFilterType {
    /// Tools, by key.
    ToolKeys,
    /// Tools, by regular expression.
    ToolRegex,
    /// Resources, by regular expression.
    ResourceRegex,
    /// Resources, by URI.
    ResourceUris,
    /// Prompts, by key.
    PromptKeys,
    /// Prompts, by regular expression.
    PromptRegex,
}
