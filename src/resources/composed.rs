//! Values that are composed from literals, Secrets and ConfigMaps, and small types of several kinds.

use super::schema;
use super::sources::KeyRef;
use jiff::SignedDuration;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;
use std::time::Duration;

/// A JSON object: a literal, and then parts from Secrets and ConfigMaps in their order. Secret as a whole.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.literal) || (has(self.from) && self.from.size() > 0)")
    .message("set literal, from, or both"))]
pub struct ComposedValue {
    /// What may be public.
    #[serde(default)]
    #[schemars(schema_with = "schema::literal")]
    pub literal: Option<Map<String, Value>>,
    /// Parts from Secrets and ConfigMaps; a later one overwrites an earlier one.
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
        .message("the pointer '' is the whole value: it needs format Json")
)]
pub struct ValuePart {
    /// Where it goes: a JSON pointer (RFC 6901) such as `/password`; missing parents are made. `""` is the whole value.
    #[schemars(length(max = 500), regex(pattern = "^(/([^~/]|~[01])*)*$"))]
    pub pointer: String,
    /// A key of a Secret in this namespace.
    pub secret_key_ref: Option<KeyRef>,
    /// A key of a ConfigMap in this namespace.
    pub config_map_key_ref: Option<KeyRef>,
    /// `Text` (default) or `Json`.
    pub format: Option<PartFormat>,
}

/// How a part is read: `Text` (default) as one string, `Json` as JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PartFormat {
    /// One string.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// `Schema` (default) checks the value against the schema that Metorial publishes before anything is sent; `None` does
/// not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Validation {
    /// Check.
    #[default]
    Schema,
    /// Send as it is.
    None,
}

/// `Allow` (default): a field that Metorial can't change leads to a new object, and the old one is deleted. `Never`: such
/// a change is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Replace {
    /// Make a new one.
    #[default]
    Allow,
    /// Refuse.
    Never,
}

/// A resource of this namespace.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253), regex(pattern = schema::NAME))]
    pub name: String,
}

/// A duration from nothing to a day, such as `30s`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Grace(
    /// The text as it was written.
    #[schemars(schema_with = "schema::grace")]
    pub String,
);

impl Grace {
    /// The duration; nothing where the text is none (admission refuses those).
    #[must_use]
    pub fn duration(&self) -> Duration {
        let parsed = self.0.parse::<SignedDuration>().unwrap_or_default();
        Duration::try_from(parsed).unwrap_or_default()
    }
}

/// Lets tools, prompts or resources through.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.type in ['tool_keys', 'prompt_keys']) == has(self.keys)")
        .message("keys goes with the types tool_keys and prompt_keys"),
    validation = Rule::new("(self.type in ['tool_regex', 'resource_regex', 'prompt_regex']) == has(self.pattern)")
        .message("pattern goes with the types tool_regex, resource_regex and prompt_regex"),
    validation = Rule::new("(self.type == 'resource_uris') == has(self.uris)")
        .message("uris goes with the type resource_uris")
)]
pub struct ToolFilter {
    /// Which sort of filter it is.
    #[serde(rename = "type")]
    pub type_: ToolFilterType,
    /// Keys of tools or prompts.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 500)))]
    pub keys: Option<Vec<String>>,
    /// A regular expression.
    #[schemars(length(min = 1, max = 1000))]
    pub pattern: Option<String>,
    /// URIs of resources.
    #[schemars(length(min = 1, max = 200), inner(length(min = 1, max = 2000)))]
    pub uris: Option<Vec<String>>,
}

/// The sort of a tool filter, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolFilterType {
    /// Tools by key.
    ToolKeys,
    /// Tools by pattern.
    ToolRegex,
    /// Resources by pattern.
    ResourceRegex,
    /// Resources by URI.
    ResourceUris,
    /// Prompts by key.
    PromptKeys,
    /// Prompts by pattern.
    PromptRegex,
}
