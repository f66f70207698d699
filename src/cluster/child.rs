//! The kinds of child objects, and how one that exists differs from what is wanted.

use crate::plan::children::{ChildSpec, Data, EXPIRES_ANNOTATION, EXPORT_ANNOTATION, OPAQUE};
use crate::resources::FIELD_MANAGER;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use zeroize::Zeroizing;

/// A Kubernetes kind that can be a child object.
pub trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
{
    /// Returns a new object.
    fn new(metadata: ObjectMeta, type_: Option<String>, data: &Data) -> Self;
    /// Returns its content.
    fn content(&self) -> Data;
    /// Returns its type, which only a Secret has.
    fn type_(&self) -> Option<&str>;
    /// Returns bytes as they are sent in a patch.
    fn encode(bytes: &[u8]) -> Value;
}

impl Child for Secret {
    fn new(metadata: ObjectMeta, type_: Option<String>, data: &Data) -> Self {
        let bytes = |bytes: &Vec<u8>| ByteString(bytes.clone());
        let data = data.iter().map(|(key, value)| (key.clone(), bytes(value)));
        Self {
            metadata,
            type_,
            data: Some(data.collect()),
            ..Self::default()
        }
    }

    fn content(&self) -> Data {
        let data = self.data.iter().flatten();
        data.map(|(key, bytes)| (key.clone(), Zeroizing::new(bytes.0.clone())))
            .collect()
    }

    fn type_(&self) -> Option<&str> {
        self.type_.as_deref()
    }

    fn encode(bytes: &[u8]) -> Value {
        json!(ByteString(bytes.to_vec()))
    }
}

impl Child for ConfigMap {
    fn new(metadata: ObjectMeta, _: Option<String>, data: &Data) -> Self {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        let data = data.iter().map(|(key, value)| (key.clone(), text(value)));
        Self {
            metadata,
            data: Some(data.collect()),
            ..Self::default()
        }
    }

    fn content(&self) -> Data {
        let data = self.data.iter().flatten();
        data.map(|(key, text)| (key.clone(), Zeroizing::new(text.clone().into_bytes())))
            .collect()
    }

    fn type_(&self) -> Option<&str> {
        None
    }

    fn encode(bytes: &[u8]) -> Value {
        json!(String::from_utf8_lossy(bytes))
    }
}

/// Returns whether it has the wanted type, which Kubernetes does not let anybody change.
pub fn same_type<C: Child>(found: &C, wanted: &ChildSpec) -> bool {
    found.type_().unwrap_or(OPAQUE) == wanted.type_.as_deref().unwrap_or(OPAQUE)
}

/// Returns whether type, labels and annotations are as wanted.
pub fn in_shape<C: Child>(found: &C, wanted: &ChildSpec) -> bool {
    let has = |wanted: &BTreeMap<String, String>, found: &BTreeMap<String, String>| {
        wanted
            .iter()
            .all(|(key, value)| found.get(key) == Some(value))
    };
    left(found, "f:labels", &wanted.labels).is_empty()
        && left(found, "f:annotations", &wanted.annotations).is_empty()
        && has(&wanted.labels, found.labels())
        && has(&wanted.annotations, found.annotations())
        && same_type(found, wanted)
}

/// Annotations that the operator adds to those that are wanted.
const RECORD_ANNOTATIONS: [&str; 2] = [EXPORT_ANNOTATION, EXPIRES_ANNOTATION];

/// Returns the merge patch that turns `found` into what is wanted.
pub fn patch<C: Child>(
    found: &C,
    wanted: &ChildSpec,
    annotations: &BTreeMap<String, String>,
    data: &Data,
) -> Value {
    let content = data.iter();
    let mut content: Map<String, Value> = content
        .map(|(key, bytes)| (key.clone(), C::encode(bytes)))
        .collect();
    for key in found.content().into_keys() {
        content.entry(key).or_insert(Value::Null);
    }
    let texts = |field: &str, wanted: &BTreeMap<String, String>| {
        let left = left(found, field, wanted).into_iter();
        let mut texts: BTreeMap<String, Option<String>> = left.map(|key| (key, None)).collect();
        texts.extend(
            wanted
                .iter()
                .map(|(key, text)| (key.clone(), Some(text.clone()))),
        );
        if field == "f:annotations" && found.annotations().contains_key(EXPIRES_ANNOTATION) {
            // That of former tokens, where the new ones don't expire.
            texts.entry(EXPIRES_ANNOTATION.to_owned()).or_default();
        }
        texts
    };
    let mut metadata = json!({"uid": found.meta().uid});
    for (name, field, wanted) in [
        ("labels", "f:labels", &wanted.labels),
        ("annotations", "f:annotations", annotations),
    ] {
        let texts = texts(field, wanted);
        if !texts.is_empty() {
            metadata[name] = json!(texts);
        }
    }
    json!({"metadata": metadata, "data": content})
}

/// Returns the labels or annotations that we set once, as the API server's records of field managers show, and that are no
/// longer wanted.
fn left<C: Child>(found: &C, field: &str, wanted: &BTreeMap<String, String>) -> BTreeSet<String> {
    let entries = found.meta().managed_fields.iter().flatten();
    entries
        .filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER))
        .filter_map(|entry| entry.fields_v1.as_ref()?.0["f:metadata"][field].as_object())
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix("f:"))
        .filter(|key| !RECORD_ANNOTATIONS.contains(key) && !wanted.contains_key(*key))
        .map(str::to_owned)
        .collect()
}
